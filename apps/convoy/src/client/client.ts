/** convoy's command line as a client of the daemon: one request per volume, with convoy's output. */
import { request as httpRequest } from 'node:http';
import { assertNever, DomainError, messageOf, systemCodeOf } from '@drydock/base/errors';
import { toLogrusLine } from '@drydock/base/logrus-text';
import { parseSizeBytes } from '@drydock/fake-drivers';
import { toGoJson } from '@drydock/volume-plugin';
import type { CommandLine } from '../command-line.ts';

export interface Output {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
}

type ClientCommand = Extract<CommandLine, { global: unknown }>;

/** The daemon is not there, refused, or did not answer in time. */
class DaemonCallError extends DomainError<'DAEMON_CALL_FAILED'> {
  readonly code = 'DAEMON_CALL_FAILED';
}

/** Longer than any operation of a driver takes; the daemon bounds those. */
const ANSWER_MS_MAX = 5 * 60_000;

/** Runs one command; gives the exit code. */
export async function runClientCommand(command: ClientCommand, output: Output): Promise<number> {
  try {
    await callDaemon(command, output);
    return 0;
  } catch (error) {
    return reportFailure(error, output);
  }
}

/** convoy's way to fail: JSON on stdout, a log line on stderr, exit code 1. */
export function reportFailure(error: unknown, output: Output): number {
  const message = messageOf(error);
  output.stderr(toLogrusLine('error', message));
  output.stdout(`${toGoJson({ Error: message }, '\t')}\n`);
  return 1;
}

async function callDaemon(command: ClientCommand, output: Output): Promise<void> {
  const { socketPath, isVerbose } = command.global;
  const show = async (verb: string, path: string, body: object | null): Promise<void> =>
    output.stdout(`${await callOnce(socketPath, verb, path, body)}\n`);
  switch (command.kind) {
    case 'create': {
      const { name: Name, driver: DriverName, backup: BackupURL, endpoint: Endpoint, id, type: Type } = command;
      const Size = parseSizeBytes(command.size);
      const rest = { DriverVolumeID: id, Type, IOPS: parseSizeBytes(command.iops), PrepareForVM: command.isForVm };
      await show('POST', '/volumes/create', {
        Name,
        DriverName,
        Size,
        BackupURL,
        Endpoint,
        ...rest,
        Verbose: isVerbose,
      });
      return;
    }
    case 'delete':
      await deleteAll(command, output);
      return;
    case 'list':
      await show('GET', `/volumes/list?${command.asksDriver ? 'driver=1' : ''}`, null);
      return;
    case 'info':
      await show('GET', '/info', null);
      return;
    case 'snapshot':
    case 'backup':
      // DEVIATION: there are no snapshots and no backups.
      throw new DaemonCallError(`${command.kind === 'snapshot' ? 'Snapshots' : 'Backups'} are not supported`);
    case 'inspect':
      await show('GET', '/volumes/', { VolumeName: command.name });
      return;
    case 'mount':
      await mount(command, output);
      return;
    case 'umount':
      await show('POST', '/volumes/umount', { VolumeName: command.name });
      return;
    default:
      assertNever(command);
  }
}

async function mount(command: Extract<ClientCommand, { kind: 'mount' }>, output: Output): Promise<void> {
  const { socketPath, isVerbose, version } = command.global;
  const request = { VolumeName: command.name, MountPoint: command.mountpoint, Verbose: isVerbose };
  try {
    output.stdout(`${await callOnce(socketPath, 'POST', '/volumes/mount', request)}\n`);
  } catch (error) {
    // convoy 0.4 looks the name up before it asks.
    const isUnknown = messageOf(error).includes(`volume ${command.name} doesn't exist`);
    if (version !== '0.4' || !isUnknown) throw error;
    throw new DaemonCallError(`Cannot find volume with name or id ${command.name}`, { cause: error });
  }
}

/** Every volume is tried; the last failure is the command's. */
async function deleteAll(command: Extract<ClientCommand, { kind: 'delete' }>, output: Output): Promise<void> {
  let failure: DomainError | undefined;
  for (const name of command.names) {
    const request = { VolumeName: name, ReferenceOnly: command.referenceOnly };
    try {
      output.stdout(`${await callOnce(command.global.socketPath, 'DELETE', '/volumes/', request)}\n`);
    } catch (error) {
      if (!(error instanceof DaemonCallError)) throw error;
      failure = error;
      if (command.global.version === '0.5') output.stdout(`Error deleting ${name}: ${messageOf(error)}\n`);
    }
  }
  if (failure !== undefined) throw failure;
}

async function callOnce(socketPath: string, verb: string, path: string, body: object | null): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const payload = toGoJson(body);
  const request = httpRequest(
    {
      socketPath,
      method: verb,
      path: `/v1${path}`,
      headers: { Host: '', 'User-Agent': 'Convoy-Client/1', 'Content-Length': Buffer.byteLength(payload) },
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
      agent: false,
    },
    (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      );
    },
  );
  request.on('error', reject);
  request.end(payload);
  const answer = await promise.catch((error: unknown) => {
    const reason = reasons[systemCodeOf(error) ?? ''] ?? messageOf(error);
    throw new DaemonCallError(
      `${verb} http://convoy/v1${path}: dial unix ${socketPath}: connect: ${reason}. Is the convoy daemon running?`,
      { cause: error },
    );
  });
  if (answer.status !== 200) throw new DaemonCallError(`Error response from server, ${answer.body}`);
  return answer.body;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  ECONNREFUSED: 'connection refused',
  EACCES: 'permission denied',
};

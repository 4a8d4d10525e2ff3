/** How probes try things. */
import { constants } from 'node:fs';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { DomainError, messageOf } from '@drydock/base/errors';
import { run } from '@drydock/base/subprocess';
import { isOrdinaryUser } from '@drydock/cluster';

/** What was tried does not work; the message says why. */
export class UnavailableError extends DomainError<'UNAVAILABLE'> {
  readonly code = 'UNAVAILABLE';
}

const TRIAL_MS_MAX = 10_000;
/** Where system programs are that an ordinary user's PATH often lacks; clusters look there, too. */
const SYSTEM_PATH = '/usr/local/sbin:/usr/sbin:/sbin';

/** What the command says, on stderr where it says nothing on stdout. @throws UnavailableError, SubprocessError */
export async function tryCommand(argv: readonly [string, ...string[]]): Promise<string> {
  const env = { PATH: `${process.env['PATH'] ?? ''}:${SYSTEM_PATH}` };
  const result = await run(argv, { timeoutMs: TRIAL_MS_MAX, env });
  if (result.exitCode === 0) return result.stdout || result.stderr;
  const why = result.stderr.trim().split('\n').at(-1) ?? '';
  throw new UnavailableError(why === '' ? `exited with ${result.exitCode ?? result.signal}` : why);
}

export function firstLine(output: string): string {
  return output.trimStart().split('\n')[0] ?? '';
}

/** `script` runs in a directory and a mount namespace that are gone afterwards, and its mounts with them. */
export async function tryMounting(script: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'drydock-doctor-'));
  const namespace = isOrdinaryUser() ? ['-Ur', '--mount'] : ['--mount'];
  // Inside, because an overlay's work directory is closed to everybody but root, and an ordinary user is root inside only.
  const cleanUp = 'cd /; umount "$1/m" 2>/dev/null; rm -rf "$1"/*';
  try {
    await tryCommand([
      ...(['unshare', ...namespace, 'sh', '-ec'] as const),
      `trap '${cleanUp}' EXIT; cd "$1"; ${script}`,
      'sh',
      directory,
    ]);
    return '';
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Which version of control groups can be written. @throws UnavailableError */
export async function tryControlGroups(): Promise<string> {
  const paths = [
    ['v1', '/sys/fs/cgroup/memory'],
    ['v2', '/sys/fs/cgroup/cgroup.subtree_control'],
  ] as const;
  const problems: string[] = [];
  for (const [version, path] of paths) {
    try {
      await access(path, constants.W_OK);
      return version;
    } catch (error) {
      problems.push(messageOf(error));
    }
  }
  throw new UnavailableError(problems.join('; '));
}

/** The engine that serves on `socketPath`, or else what tests start one of their own with, which root may. */
export async function tryDockerEngine(socketPath: string): Promise<string> {
  try {
    return await dockerVersion(socketPath);
  } catch (error) {
    if (isOrdinaryUser()) throw error;
    const version = firstLine(await tryCommand(['dockerd', '--version']));
    return `none at ${socketPath}, tests start their own: ${version}`;
  }
}

/** @throws UnavailableError, or the error of the connection */
async function dockerVersion(socketPath: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const asking = request({ socketPath, path: '/version', timeout: TRIAL_MS_MAX }, (response) => {
    if (response.statusCode !== 200) reject(new UnavailableError(`${socketPath} answers ${response.statusCode}`));
    text(response).then(resolve, reject);
  });
  asking.on('timeout', () => asking.destroy(new UnavailableError(`${socketPath} does not answer`)));
  asking.on('error', reject);
  asking.end();
  const answer: unknown = JSON.parse(await promise);
  if (typeof answer === 'object' && answer !== null && 'Version' in answer) return String(answer.Version);
  throw new UnavailableError(`${socketPath} answers without a version`);
}

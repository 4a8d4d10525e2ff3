import { STATUS_CODES } from 'node:http';
import { constants, userInfo } from 'node:os';
import { DomainError, messageOf, systemCodeOf } from '@drydock/base/errors';
import { FlagsError, parseFlags, usage } from '@drydock/base/gflags';
import { PeerRefusedError, SubscriptionRefusedError } from '@drydock/mesos';
import { ErrorEventError, runTask } from './command-scheduler.ts';
import { ExecuteFlagError } from './execute-flag-error.ts';
import { executeRequest } from './execute-request.ts';
import { executeFlags } from './flags.ts';

/**
 * Flags in, exit status out: 0 when the task has ended, however it ended; 1 when it could not be followed to its end;
 * 128 + n after signal n.
 * @see src/cli/execute.cpp main
 */
export async function executeMain(argv: readonly string[]): Promise<number> {
  const help = usage('mesos-execute', 'Runs one task and follows it to its end.', executeFlags);
  const interrupted = new AbortController();
  let signalNumber: number | undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      // The second one does not wait for the master.
      if (signalNumber !== undefined) process.exit(128 + signalNumber);
      signalNumber = constants.signals[signal];
      interrupted.abort();
    });
  }
  try {
    const { values: flags, isHelp } = parseFlags(executeFlags, argv);
    if (isHelp) {
      process.stdout.write(help);
      return 0;
    }
    const request = executeRequest(flags, currentUser());
    await runTask(request, { signal: interrupted.signal, print: (text) => void process.stdout.write(`${text}\n`) });
    return exitStatus(signalNumber, 0);
  } catch (error) {
    if (signalNumber === undefined) process.stderr.write(failureText(error, help));
    return exitStatus(signalNumber, 1);
  }
}

function exitStatus(signalNumber: number | undefined, otherwise: number): number {
  return signalNumber === undefined ? otherwise : 128 + signalNumber;
}

function currentUser(): string {
  try {
    return userInfo().username;
  } catch (error) {
    if (systemCodeOf(error) !== 'ERR_SYSTEM_ERROR') throw error;
    throw new ExecuteFlagError(`No username for uid ${process.getuid?.() ?? -1}`, { cause: error });
  }
}

/** What stderr gets. A programmer error keeps its stack. */
function failureText(error: unknown, help: string): string {
  if (error instanceof FlagsError) return `${error.message}\n\n${help}`;
  if (error instanceof ExecuteFlagError) return exitText(error.message) + (error.isUsage ? `\n${help}` : '');
  if (error instanceof SubscriptionRefusedError) return exitText(new ErrorEventError(error.reason).message);
  // Upstream's client library turns an unexpected answer into an ERROR event.
  if (error instanceof PeerRefusedError) {
    const status = `${error.status} ${STATUS_CODES[error.status] ?? ''}`.trim();
    return exitText(new ErrorEventError(`Received unexpected '${status}' (${error.body})`).message);
  }
  if (error instanceof DomainError) return exitText(messageOf(error));
  return `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
}

function exitText(message: string): string {
  return `EXIT with status 1: ${message}\n`;
}

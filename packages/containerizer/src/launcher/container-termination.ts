/**
 * How a container ended, read from the shim's exit file.
 *
 * A container's pid 1 is tini, which turns "my child was ended by signal n" into "I exited with 128 + n", and the runtime
 * passes that on. So 143 from a task that exits by itself and 143 from a task that SIGTERM ended look the same. They are
 * told apart by what the agent knows: a code of 128 + n counts as signal n only when the agent itself sent signal n, or
 * when it is SIGKILL and the kernel counted an out-of-memory kill in the container. Everything else is an exit code.
 *
 * DEVIATION: upstream's launch helper is the task's parent and sees the wait status itself, so a task that crashes shows
 * as `Command terminated with signal Segmentation fault` there and as `Command exited with status 139` here.
 */
import { constants } from 'node:os';

export type ContainerTermination =
  | {
      /** The command was started and has ended. */
      readonly how: 'exited';
      /** As the runtime gave it; 128 + n when `signal` is set. */
      readonly exitCode: number;
      /** Signal name, e.g. `SIGTERM`, when a signal is known to have ended it. */
      readonly signal?: NodeJS.Signals;
      /** As wait(2) encodes it: exit code * 256, or the signal's number. */
      readonly waitStatus: number;
      readonly isOutOfMemory: boolean;
    }
  /** The command was never started. */
  | { readonly how: 'launch-failed'; readonly message: string }
  /** The command was started, and its supervisor was killed before it could write down how it ended. */
  | { readonly how: 'unknown'; readonly message: string };

/** A signal of an agent's to a container. */
export type SentSignal = 'SIGTERM' | 'SIGKILL';

/** The three words of an exit file. */
export interface ExitRecord {
  /** `aborted`: the gate was closed before the command was started. */
  readonly how: 'exited' | 'launch-failed' | 'aborted';
  readonly exitCode: number;
  readonly oomKillCount: number;
}

/** Undefined when the text is not a whole exit file. */
export function parseExitRecord(text: string): ExitRecord | undefined {
  const match = /^(exited|launch-failed|aborted) (\d+) (\d+)\n$/.exec(text);
  if (match === null) return undefined;
  const how = match[1] === 'exited' || match[1] === 'aborted' ? match[1] : 'launch-failed';
  return { how, exitCode: Number(match[2]), oomKillCount: Number(match[3]) };
}

/** Interprets the exit code of a started command; `sentSignals` are those that the agent sent to it. */
export function toTermination(
  record: { readonly exitCode: number; readonly oomKillCount: number },
  sentSignals: ReadonlySet<SentSignal>,
): ContainerTermination {
  const { exitCode } = record;
  const isOutOfMemory = record.oomKillCount > 0;
  const signal = knownSignal(exitCode, sentSignals, isOutOfMemory);
  return {
    how: 'exited',
    exitCode,
    waitStatus: signal === undefined ? exitCode * 256 : constants.signals[signal],
    isOutOfMemory,
    ...(signal === undefined ? {} : { signal }),
  };
}

function knownSignal(
  exitCode: number,
  sentSignals: ReadonlySet<SentSignal>,
  isOutOfMemory: boolean,
): SentSignal | undefined {
  if (exitCode === 128 + constants.signals.SIGKILL && (sentSignals.has('SIGKILL') || isOutOfMemory)) return 'SIGKILL';
  if (exitCode === 128 + constants.signals.SIGTERM && sentSignals.has('SIGTERM')) return 'SIGTERM';
  return undefined;
}

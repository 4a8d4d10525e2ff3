/**
 * The one way in which daemons and tests run other programs: an argv array (never a shell string), its own process group,
 * bounded output, staged termination (SIGTERM, `killAfterMs`, SIGKILL, both to the whole group).
 */
import { execa } from 'execa';
import { DomainError } from './errors.ts';

/** The program could not be started at all (missing, not executable). */
export class SpawnFailedError extends DomainError<'SPAWN_FAILED'> {
  readonly code = 'SPAWN_FAILED';
  readonly command: string;

  constructor(command: string, cause: unknown) {
    super(`Failed to execute '${command}': ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.command = command;
  }
}

/** How a program ended. Exactly one of `exitCode` and `signal` is set. */
export interface RunResult {
  readonly command: string;
  readonly exitCode?: number;
  /** Signal name, e.g. `SIGKILL`. */
  readonly signal?: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly isTimedOut: boolean;
  readonly isCanceled: boolean;
  /** More than `outputBytesMax` was written; the program was ended. */
  readonly isOutputTooLong: boolean;
}

export interface RunOptions {
  /** Ends the program; the result then has `isCanceled`. */
  readonly signal?: AbortSignal;
  /** Ends the program; the result then has `isTimedOut`. Default: none, the caller's signal is the bound. */
  readonly timeoutMs?: number;
  /** From SIGTERM to SIGKILL. Default 5000; 0 sends SIGKILL at once. */
  readonly killAfterMs?: number;
  /** Default: this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Written to stdin; default: stdin is /dev/null. */
  readonly input?: string;
  /** Per stream; default 1 MiB. */
  readonly outputBytesMax?: number;
  /** The kernel ends the program with SIGKILL when this process ends, however it does. Needs util-linux' setpriv. */
  readonly endsWithParent?: boolean;
}

/** Replaces itself with the program, so that there is no further process. */
const SETPRIV = ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--'] as const;
/** Its exit codes for a program that it cannot execute. */
const SETPRIV_FAILURES = [126, 127];

/**
 * Runs a program to its end. Resolves however it ends; the caller looks at the result.
 * @throws SpawnFailedError when it cannot be started
 */
export async function run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<RunResult> {
  const [file, ...args] = options.endsWithParent === true ? ([...SETPRIV, ...argv] as const) : argv;
  const { killAfterMs = 5_000, outputBytesMax = 1024 * 1024 } = options;
  const command = argv.join(' ');
  const result = await execa(file, args, {
    reject: false,
    stripFinalNewline: false,
    encoding: 'utf8',
    maxBuffer: outputBytesMax,
    killDescendants: true,
    killSignal: killAfterMs === 0 ? 'SIGKILL' : 'SIGTERM',
    forceKillAfterDelay: killAfterMs === 0 ? false : killAfterMs,
    extendEnv: options.env === undefined,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.env === undefined ? {} : { env: { ...options.env } }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
  });
  if (result.exitCode === undefined && result.signal === undefined && !result.isCanceled && !result.timedOut) {
    throw new SpawnFailedError(command, result instanceof Error ? (result.cause ?? result) : undefined);
  }
  if (options.endsWithParent === true && SETPRIV_FAILURES.includes(result.exitCode ?? 0)) {
    const why = /^setpriv: failed to execute (.*)$/m.exec(result.stderr)?.[1];
    if (why !== undefined) throw new SpawnFailedError(command, why);
  }
  return {
    command,
    stdout: result.stdout,
    stderr: result.stderr,
    isTimedOut: result.timedOut,
    isCanceled: result.isCanceled,
    isOutputTooLong: result.isMaxBuffer,
    ...(result.exitCode === undefined ? {} : { exitCode: result.exitCode }),
    ...(result.signal === undefined ? {} : { signal: result.signal }),
  };
}

/** A program that had to succeed did not. */
export class CommandFailedError extends DomainError<'COMMAND_FAILED'> {
  readonly code = 'COMMAND_FAILED';
  readonly result: RunResult;

  constructor(result: RunResult) {
    const how = result.isTimedOut
      ? 'timed out'
      : result.isCanceled
        ? 'was cancelled'
        : result.exitCode === undefined
          ? `was ended by ${result.signal}`
          : `exited with status ${result.exitCode}`;
    super(`'${result.command}' ${how}: ${(result.stderr.trim() || result.stdout.trim()).slice(-2_000)}`);
    this.result = result;
  }
}

/**
 * Runs a program that has to succeed and gives its stdout.
 * @throws CommandFailedError when it exits non-zero, is ended by a signal, times out or is cancelled
 */
export async function runOrThrow(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<string> {
  const result = await run(argv, options);
  if (result.exitCode !== 0 || result.isTimedOut || result.isCanceled) throw new CommandFailedError(result);
  return result.stdout;
}

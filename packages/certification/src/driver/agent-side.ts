/**
 * The mount namespace in which the Mesos agent of this driver would run: mounts of the driver have to be there, and
 * programs of the checks run in it. The suite's own processes never change their namespace.
 */
import { readlink } from 'node:fs/promises';
import { run, type RunResult } from '@drydock/base/subprocess';
import type { History } from '../run/history.ts';
import { CheckFailedError, HarnessError } from '../run/outcome.ts';
import { readMountTable, type MountEntry } from './mount-table.ts';

export interface ExecOptions {
  readonly input?: string;
  /** Default 20 s. */
  readonly timeoutMs?: number;
}

const EXEC_MS_MAX = 20_000;

export class AgentSide {
  /** Holds the namespace; undefined: this process does. */
  readonly pid: number | undefined;
  readonly #history: History;
  readonly #signal: AbortSignal;

  constructor(pid: number | undefined, history: History, signal: AbortSignal) {
    this.pid = pid;
    this.#history = history;
    this.#signal = signal;
  }

  /** The same namespace, for work that ends with `signal`. */
  until(signal: AbortSignal): AgentSide {
    return new AgentSide(this.pid, this.#history, signal);
  }

  /** A path of the namespace as this process can open it. Links on the way are not to be trusted with it. */
  pathFromHere(path: string): string {
    return this.pid === undefined ? path : `/proc/${this.pid}/root${path}`;
  }

  /** What `argv` has to be to run inside. */
  enter(argv: readonly [string, ...string[]]): readonly [string, ...string[]] {
    return this.pid === undefined ? argv : ['nsenter', `--target=${this.pid}`, '--mount', '--wdns=/', ...argv];
  }

  async mounts(): Promise<readonly MountEntry[]> {
    return await readMountTable(this.pid ?? 'self');
  }

  /** Mounts at a path; more than one when they are stacked. */
  async mountsAt(path: string): Promise<readonly MountEntry[]> {
    return (await this.mounts()).filter(({ mountpoint }) => mountpoint === path);
  }

  /** Runs a program inside to its end, and keeps what it printed as evidence. It is bounded, also when it hangs in a mount. */
  async exec(argv: readonly [string, ...string[]], options: ExecOptions = {}): Promise<RunResult> {
    this.#signal.throwIfAborted();
    const startedAt = performance.now();
    const result = await run(this.enter(argv), {
      cwd: '/',
      killAfterMs: 0,
      signal: this.#signal,
      timeoutMs: options.timeoutMs ?? EXEC_MS_MAX,
      ...(options.input === undefined ? {} : { input: options.input }),
    });
    this.#history.record({
      kind: 'command',
      argv,
      stdout: result.stdout,
      stderr: result.stderr,
      durationMs: Math.round(performance.now() - startedAt),
      ...(result.exitCode === undefined ? {} : { exitCode: result.exitCode }),
      ...(result.signal === undefined ? {} : { signal: result.signal }),
    });
    this.#signal.throwIfAborted();
    return result;
  }

  /** Writes a file of a volume. @throws CheckFailedError when the volume does not take it */
  async write(path: string, text: string): Promise<void> {
    const result = await this.exec(['sh', '-c', 'cat > "$1" && sync "$1"', 'write', path], { input: text });
    this.#mustSucceed(result, `${path} to be written`);
  }

  /** A file of a volume, undefined when it is not there. @throws CheckFailedError when it cannot be read */
  async read(path: string): Promise<string | undefined> {
    const result = await this.exec(['sh', '-c', 'test -e "$1" || exit 44; cat "$1"', 'read', path]);
    if (result.exitCode === 44) return undefined;
    return this.#mustSucceed(result, `${path} to be read`);
  }

  /** What is in a directory of a volume, sorted. @throws CheckFailedError when it cannot be read */
  async list(path: string): Promise<readonly string[]> {
    const stdout = this.#mustSucceed(await this.exec(['ls', '-A', '--', path]), `${path} to be a directory`);
    return stdout.split('\n').filter((name) => name !== '');
  }

  /** Whether both processes have the same mount namespace. */
  async isNamespaceOf(pid: number): Promise<boolean> {
    const namespaceOf = async (of: number | 'self'): Promise<string> => await readlink(`/proc/${of}/ns/mnt`);
    try {
      return (await namespaceOf(this.pid ?? 'self')) === (await namespaceOf(pid));
    } catch (error) {
      throw new HarnessError(`The mount namespace of process ${pid} cannot be read`, 'run the suite as root', {
        cause: error,
      });
    }
  }

  #mustSucceed(result: RunResult, what: string): string {
    if (result.exitCode === 0) return result.stdout;
    const got = result.isTimedOut ? 'no end' : result.stderr.trim() || `exit status ${result.exitCode}`;
    throw new CheckFailedError({ expected: what, got });
  }
}

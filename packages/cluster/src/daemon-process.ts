import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { DomainError } from '@drydock/base/errors';
import { excerptOf } from './log-excerpt.ts';

/** A daemon ended before it was ready; the message has the end of its log. */
export class DaemonFailedError extends DomainError<'DAEMON_FAILED'> {
  readonly code = 'DAEMON_FAILED';
}

/** What tells a daemon to end with all that it runs: SIGINT for an agent, which leaves some of that on SIGTERM. */
export type StopSignal = 'SIGTERM' | 'SIGINT';

export interface DaemonOptions {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** stdout and stderr go here. */
  readonly logPath: string;
  /** What tells the daemon to end with all that it runs. Default SIGTERM. */
  readonly stopSignal?: StopSignal;
  /** From that signal to SIGKILL. Default 15 s. */
  readonly stopMsMax?: number;
}

/** A process that runs until it is stopped; it is told to end when its owner dies. */
export class DaemonProcess implements AsyncDisposable {
  readonly name: string;
  readonly logPath: string;
  /** Resolves when it is gone, however that came. */
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #stopMsMax: number;
  readonly #stopSignal: StopSignal;
  #stopping: Promise<void> | undefined;

  private constructor(child: ChildProcess, options: DaemonOptions) {
    this.#child = child;
    const { promise, resolve } = Promise.withResolvers<void>();
    child.once('exit', () => resolve());
    this.exited = promise;
    this.name = options.name;
    this.logPath = options.logPath;
    this.#stopMsMax = options.stopMsMax ?? 15_000;
    this.#stopSignal = options.stopSignal ?? 'SIGTERM';
  }

  /** @throws DaemonFailedError when it cannot be started */
  static async start(options: DaemonOptions): Promise<DaemonProcess> {
    await using log = await open(options.logPath, 'a');
    const argv = ['--pdeathsig', (options.stopSignal ?? 'SIGTERM').slice('SIG'.length), ...options.argv];
    // In a session of its own, so that Ctrl-C at a terminal reaches the owner only: a daemon that is told to stop a
    // second time does not clean up.
    const child = spawn('setpriv', argv, {
      cwd: '/',
      env: { ...options.env },
      stdio: ['ignore', log.fd, log.fd],
      detached: true,
    });
    try {
      await once(child, 'spawn');
    } catch (error) {
      throw new DaemonFailedError(`Failed to start ${options.name}: ${String(error)}`, { cause: error });
    }
    return new DaemonProcess(child, options);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  /** Throws when the daemon is gone, with what it said last. @throws DaemonFailedError */
  async assertRunning(): Promise<void> {
    if (!this.hasEnded) return;
    const log = excerptOf(await readFile(this.logPath, 'utf8'));
    const how = this.#child.signalCode ?? `status ${this.#child.exitCode}`;
    throw new DaemonFailedError(`${this.name} ended with ${how}:\n${log}`);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The stop signal, then SIGKILL; resolves when it is gone. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    await this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    if (this.hasEnded) return;
    this.#child.kill(this.#stopSignal);
    const waiting = new AbortController();
    const late = delay(this.#stopMsMax, 'late', { signal: waiting.signal }).catch(() => 'ended');
    if ((await Promise.race([this.exited.then(() => 'ended'), late])) === 'late') this.#child.kill('SIGKILL');
    await this.exited;
    waiting.abort();
  }
}

import { messageOf } from '@drydock/base/errors';
import type { Logger } from '@drydock/base/log';
import type { ClockPort } from '@drydock/base/ports';

/** Something that failed and is tried again, for those who look. */
export interface PendingRetry {
  /** As given to `start`. */
  readonly key: string;
  /** Attempts that failed. */
  readonly failedCount: number;
  /** Of the last attempt. */
  readonly error: string;
  /** Milliseconds since the epoch of the first failure. */
  readonly since: number;
}

export interface RetriesOptions {
  readonly clock: ClockPort;
  readonly logger: Logger;
}

/** Pauses double from the first to the second. */
const PAUSE_MS_MIN = 1_000;
const PAUSE_MS_MAX = 60_000;

/** What has failed and is tried again in the background, with growing pauses, until it succeeds or nobody wants it. */
export class Retries implements AsyncDisposable {
  readonly #options: RetriesOptions;
  readonly #pending = new Map<string, PendingRetry>();
  readonly #running = new Map<string, Promise<void>>();
  /** Asked for while the last attempt for the key was about to end. */
  readonly #next = new Map<string, () => void>();
  readonly #stop = new AbortController();

  constructor(options: RetriesOptions) {
    this.#options = options;
  }

  get pending(): readonly PendingRetry[] {
    return [...this.#pending.values()];
  }

  /** Aborts when everything stops. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /**
   * Tries again, first after a pause; `attempt` gives whether it is done. One that is tried again already goes on, and this
   * one follows it.
   */
  start(key: string, error: unknown, attempt: (signal: AbortSignal) => Promise<boolean>): void {
    if (this.#stop.signal.aborted) return;
    if (this.#running.has(key)) {
      this.#next.set(key, () => this.start(key, error, attempt));
      return;
    }
    this.#pending.set(key, { key, failedCount: 1, error: messageOf(error), since: this.#options.clock.now() });
    const running = this.#run(key, attempt).finally(() => {
      this.#pending.delete(key);
      this.#running.delete(key);
      const next = this.#next.get(key);
      this.#next.delete(key);
      next?.();
    });
    this.#running.set(key, running);
  }

  /** Ends every attempt; what was pending stays as it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the isolator stops'));
    await Promise.all(this.#running.values());
  }

  async #run(key: string, attempt: (signal: AbortSignal) => Promise<boolean>): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#stop;
    for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
      // Rejects only when everything stops.
      const isStopped = await clock.sleep(pauseMs, { signal }).then(
        () => signal.aborted,
        () => true,
      );
      if (isStopped) return;
      try {
        if (await attempt(signal)) return;
      } catch (error) {
        const before = this.#pending.get(key);
        if (before === undefined || signal.aborted) return;
        this.#pending.set(key, { ...before, failedCount: before.failedCount + 1, error: messageOf(error) });
        logger.warning('Failed again, trying later', { what: key, failedCount: before.failedCount + 1, error });
      }
    }
  }
}

import type { ClockPort } from '@drydock/base/ports';

/** setTimeout fires at once when it is asked to wait for longer than this. */
const SLEEP_MS_MAX = 2 ** 31 - 1;

/** The timers of one owner. None outlives it, also none that is asked for when it is gone already. */
export class Timers implements Disposable {
  readonly #clock: ClockPort;
  readonly #running = new Set<AbortController>();
  #isDisposed = false;

  constructor(clock: ClockPort) {
    this.#clock = clock;
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    for (const stopping of this.#running) stopping.abort();
    this.#running.clear();
  }

  /** Runs `action` once, `delayMs` from now however far that is, unless the result is disposed before. */
  after(delayMs: number, action: () => void): Disposable {
    return this.#start(async (signal) => {
      if (await this.#sleep(delayMs, signal)) action();
    });
  }

  /** Runs `action` every `intervalMs` until the result is disposed. */
  every(intervalMs: number, action: () => void): Disposable {
    return this.#start(async (signal) => {
      while (await this.#sleep(intervalMs, signal)) action();
    });
  }

  #start(run: (signal: AbortSignal) => Promise<void>): Disposable {
    const stopping = new AbortController();
    if (!this.#isDisposed) {
      this.#running.add(stopping);
      void run(stopping.signal).finally(() => this.#running.delete(stopping));
    }
    return { [Symbol.dispose]: () => stopping.abort() };
  }

  /** False when the timer was stopped. */
  async #sleep(delayMs: number, signal: AbortSignal): Promise<boolean> {
    let restMs = delayMs;
    do {
      const stepMs = Math.min(restMs, SLEEP_MS_MAX);
      await this.#clock.sleep(stepMs, { signal }).catch(() => undefined); // Stopped meanwhile.
      restMs -= stepMs;
    } while (restMs > 0 && !signal.aborted);
    return !signal.aborted;
  }
}

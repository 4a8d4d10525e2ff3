import type { ClockPort } from '@drydock/base/ports';

interface Sleep {
  readonly dueMs: number;
  readonly wake: () => void;
}

/** A clock that stands still until the test moves it. */
export class ManualClock implements ClockPort {
  #nowMs = 1_000_000_000_000;
  readonly #sleeps = new Set<Sleep>();

  now(): number {
    return this.#nowMs;
  }

  /** Timers that somebody still waits for. */
  get pendingCount(): number {
    return this.#sleeps.size;
  }

  async sleep(ms: number, options: { signal?: AbortSignal } = {}): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sleep: Sleep = { dueMs: this.#nowMs + ms, wake: resolve };
    this.#sleeps.add(sleep);
    options.signal?.addEventListener('abort', () => reject(options.signal?.reason));
    try {
      await promise;
    } finally {
      this.#sleeps.delete(sleep);
    }
  }

  /** Moves on, and lets everything that is due on the way happen in its order. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const [next] = [...this.#sleeps].toSorted((a, b) => a.dueMs - b.dueMs);
      if (next === undefined || next.dueMs > untilMs) break;
      this.#nowMs = next.dueMs;
      next.wake();
      this.#sleeps.delete(next);
      await settle();
    }
    this.#nowMs = untilMs;
    await settle();
  }
}

const settle = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

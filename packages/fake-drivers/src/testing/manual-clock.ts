import type { ClockPort } from '@drydock/base/ports';

/** A clock that jumps: whoever sleeps wakes at once, and the time has passed. */
export interface ManualClock extends ClockPort {
  /** The sleeps so far, in ms, without those that were ended early. */
  readonly slept: readonly number[];
}

/** Sleeps of `longMs` and more are limits, not delays: they only end by their signal. */
export function createManualClock(longMs: number = 5_000): ManualClock {
  let now = 1_000_000;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    async sleep(ms, options) {
      options?.signal?.throwIfAborted();
      if (ms < longMs) {
        slept.push(ms);
        now += ms;
        return;
      }
      const { promise, reject } = Promise.withResolvers<void>();
      options?.signal?.addEventListener('abort', () => reject(options.signal?.reason), { once: true });
      await promise;
    },
  };
}

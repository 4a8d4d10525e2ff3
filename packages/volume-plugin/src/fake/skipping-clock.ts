import type { ClockPort } from '@drydock/base/ports';

/** A clock for tests whose sleeps take no time and are kept. */
export class SkippingClock implements ClockPort {
  /** Every sleep, in milliseconds. */
  readonly sleptMs: number[] = [];
  /** Runs in place of a sleep, for example to start what is waited for. */
  onSleep: (ms: number) => Promise<void> = async () => await Promise.resolve();
  #nowMs = 0;

  now(): number {
    return this.#nowMs;
  }

  async sleep(ms: number, options?: { signal?: AbortSignal }): Promise<void> {
    options?.signal?.throwIfAborted();
    this.sleptMs.push(ms);
    this.#nowMs += ms;
    await this.onSleep(ms);
  }
}

import type { ClockPort } from '@drydock/base/ports';
import type { CallOptions } from './volume-backing.ts';

export interface WaitOptions extends CallOptions {
  readonly clock: ClockPort;
  readonly pollMs: number;
  readonly waitMsMax: number;
}

/** Asks until the answer is one; undefined when it is none within the time. */
export async function pollUntil<T>(ask: () => Promise<T | undefined>, options: WaitOptions): Promise<T | undefined> {
  const { clock, pollMs, waitMsMax, signal } = options;
  const endsAt = clock.now() + waitMsMax;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined || clock.now() >= endsAt) return answer;
    await clock.sleep(pollMs, { signal });
  }
}

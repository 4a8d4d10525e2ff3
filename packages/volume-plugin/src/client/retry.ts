/**
 * The retry schedule of Docker's plugin client, which dvdcli inherits: 1, 2, 4, 8 s and so on, as long as the next wait
 * would end within 30 s of the start. When attempts themselves take no time, that is four waits, 15 s.
 */
import type { ClockPort } from '@drydock/base/ports';

const WAIT_MS_MAX = 30_000;
const TOTAL_MS_MAX = 30_000;

/** What a client says while it works; dvdcli prints these. */
export type PluginClientEvent =
  | { readonly kind: 'locate-retry'; readonly driver: string; readonly delayMs: number }
  | {
      readonly kind: 'connect-retry';
      /** Socket path or host:port. */
      readonly target: string;
      readonly method: string;
      readonly delayMs: number;
    }
  | { readonly kind: 'bad-reply'; readonly method: string; readonly reason: string };

export interface RetryOptions {
  readonly clock: ClockPort;
  readonly signal: AbortSignal;
  /** Whether another attempt may help. */
  readonly isWorthRetry: (error: unknown) => boolean;
  readonly onRetry: (delayMs: number) => void;
}

/** Repeats `attempt` on the schedule; rejects with its last error, or with the signal's reason. */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, signal, isWorthRetry, onRetry } = options;
  const startedAt = clock.now();
  for (let retryCount = 0; ; retryCount++) {
    try {
      return await attempt();
    } catch (error) {
      const delayMs = Math.min(1_000 * 2 ** retryCount, WAIT_MS_MAX);
      if (!isWorthRetry(error) || delayMs + clock.now() - startedAt >= TOTAL_MS_MAX) throw error;
      onRetry(delayMs);
      await clock.sleep(delayMs, { signal }).catch((aborted: unknown) => {
        throw signal.aborted ? signal.reason : aborted;
      });
    }
  }
}

/** The retry schedule of Docker's plugin client, which dvdcli inherits: look-up and connecting wait 1, 2, 4 and 8 s. */
import { setTimeout as delay } from 'node:timers/promises';

/** Waits between attempts, in milliseconds; one attempt more than there are waits. */
export const defaultRetryDelaysMs: readonly number[] = [1_000, 2_000, 4_000, 8_000];

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
  readonly delaysMs: readonly number[];
  readonly signal: AbortSignal;
  /** Whether another attempt may help. */
  readonly isWorthRetry: (error: unknown) => boolean;
  readonly onRetry: (delayMs: number) => void;
}

/** Repeats `attempt` on the schedule; rejects with its last error, or with the signal's reason. */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { delaysMs, signal, isWorthRetry, onRetry } = options;
  for (const delayMs of delaysMs) {
    try {
      return await attempt();
    } catch (error) {
      if (!isWorthRetry(error)) throw error;
      onRetry(delayMs);
      await delay(delayMs, undefined, { signal }).catch((aborted: unknown) => {
        throw signal.reason ?? aborted;
      });
    }
  }
  return await attempt();
}

import { setTimeout as delay } from 'node:timers/promises';
import { DomainError } from './errors.ts';

/** A state was not reached in time; the message holds what was last seen. */
export class WaitTimedOutError extends DomainError<'WAIT_TIMED_OUT'> {
  readonly code = 'WAIT_TIMED_OUT';
}

export interface WaitUntilOptions<T> {
  /** What is waited for, for the error: `task test to reach TASK_RUNNING`. */
  readonly what: string;
  /** Default 10 s. */
  readonly timeoutMs?: number;
  /** Default 20 ms. */
  readonly intervalMs?: number;
  readonly signal?: AbortSignal;
  /** Default: every value but `undefined` and `false` is good. */
  readonly until?: (value: T) => boolean;
}

/** Reads a state again and again until it is as wanted (level-triggered); errors of `read` end the wait. */
export async function waitUntil<T>(
  read: () => T | Promise<T>,
  options: WaitUntilOptions<T> & { readonly until?: never },
): Promise<Exclude<T, undefined | false>>;
export async function waitUntil<T>(read: () => T | Promise<T>, options: WaitUntilOptions<T>): Promise<T>;
export async function waitUntil<T>(read: () => T | Promise<T>, options: WaitUntilOptions<T>): Promise<T> {
  const { what, timeoutMs = 10_000, intervalMs = 20, signal } = options;
  const isGood = options.until ?? ((value: T) => value !== undefined && value !== false);
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (isGood(value)) return value;
    if (performance.now() >= deadline) {
      throw new WaitTimedOutError(`Waited ${timeoutMs} ms for ${what}; last seen: ${describe(value)}`);
    }
    await delay(intervalMs, undefined, signal === undefined ? {} : { signal });
  }
}

function describe(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
}

/**
 * Requests to a service that may be slow, throttle, fail or answer nonsense: bounded attempts, growing delays with
 * jitter, a limit per attempt; all on the clock and the random numbers that come in.
 */
import { DomainError, messageOf } from '@drydock/base/errors';
import type { ClockPort } from '@drydock/base/ports';
import type { SeededRandom } from '@drydock/base/seeded-random';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface RequestPorts {
  readonly fetch: Fetch;
  readonly clock: ClockPort;
  readonly random: SeededRandom;
}

export interface RetrySchedule {
  /** Default 5. */
  readonly attemptsMax?: number;
  /** Before the second attempt; doubles from then on, each drawn between its half and its whole. Default 100. */
  readonly delayMs?: number;
  /** Default 2,000. */
  readonly delayMsMax?: number;
  /** Of one attempt. Default 10,000. */
  readonly attemptMs?: number;
}

/** A whole answer, whatever its status. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** The service did not give a usable answer in the attempts that were to be made. */
export class ServiceUnavailableError extends DomainError<'SERVICE_UNAVAILABLE'> {
  readonly code = 'SERVICE_UNAVAILABLE';
  readonly attemptCount: number;

  constructor(what: string, attemptCount: number, reason: string, cause?: unknown) {
    super(`${what} failed ${attemptCount} times, last: ${reason}`, { cause });
    this.attemptCount = attemptCount;
  }
}

/** One attempt took too long. */
class AttemptTimeoutError extends Error {
  override readonly name = 'AttemptTimeoutError';
}

export interface RetryingRequest<T> extends RetrySchedule {
  /** For messages: `EC2 CreateVolume`. */
  readonly what: string;
  readonly url: string;
  readonly init: RequestInit;
  /** Reads an answer; throws `RetryableError` for one that may be better next time. */
  readonly read: (answer: Answer) => T;
  readonly ports: RequestPorts;
  readonly signal: AbortSignal;
}

/** The answer may be better next time. */
export class RetryableError extends DomainError<'RETRYABLE'> {
  readonly code = 'RETRYABLE';
  /** The service asked to wait so long. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: ErrorOptions & { readonly retryAfterMs?: number | undefined } = {}) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/**
 * Sends until it gets an answer that `read` takes.
 * @throws ServiceUnavailableError, what `read` throws, and the signal's reason
 */
export async function requestRetrying<T>(request: RetryingRequest<T>): Promise<T> {
  const { what, attemptsMax = 5, signal, ports } = request;
  let attemptCount = 0;
  for (;;) {
    signal.throwIfAborted();
    attemptCount++;
    try {
      return request.read(await sendOnce(request));
    } catch (error) {
      signal.throwIfAborted();
      if (!isWorthRetry(error)) throw error;
      if (attemptCount >= attemptsMax) throw new ServiceUnavailableError(what, attemptCount, messageOf(error), error);
      await ports.clock.sleep(delayBefore(attemptCount, request, error), { signal });
    }
  }
}

function isWorthRetry(error: unknown): boolean {
  // fetch rejects with a TypeError when there is no connection, or when it breaks.
  return error instanceof RetryableError || error instanceof AttemptTimeoutError || error instanceof TypeError;
}

function delayBefore(attemptCount: number, request: RetryingRequest<unknown>, error: unknown): number {
  const { delayMs = 100, delayMsMax = 2_000, ports } = request;
  const whole = Math.min(delayMs * 2 ** (attemptCount - 1), delayMsMax);
  const drawn = whole / 2 + (whole / 2) * ports.random.fraction();
  const asked = error instanceof RetryableError ? (error.retryAfterMs ?? 0) : 0;
  return Math.max(drawn, Math.min(asked, delayMsMax));
}

async function sendOnce(request: RetryingRequest<unknown>): Promise<Answer> {
  const { url, init, ports, attemptMs = 10_000 } = request;
  const attempt = new AbortController();
  const signal = AbortSignal.any([request.signal, attempt.signal]);
  const timer = new AbortController();
  const expiry = ports.clock
    .sleep(attemptMs, { signal: timer.signal })
    .then(() => attempt.abort(new AttemptTimeoutError(`no answer within ${attemptMs} ms`)))
    .catch(() => undefined); // aborted: the answer came in time
  try {
    const response = await ports.fetch(url, { ...init, signal });
    return { status: response.status, headers: response.headers, body: await response.text() };
  } catch (error) {
    if (attempt.signal.aborted) throw attempt.signal.reason;
    throw error;
  } finally {
    timer.abort();
    await expiry;
  }
}

/**
 * A framework's lasting connection to the leading master. A stream ends when its master restarts, loses its leadership,
 * or the network breaks; the link then subscribes again under the same framework id, with one master after the other
 * and growing pauses.
 */
import { DomainError } from '@drydock/base/errors';
import { systemClock, type ClockPort, type RandomPort } from '@drydock/base/ports';
import { Backoff } from '../http/backoff.ts';
import { PeerRefusedError, PeerUnreachableError, StreamLostError } from '../http/record-client.ts';
import type { FrameworkID } from '../v1.ts';
import type { SchedulerCall, SchedulerEvent } from './messages.ts';
import {
  CONTENT_TYPE_DEFAULT,
  SubscriptionRefusedError,
  subscribeOnce,
  type SchedulerSubscription,
  type SubscribeOptions,
} from './scheduler-client.ts';

/** There is no subscribed stream now; the call was not sent. */
export class NotSubscribedError extends DomainError<'NOT_SUBSCRIBED'> {
  readonly code = 'NOT_SUBSCRIBED';
}

/** All masters were tried, and none has taken the subscription; the message has what each said. */
export class NoLeadingMasterError extends DomainError<'NO_LEADING_MASTER'> {
  readonly code = 'NO_LEADING_MASTER';
  readonly problems: readonly Error[];

  constructor(problems: readonly Error[]) {
    const each = problems.map(({ message }) => message).join('; ');
    super(`None of ${problems.length} masters took the subscription: ${each}`, { cause: problems.at(-1) });
    this.problems = problems;
  }
}

export interface SchedulerLinkOptions extends Pick<
  SubscribeOptions,
  'frameworkInfo' | 'suppressedRoles' | 'credential' | 'contentType' | 'recordBytesMax'
> {
  /** `host:port` or URLs, at least one. Any of them may lead: one that does not is expected to redirect, or to refuse. */
  readonly masters: readonly [string, ...string[]];
  /** For each attempt at one master, once for the answer and once for SUBSCRIBED. Default 5 s. */
  readonly attemptTimeoutMs?: number;
  /** First pause after a lost stream, or after all masters were tried; doubles up to `backoffMsMax`. Default 500 ms. */
  readonly backoffMsMin?: number;
  /** Default 30 s. A stream that lasted for longer was a good one: the pauses begin anew. */
  readonly backoffMsMax?: number;
  /** Told why there is no stream, and for how long nothing will be tried. */
  readonly onDisconnected?: (error: Error, pauseMs: number) => void;
  readonly clock?: ClockPort;
  readonly random?: RandomPort;
}

export interface SchedulerLink extends AsyncDisposable {
  /** Since the first subscription, or from `frameworkInfo.id`. */
  readonly frameworkId: FrameworkID | undefined;
  /**
   * Connects, and gives the events of one stream after the other, heartbeats too. Each stream begins with SUBSCRIBED:
   * offers from before are gone then, and updates may have been missed (RECONCILE tells them). Ends when `signal` aborts
   * or the link is closed; after an abort the stream is still there for last calls. To be called once.
   * @throws SubscriptionRefusedError for an ERROR event, PeerRefusedError when no later attempt can be answered otherwise
   */
  events(options?: { readonly signal?: AbortSignal }): AsyncIterableIterator<SchedulerEvent>;
  /**
   * Sends a call; `framework_id` is filled in. A call that does not arrive ends the stream, so that what it would have
   * done begins anew with the next SUBSCRIBED.
   * @throws NotSubscribedError, PeerUnreachableError, PeerRefusedError
   */
  send(call: Omit<SchedulerCall, 'framework_id'>): Promise<void>;
  /** Closes the stream; the master keeps the framework for its failover timeout. Safe twice. */
  close(): Promise<void>;
}

/** Connects nothing yet, `events` does. */
export function createSchedulerLink(options: SchedulerLinkOptions): SchedulerLink {
  return new ReconnectingLink(options);
}

class ReconnectingLink implements SchedulerLink {
  readonly #options: SchedulerLinkOptions;
  readonly #clock: ClockPort;
  readonly #closing = new AbortController();
  #frameworkId: FrameworkID | undefined;
  #current: SchedulerSubscription | undefined;

  constructor(options: SchedulerLinkOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#frameworkId = options.frameworkInfo.id;
  }

  get frameworkId(): FrameworkID | undefined {
    return this.#frameworkId;
  }

  async *events({ signal }: { readonly signal?: AbortSignal } = {}): AsyncIterableIterator<SchedulerEvent> {
    const { masters, backoffMsMin = 500, backoffMsMax = 30_000, random } = this.#options;
    const stopping = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    const backoff = new Backoff({
      msMin: backoffMsMin,
      msMax: backoffMsMax,
      ...(random === undefined ? {} : { random }),
    });
    /** Of the masters that were tried since the last pause. */
    let problems: Error[] = [];
    for (let attempt = 0; !stopping.aborted; attempt += 1) {
      const startedAt = this.#clock.now();
      try {
        yield* this.#stream(masters[attempt % masters.length] ?? masters[0], stopping);
      } catch (error) {
        if (stopping.aborted) return;
        if (!isPassing(error)) throw error;
        problems.push(error);
        const wasSubscribed = this.#current !== undefined;
        this.#current = undefined;
        if (!wasSubscribed && problems.length < masters.length) continue;
        if (wasSubscribed && this.#clock.now() - startedAt >= backoffMsMax) backoff.reset();
        const pauseMs = backoff.nextMs();
        const isOfAll = !wasSubscribed && problems.length > 1;
        this.#options.onDisconnected?.(isOfAll ? new NoLeadingMasterError(problems) : error, pauseMs);
        problems = [];
        await this.#clock.sleep(pauseMs, { signal: stopping }).catch(() => undefined); // Stopped meanwhile.
      }
    }
  }

  async send(call: Omit<SchedulerCall, 'framework_id'>): Promise<void> {
    const current = this.#current;
    if (current === undefined) {
      const where = this.#options.masters.join(', ');
      throw new NotSubscribedError(
        `Expected to be subscribed before ${call.type} is sent, there is no stream of ${where}`,
      );
    }
    try {
      await current.send(call);
    } catch (error) {
      // 403: the master has no stream of this framework.
      if (isPassing(error) || (error instanceof PeerRefusedError && error.status === 403)) await current.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new NotSubscribedError('The link to the master is closed'));
    await this.#current?.close();
    this.#current = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** One stream to its end, which is an error unless `stopping` aborted. */
  async *#stream(master: string, stopping: AbortSignal): AsyncGenerator<SchedulerEvent> {
    const subscription = await this.#subscribe(master, stopping);
    this.#current = subscription;
    this.#frameworkId = subscription.frameworkId;
    yield { type: 'SUBSCRIBED', subscribed: subscription.subscribed };
    const events = subscription.events({ withHeartbeats: true });
    for (;;) {
      const next = await orAborted(events.next(), stopping);
      if (next === undefined) return;
      if (next.done === true) throw new StreamLostError(`Lost the event stream of ${subscription.url}: it was ended`);
      if (next.value.error !== undefined) {
        await subscription.close();
        throw new SubscriptionRefusedError(subscription.url, next.value.error.message);
      }
      yield next.value;
    }
  }

  /** `stopping` bounds the attempt only: the stream that it opens lives until the link is closed. */
  async #subscribe(master: string, stopping: AbortSignal): Promise<SchedulerSubscription> {
    const { contentType = CONTENT_TYPE_DEFAULT, attemptTimeoutMs = 5_000, frameworkInfo } = this.#options;
    const connecting = new AbortController();
    const abort = (): void => connecting.abort(stopping.reason);
    stopping.addEventListener('abort', abort, { once: true });
    try {
      const id = this.#frameworkId;
      const info = id === undefined ? frameworkInfo : { ...frameworkInfo, id };
      const options = { ...this.#options, master, frameworkInfo: info };
      const signal = AbortSignal.any([connecting.signal, this.#closing.signal]);
      return await subscribeOnce({ ...options, signal }, contentType, attemptTimeoutMs);
    } finally {
      stopping.removeEventListener('abort', abort);
    }
  }
}

/** Whether the next attempt, or the next master, may do better. */
function isPassing(error: unknown): error is Error {
  if (error instanceof PeerUnreachableError || error instanceof StreamLostError) return true;
  // As upstream's client: a master that starts, or one that knows of no leader.
  return error instanceof PeerRefusedError && ([307, 404].includes(error.status) || error.status >= 500);
}

/** What is awaited, or undefined when `signal` aborts first. */
async function orAborted<T>(awaited: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>();
  const abort = (): void => resolve(undefined);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([awaited, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** A framework's connection to the master over the v1 scheduler API. */
import { setTimeout as delay } from 'node:timers/promises';
import { DomainError } from '@drydock/base/errors';
import type { ContentType } from '../codec/codec.ts';
import { schedulerCallType, schedulerEventType } from '../codec/schema.ts';
import {
  PeerRefusedError,
  PeerUnreachableError,
  StreamLostError,
  openEventStream,
  postCall,
  type EventStream,
} from '../http/record-client.ts';
import type { FrameworkID, FrameworkInfo } from '../v1.ts';
import type { SchedulerCall, SchedulerEvent, SchedulerSubscribed } from './messages.ts';

/** Heartbeats that may be missed before the stream counts as lost. */
const HEARTBEAT_COUNT_MISSED_MAX = 5;
const HEARTBEAT_SECONDS_DEFAULT = 15;
const RETRY_MS = 250;
export const CONTENT_TYPE_DEFAULT: ContentType = 'application/x-protobuf';

/** The master did not take the subscription, or ended it: its ERROR event. Trying again does not help. */
export class SubscriptionRefusedError extends DomainError<'SUBSCRIPTION_REFUSED'> {
  readonly code = 'SUBSCRIPTION_REFUSED';
  readonly url: string;
  /** The text of the event: `Framework failed over`, `Framework has been removed`, ... */
  readonly reason: string;

  constructor(url: string, reason: string) {
    super(`${url} refused the subscription: ${reason}`);
    this.url = url;
    this.reason = reason;
  }
}

export interface SubscribeOptions {
  /** `host:port` or a URL of the master. */
  readonly master: string;
  /** With `id`, the framework subscribes again. */
  readonly frameworkInfo: FrameworkInfo;
  readonly suppressedRoles?: readonly string[];
  /** Goes out with every call as HTTP basic authentication, as upstream's scheduler library does. */
  readonly credential?: { readonly principal: string; readonly secret: string };
  /** Default protobuf, as upstream's clients. */
  readonly contentType?: ContentType;
  /** For how long a master that is not there, or not ready, is tried again. Default 5 s. */
  readonly connectTimeoutMs?: number;
  /** A longer event ends the stream. Default 64 MiB. */
  readonly recordBytesMax?: number;
  /** Ends the subscription. */
  readonly signal?: AbortSignal;
}

export interface EventsOptions {
  /** Whether HEARTBEAT events are given too: a clock that beats while the master is there. Default false. */
  readonly withHeartbeats?: boolean;
}

/** A subscribed framework. */
export interface SchedulerSubscription extends AsyncDisposable {
  /** Where the leading master is, after redirects. */
  readonly url: string;
  readonly frameworkId: FrameworkID;
  readonly subscribed: SchedulerSubscribed;
  /**
   * Events after SUBSCRIBED; ends when the master ends the stream.
   * @throws StreamLostError when the stream breaks, has something else in it than events, or nothing comes for five
   *   heartbeat intervals
   */
  events(options?: EventsOptions): AsyncIterableIterator<SchedulerEvent>;
  /** Sends a call; `framework_id` is filled in. @throws PeerUnreachableError, PeerRefusedError */
  send(call: Omit<SchedulerCall, 'framework_id'>): Promise<void>;
  /** Closes the stream; the master keeps the framework for its failover timeout. */
  close(): Promise<void>;
}

/** The URL of the scheduler API of `host:port` or of a URL. */
export function schedulerUrl(master: string): string {
  const base = /^https?:\/\//.test(master) ? master : `http://${master}`;
  return `${base.replace(/\/+$/, '')}/api/v1/scheduler`;
}

/**
 * Subscribes a framework, for as long as the stream lives; resolves after the SUBSCRIBED event. `createSchedulerLink` is
 * for a framework that has to outlive its stream.
 * @throws PeerUnreachableError when the master is not there within `connectTimeoutMs`, PeerRefusedError,
 *   SubscriptionRefusedError, StreamLostError when the stream does not begin with SUBSCRIBED
 */
export async function subscribe(options: SubscribeOptions): Promise<SchedulerSubscription> {
  const { contentType = CONTENT_TYPE_DEFAULT, connectTimeoutMs = 5_000 } = options;
  const deadline = performance.now() + connectTimeoutMs;
  for (;;) {
    try {
      return await subscribeOnce(options, contentType, Math.max(1, deadline - performance.now()));
    } catch (error) {
      const isPassing =
        error instanceof PeerUnreachableError || (error instanceof PeerRefusedError && error.status === 503);
      if (!isPassing || performance.now() + RETRY_MS >= deadline) throw error;
    }
    await delay(RETRY_MS, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
}

/** One attempt; `timeoutMs` each for the answer and for the first event. @throws as `subscribe` */
export async function subscribeOnce(
  options: SubscribeOptions,
  contentType: ContentType,
  timeoutMs: number,
): Promise<SchedulerSubscription> {
  const { frameworkInfo, suppressedRoles, signal, recordBytesMax } = options;
  const stream = await openEventStream({
    url: schedulerUrl(options.master),
    type: schedulerCallType,
    eventType: schedulerEventType,
    call: {
      type: 'SUBSCRIBE',
      ...(frameworkInfo.id === undefined ? {} : { framework_id: frameworkInfo.id }),
      subscribe: {
        framework_info: frameworkInfo,
        ...(suppressedRoles === undefined ? {} : { suppressed_roles: [...suppressedRoles] }),
      },
    },
    contentType,
    timeoutMs,
    ...authorizationOf(options),
    ...(signal === undefined ? {} : { signal }),
    ...(recordBytesMax === undefined ? {} : { recordBytesMax }),
  });
  const first = await stream.next({ silenceMsMax: Math.max(timeoutMs, 1_000) });
  if (first?.subscribed !== undefined) return new StreamSubscription(stream, first.subscribed, options);
  await stream.close();
  signal?.throwIfAborted();
  if (first?.error !== undefined) throw new SubscriptionRefusedError(stream.url, first.error.message);
  const got = first?.type ?? 'the end of the stream';
  throw new StreamLostError(`Lost the event stream of ${stream.url}: expected SUBSCRIBED, got ${got}`);
}

function authorizationOf({ credential }: SubscribeOptions): { readonly authorization?: string } {
  if (credential === undefined) return {};
  const text = Buffer.from(`${credential.principal}:${credential.secret}`).toString('base64');
  return { authorization: `Basic ${text}` };
}

class StreamSubscription implements SchedulerSubscription {
  readonly frameworkId: FrameworkID;
  readonly subscribed: SchedulerSubscribed;
  readonly #stream: EventStream<SchedulerEvent>;
  readonly #options: SubscribeOptions;

  constructor(stream: EventStream<SchedulerEvent>, subscribed: SchedulerSubscribed, options: SubscribeOptions) {
    this.#stream = stream;
    this.#options = options;
    this.subscribed = subscribed;
    this.frameworkId = subscribed.framework_id;
  }

  get url(): string {
    return this.#stream.url;
  }

  async *events({ withHeartbeats = false }: EventsOptions = {}): AsyncIterableIterator<SchedulerEvent> {
    const seconds = this.subscribed.heartbeat_interval_seconds ?? HEARTBEAT_SECONDS_DEFAULT;
    const silenceMsMax = seconds * 1_000 * HEARTBEAT_COUNT_MISSED_MAX;
    for (;;) {
      const event = await this.#stream.next({ silenceMsMax });
      if (event === undefined) return;
      if (withHeartbeats || event.type !== 'HEARTBEAT') yield event;
    }
  }

  async send(call: Omit<SchedulerCall, 'framework_id'>): Promise<void> {
    await postCall({
      url: this.#stream.url,
      type: schedulerCallType,
      call: { framework_id: this.frameworkId, ...call },
      contentType: this.#options.contentType ?? CONTENT_TYPE_DEFAULT,
      ...authorizationOf(this.#options),
      ...(this.#stream.streamId === undefined ? {} : { streamId: this.#stream.streamId }),
    });
  }

  async close(): Promise<void> {
    await this.#stream.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * The client side of the v1 APIs: one POST that opens a RecordIO stream of events, and POSTs for calls. Follows the
 * redirects of a master that is not the leader.
 */
import { DomainError, messageOf } from '@drydock/base/errors';
import { decode, encode, type ContentType } from '../codec/codec.ts';
import { RecordDecoder } from '../codec/record-io.ts';
import type { MessageType } from '../codec/schema.ts';

const REDIRECT_COUNT_MAX = 5;
/** What is kept of a refusal's text. */
const REFUSAL_CHARACTERS_MAX = 4_096;

/** Nobody answers at the address, or not in time. */
export class PeerUnreachableError extends DomainError<'PEER_UNREACHABLE'> {
  readonly code = 'PEER_UNREACHABLE';
  readonly url: string;

  constructor(url: string, why: string, options?: ErrorOptions) {
    super(`Failed to reach ${url}: ${why}`, options);
    this.url = url;
  }
}

/** The peer answered, and refused. `body` is its text. */
export class PeerRefusedError extends DomainError<'PEER_REFUSED'> {
  readonly code = 'PEER_REFUSED';
  readonly url: string;
  readonly status: number;
  readonly body: string;

  constructor(url: string, status: number, body: string) {
    super(`${url} answered ${status}${body === '' ? '' : `: ${body}`}`);
    this.url = url;
    this.status = status;
    this.body = body;
  }
}

/** An event stream broke or fell silent. */
export class StreamLostError extends DomainError<'STREAM_LOST'> {
  readonly code = 'STREAM_LOST';
}

export interface PostOptions<Call> {
  readonly url: string;
  readonly type: MessageType<Call>;
  readonly call: Call;
  readonly contentType: ContentType;
  readonly streamId?: string;
  /** The header `Authorization`. */
  readonly authorization?: string;
  /** For the head of the answer. Default 5 s. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Sends a call that is answered with 202.
 * @throws PeerUnreachableError, PeerRefusedError; the reason of `signal`
 */
export async function postCall<Call extends object>(options: PostOptions<Call>): Promise<void> {
  const { response, url } = await post(options);
  const text = await response.text();
  if (response.status !== 202) throw new PeerRefusedError(url, response.status, text.slice(0, REFUSAL_CHARACTERS_MAX));
}

export interface OpenStreamOptions<Call, Event> extends PostOptions<Call> {
  readonly eventType: MessageType<Event>;
}

/** An open event stream. */
export interface EventStream<Event> extends AsyncDisposable {
  /** Where the stream really is, after redirects. */
  readonly url: string;
  readonly streamId: string | undefined;
  /** The next event; undefined when the peer ended the stream. @throws StreamLostError when it breaks or `silenceMsMax` passes */
  next(options: { silenceMsMax: number }): Promise<Event | undefined>;
  close(): Promise<void>;
}

/**
 * Sends a call that opens an event stream.
 * @throws PeerUnreachableError, PeerRefusedError; the reason of `signal`
 */
export async function openEventStream<Call extends object, Event>(
  options: OpenStreamOptions<Call, Event>,
): Promise<EventStream<Event>> {
  const { response, url } = await post(options);
  if (response.status !== 200 || response.body === null) {
    const text = await response.text();
    throw new PeerRefusedError(url, response.status, text.slice(0, REFUSAL_CHARACTERS_MAX));
  }
  return new ResponseEventStream(url, response, response.body, options);
}

class ResponseEventStream<Event> implements EventStream<Event> {
  readonly url: string;
  readonly streamId: string | undefined;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new RecordDecoder();
  readonly #options: { readonly eventType: MessageType<Event>; readonly contentType: ContentType };
  /** Events that arrived with the last chunk and were not taken yet. */
  readonly #ready: Event[] = [];

  constructor(
    url: string,
    response: Response,
    body: ReadableStream<Uint8Array>,
    options: { readonly eventType: MessageType<Event>; readonly contentType: ContentType },
  ) {
    this.url = url;
    this.streamId = response.headers.get('Mesos-Stream-Id') ?? undefined;
    this.#reader = body.getReader();
    this.#options = options;
  }

  async next({ silenceMsMax }: { silenceMsMax: number }): Promise<Event | undefined> {
    try {
      while (this.#ready.length === 0) {
        const chunk = await this.#read(silenceMsMax);
        if (chunk === undefined) {
          this.#decoder.end();
          return undefined;
        }
        for (const record of this.#decoder.push(chunk)) {
          this.#ready.push(decode(this.#options.eventType, record, this.#options.contentType));
        }
      }
      return this.#ready.shift();
    } catch (error) {
      await this.close();
      if (error instanceof StreamLostError) throw error;
      throw new StreamLostError(`Lost the event stream of ${this.url}: ${reasonOf(error)}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    await this.#reader.cancel().catch(() => undefined); // A broken stream is closed already.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The next bytes; undefined at the end. */
  async #read(silenceMsMax: number): Promise<Uint8Array | undefined> {
    const { promise: silence, reject } = Promise.withResolvers<never>();
    const why = `Lost the event stream of ${this.url}: nothing came for ${silenceMsMax} ms`;
    const timer = setTimeout(() => reject(new StreamLostError(why)), silenceMsMax);
    try {
      return (await Promise.race([this.#reader.read(), silence])).value;
    } finally {
      clearTimeout(timer);
    }
  }
}

async function post<Call extends object>(options: PostOptions<Call>): Promise<{ response: Response; url: string }> {
  const body = encode(options.type, options.call, options.contentType);
  const headers: Record<string, string> = { 'Content-Type': options.contentType, Accept: options.contentType };
  if (options.streamId !== undefined) headers['Mesos-Stream-Id'] = options.streamId;
  if (options.authorization !== undefined) headers['Authorization'] = options.authorization;
  let url = options.url;
  for (let hop = 0; hop <= REDIRECT_COUNT_MAX; hop += 1) {
    const response = await fetchHead(url, { method: 'POST', headers, body: Buffer.from(body) }, options);
    const location = response.headers.get('Location');
    if (response.status !== 307 || location === null) return { response, url };
    await response.body?.cancel();
    // `//host:port/path` keeps the scheme; a bare `//host:port` keeps the path as well.
    const target = new URL(location, url);
    if (target.pathname === '/' || target.pathname === '') target.pathname = new URL(url).pathname;
    url = target.href;
  }
  throw new PeerUnreachableError(options.url, `more than ${REDIRECT_COUNT_MAX} redirects`);
}

async function fetchHead(
  url: string,
  init: RequestInit,
  options: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
): Promise<Response> {
  const { timeoutMs = 5_000, signal } = options;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
  // The caller's signal goes on bounding the body, the timer only the head.
  const combined = signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]);
  try {
    return await fetch(url, { ...init, redirect: 'manual', signal: combined });
  } catch (error) {
    signal?.throwIfAborted();
    throw new PeerUnreachableError(url, reasonOf(error), { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** fetch throws a TypeError that says `fetch failed` or `terminated`; its cause says why. */
function reasonOf(error: unknown): string {
  if (!(error instanceof TypeError) || error.cause === undefined) return messageOf(error);
  const text = messageOf(error.cause);
  return text === '' ? messageOf(error) : text;
}

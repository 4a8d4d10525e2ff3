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

/** The peer answered, and refused. `body` is its text, at most 4,096 characters of it. */
export class PeerRefusedError extends DomainError<'PEER_REFUSED'> {
  readonly code = 'PEER_REFUSED';
  readonly url: string;
  readonly status: number;
  readonly body: string;

  constructor(url: string, status: number, body: string) {
    super(`${url} refused with status ${status}${body === '' ? '' : `: ${body}`}`);
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
  /** For the whole answer to a call, and for the head of a stream. Default 5 s. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Sends a call that is answered with 202.
 * @throws PeerUnreachableError, PeerRefusedError; the reason of `signal`
 */
export async function postCall<Call extends object>(options: PostOptions<Call>): Promise<void> {
  using answer = await post(options);
  const text = await answer.readText();
  if (answer.response.status !== 202) throw new PeerRefusedError(answer.url, answer.response.status, text);
}

export interface OpenStreamOptions<Call, Event> extends PostOptions<Call> {
  readonly eventType: MessageType<Event>;
  /** A longer record ends the stream. Default 64 MiB. */
  readonly recordBytesMax?: number;
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
  using answer = await post(options);
  const { response, url } = answer;
  if (response.status !== 200 || response.body === null) {
    throw new PeerRefusedError(url, response.status, await answer.readText());
  }
  return new ResponseEventStream(url, response, response.body, options);
}

type StreamOptions<Event> = Pick<OpenStreamOptions<object, Event>, 'eventType' | 'contentType' | 'recordBytesMax'>;

class ResponseEventStream<Event> implements EventStream<Event> {
  readonly url: string;
  readonly streamId: string | undefined;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder: RecordDecoder;
  readonly #options: StreamOptions<Event>;
  /** Events that arrived with the last chunk and were not taken yet. */
  readonly #ready: Event[] = [];

  constructor(url: string, response: Response, body: ReadableStream<Uint8Array>, options: StreamOptions<Event>) {
    this.url = url;
    this.#decoder = new RecordDecoder(
      options.recordBytesMax === undefined ? {} : { recordBytesMax: options.recordBytesMax },
    );
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

/** The head of an answer, and the time that is left for the rest of it; that ends when this is disposed. */
class Answer implements Disposable {
  readonly url: string;
  readonly response: Response;
  readonly #stopTimer: () => void;
  readonly #signal: AbortSignal | undefined;

  constructor(url: string, response: Response, stopTimer: () => void, signal: AbortSignal | undefined) {
    this.url = url;
    this.response = response;
    this.#stopTimer = stopTimer;
    this.#signal = signal;
  }

  /** The beginning of the body; the rest is not waited for. @throws PeerUnreachableError when it breaks off or takes too long */
  async readText(): Promise<string> {
    const decoder = new TextDecoder();
    let text = '';
    try {
      // Leaving the loop cancels the body.
      for await (const chunk of this.response.body ?? []) {
        text += decoder.decode(chunk, { stream: true });
        if (text.length >= REFUSAL_CHARACTERS_MAX) break;
      }
    } catch (error) {
      this.#signal?.throwIfAborted();
      throw new PeerUnreachableError(this.url, reasonOf(error), { cause: error });
    }
    return text.slice(0, REFUSAL_CHARACTERS_MAX);
  }

  [Symbol.dispose](): void {
    this.#stopTimer();
  }
}

async function post<Call extends object>(options: PostOptions<Call>): Promise<Answer> {
  const body = encode(options.type, options.call, options.contentType);
  const headers: Record<string, string> = { 'Content-Type': options.contentType, Accept: options.contentType };
  if (options.streamId !== undefined) headers['Mesos-Stream-Id'] = options.streamId;
  if (options.authorization !== undefined) headers['Authorization'] = options.authorization;
  let url = options.url;
  for (let hop = 0; hop <= REDIRECT_COUNT_MAX; hop += 1) {
    const answer = await fetchHead(url, { method: 'POST', headers, body: Buffer.from(body) }, options);
    const location = answer.response.headers.get('Location');
    if (answer.response.status !== 307 || location === null) return answer;
    answer[Symbol.dispose]();
    await answer.response.body?.cancel();
    url = redirectTarget(location, url);
  }
  throw new PeerUnreachableError(options.url, `more than ${REDIRECT_COUNT_MAX} redirects, the last one to ${url}`);
}

/** `//host:port/path` keeps the scheme; a bare `//host:port` keeps the path as well. */
function redirectTarget(location: string, from: string): string {
  const target = URL.parse(location, from);
  if (target === null || !/^https?:$/.test(target.protocol)) {
    throw new PeerUnreachableError(from, `expected a redirect to an HTTP address, got '${location}'`);
  }
  if (target.pathname === '/' || target.pathname === '') target.pathname = new URL(from).pathname;
  return target.href;
}

async function fetchHead(
  url: string,
  init: RequestInit,
  options: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
): Promise<Answer> {
  const { timeoutMs = 5_000, signal } = options;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
  // The caller's signal goes on bounding an open stream, the timer does not.
  const combined = signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]);
  try {
    const response = await fetch(url, { ...init, redirect: 'manual', signal: combined });
    return new Answer(url, response, () => clearTimeout(timer), signal);
  } catch (error) {
    clearTimeout(timer);
    signal?.throwIfAborted();
    throw new PeerUnreachableError(url, reasonOf(error), { cause: error });
  }
}

/** fetch throws a TypeError that says `fetch failed` or `terminated`; its cause says why. */
function reasonOf(error: unknown): string {
  if (!(error instanceof TypeError) || error.cause === undefined) return messageOf(error);
  const text = messageOf(error.cause);
  return text === '' ? messageOf(error) : text;
}

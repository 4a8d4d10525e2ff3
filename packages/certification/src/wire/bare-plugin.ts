/** The bare protocol: requests as a check words them, answers as they came, whatever they are. */
import { connect, type Socket } from 'node:net';
import { assert, systemCodeOf } from '@drydock/base/errors';
import type { VolumeDriverMethod } from '@drydock/volume-plugin';
import { CheckFailedError } from '../run/outcome.ts';
import { headerOf, HttpMessageReader, type HttpMessage } from './http-message.ts';

export interface BareRequest {
  /** Default POST. */
  readonly verb?: string;
  /** Replaces the usual headers; Content-Length or Transfer-Encoding have to be among them. */
  readonly headers?: readonly (readonly [string, string])[];
  /** Sent in chunks of this size instead of with a Content-Length. */
  readonly chunkBytes?: number;
  /** Default: a connection of its own. */
  readonly connection?: BareConnection;
  /** Default: the manifest's budget. */
  readonly timeoutMs?: number;
}

export class BareAnswer {
  readonly method: string;
  readonly status: number;
  readonly headers: HttpMessage['headers'];
  readonly text: string;
  readonly durationMs: number;
  /** The body ended before its length. */
  readonly isTruncated: boolean;

  constructor(method: string, message: HttpMessage, durationMs: number) {
    this.method = method;
    this.status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(message.startLine)?.[1] ?? 0);
    this.headers = message.headers;
    this.text = message.body.toString('utf8');
    this.durationMs = durationMs;
    this.isTruncated = message.isTruncated;
  }

  header(name: string): string | undefined {
    return headerOf(this.headers, name.toLowerCase());
  }

  /** The body as one JSON object; undefined when it is none. */
  get json(): Readonly<Record<string, unknown>> | undefined {
    try {
      const value: unknown = JSON.parse(this.text);
      return isObject(value) ? value : undefined;
    } catch {
      return undefined; // no JSON
    }
  }

  /** `Err` of the body when it is a text, else ''. */
  get err(): string {
    const err = this.json?.['Err'];
    return typeof err === 'string' ? err : '';
  }

  get isSuccess(): boolean {
    return this.status === 200 && this.json !== undefined && this.err === '';
  }

  /** What a person is told of it. */
  get summary(): string {
    const body = this.text.length > 300 ? `${this.text.slice(0, 300)}...` : this.text;
    return `status ${this.status}, ${body === '' ? 'no body' : body.trim()}`;
  }

  /** This answer. @throws CheckFailedError when the driver refused */
  mustSucceed(): this {
    if (this.isSuccess) return this;
    throw new CheckFailedError({ expected: `${this.method} to succeed`, got: this.summary, answer: this });
  }

  /** This answer. @throws CheckFailedError when the driver did not refuse */
  mustBeRefused(): this {
    if (!this.isSuccess) return this;
    throw new CheckFailedError({ expected: `${this.method} to be refused`, got: this.summary, answer: this });
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What any HTTP client sends, so that a check fails for its own reason alone. */
const plainHeaders: readonly (readonly [string, string])[] = [
  ['Host', 'localhost'],
  ['User-Agent', 'drydock-certify'],
  ['Accept', 'application/vnd.docker.plugins.v1.2+json'],
];

/** What dvdcli 0.2 sends over a unix socket. */
export const dvdcliHeaders: readonly (readonly [string, string])[] = [
  ['Host', ''],
  ['User-Agent', 'Go-http-client/1.1'],
  ['Accept', 'application/vnd.docker.plugins.v1.2+json'],
];

export interface BarePluginOptions {
  /** Of the relay. */
  readonly socketPath: string;
  /** By method. */
  readonly timeoutMs: (method: string) => number;
  readonly signal: AbortSignal;
  /** Told before a call goes out; keeps books, and refuses names that are not the run's. */
  readonly onCall: (method: string, body: unknown) => Promise<void>;
}

export class BarePlugin {
  readonly #options: BarePluginOptions;

  constructor(options: BarePluginOptions) {
    this.#options = options;
  }

  /**
   * A call of the protocol. Resolves with whatever is answered.
   * @param body an object, sent as Go writes it, with a newline; a string is sent as it is
   * @throws CheckFailedError when there is no answer in time
   */
  async call(
    method: VolumeDriverMethod | 'Plugin.Activate' | (string & {}),
    body: object | string = '',
    request: BareRequest = {},
  ): Promise<BareAnswer> {
    await this.#options.onCall(method, body);
    const text = typeof body === 'string' ? body : `${JSON.stringify(body)}\n`;
    const timeoutMs = request.timeoutMs ?? this.#options.timeoutMs(method);
    if (request.connection !== undefined) return await request.connection.exchange(method, text, request, timeoutMs);
    using connection = this.connection();
    return await connection.exchange(method, text, request, timeoutMs);
  }

  /** A connection that several calls use, one after the other. */
  connection(): BareConnection {
    return new BareConnection(this.#options.socketPath, this.#options.signal);
  }
}

export class BareConnection implements Disposable {
  readonly #socketPath: string;
  readonly #signal: AbortSignal;
  #socket: Socket | undefined;
  /** How many connections were made: one, unless the driver hung up in between. */
  connectCount = 0;

  constructor(socketPath: string, signal: AbortSignal) {
    this.#socketPath = socketPath;
    this.#signal = signal;
  }

  async exchange(method: string, body: string, request: BareRequest, timeoutMs: number): Promise<BareAnswer> {
    this.#signal.throwIfAborted();
    const socket = this.#open();
    const reader = new HttpMessageReader({ isReply: true });
    const { promise, resolve, reject } = Promise.withResolvers<HttpMessage>();
    const fail = (got: string): void => reject(new CheckFailedError({ expected: `an answer to ${method}`, got }));
    const onData = (bytes: Buffer): void => {
      const [message] = reader.push(bytes);
      if (message !== undefined) resolve(message);
    };
    const onEnd = (): void => {
      const message = reader.end();
      if (message === undefined) fail('the connection closed without one');
      else resolve(message);
    };
    const onError = (error: Error): void => fail(systemCodeOf(error) ?? error.message);
    const onAbort = (): void => reject(this.#signal.reason);
    const timer = setTimeout(() => fail(`none within ${timeoutMs / 1_000} s`), timeoutMs);
    socket.on('data', onData).on('end', onEnd).on('close', onEnd).on('error', onError);
    this.#signal.addEventListener('abort', onAbort, { once: true });
    const startedAt = performance.now();
    socket.write(toBytes(method, body, request));
    let isDone = false;
    try {
      const message = await promise;
      isDone = !message.isTruncated && headerOf(message.headers, 'connection')?.toLowerCase() !== 'close';
      return new BareAnswer(method, message, Math.round((performance.now() - startedAt) * 1_000) / 1_000);
    } finally {
      clearTimeout(timer);
      socket.off('data', onData).off('end', onEnd).off('close', onEnd).off('error', onError);
      this.#signal.removeEventListener('abort', onAbort);
      if (!isDone) this[Symbol.dispose]();
    }
  }

  /** Bytes as they are, without waiting for anything; for requests that are none. */
  send(bytes: string | Uint8Array): Socket {
    const socket = this.#open();
    socket.write(bytes);
    return socket;
  }

  [Symbol.dispose](): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #open(): Socket {
    if (this.#socket !== undefined && !this.#socket.destroyed && !this.#socket.readableEnded) return this.#socket;
    this.#socket = connect({ path: this.#socketPath });
    this.#socket.on('error', () => undefined); // also while nobody waits for it
    this.connectCount++;
    return this.#socket;
  }
}

function toBytes(method: string, body: string, request: BareRequest): Buffer {
  const { verb = 'POST', chunkBytes, headers } = request;
  assert(!/[\r\n]/.test(method), 'a method is one line');
  const bytes = Buffer.from(body);
  const framing =
    chunkBytes === undefined
      ? (['Content-Length', `${bytes.length}`] as const)
      : (['Transfer-Encoding', 'chunked'] as const);
  const all = headers ?? [...plainHeaders, framing];
  const head = [`${verb} /${method} HTTP/1.1`, ...all.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
  if (chunkBytes === undefined) return Buffer.concat([Buffer.from(head), bytes]);
  const chunks: Buffer[] = [Buffer.from(head)];
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const chunk = bytes.subarray(at, at + chunkBytes);
    chunks.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  return Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')]);
}

/**
 * The HTTP service that master and agent share: exact routes, each also under the process's prefix (`/master/...`,
 * `/slave(1)/...`, as libprocess has them), JSONP, RecordIO streams, a graceful stop. Whatever a peer does or does not do,
 * the memory and the time that it can take are bounded: see the options.
 */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { DomainError, assert, assertNever, messageOf, systemCodeOf } from '@drydock/base/errors';
import { silentLogger, type Logger } from '@drydock/base/log';
import { RecordStream, type RecordStreamOptions } from './record-stream.ts';
import { refuseConnection } from './refuse-connection.ts';
import { HttpError, textReply, type BodyReply, type HttpReply } from './reply.ts';
import { RequestBodies, discardRest } from './request-body.ts';
import { sendBody } from './send-body.ts';
import { sendFile } from './send-file.ts';

/** A request whose body has arrived. */
export interface HttpRequest {
  readonly method: string;
  /** Decoded, without the prefix and the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
  /** Aborts when the peer goes away. */
  readonly signal: AbortSignal;
}

export interface HttpRoute {
  /** Any other method gets 405 with `Allow`. */
  readonly method: 'GET' | 'POST';
  /** Exact, e.g. `/api/v1/scheduler`. */
  readonly path: string;
  /** Answers; throws HttpError to refuse. Anything else thrown is logged and becomes a 500 without details. */
  readonly handle: (request: HttpRequest) => HttpReply | Promise<HttpReply>;
}

export interface HttpServiceOptions {
  /** Address to bind. DEVIATION: default 127.0.0.1 (upstream binds every interface): nobody is offered root by default. */
  readonly ip?: string;
  /** 0 = any free port. */
  readonly port: number;
  /** Process id in paths, `master` or `slave(1)`; every route answers with and without it. */
  readonly prefix: string;
  readonly routes: readonly HttpRoute[];
  readonly logger?: Logger;
  /** Longer bodies get 413. Default 16 MiB. */
  readonly bodyBytesMax?: number;
  /** What arrives while bodies of so many bytes are not answered yet gets 503. Default 256 MiB. */
  readonly heldBytesMax?: number;
  /** For a request to arrive completely, counted from its first byte. Default 30 s. */
  readonly requestTimeoutMs?: number;
  /** For how long a peer may read nothing of an answer that is there. Default 60 s. */
  readonly stallMs?: number;
  /** Further connections are closed at once. Default 4096, streams included. */
  readonly connectionCountMax?: number;
  readonly stream?: Omit<RecordStreamOptions, 'hasRoom'>;
  /** What slow readers of all streams together leave unread, before they are cut off. Default 256 MiB. */
  readonly streamBytesMax?: number;
}

/** What is still read of a request that is refused. */
const DISCARD_BOUNDS = { bytesMax: 16 * 1024 * 1024, ms: 2_000 } as const;

export interface StartedHttpService extends AsyncDisposable {
  readonly ip: string;
  /** The bound port. */
  readonly port: number;
  /** How many peers are connected now, streams included. */
  connectionCount(): Promise<number>;
  /**
   * Ends streams, lets requests in flight finish for at most `graceMs` (default 2 s), then cuts every connection.
   * A second call gives the first one's promise.
   */
  stop(options?: { graceMs?: number }): Promise<void>;
}

/** The address cannot be bound: in use, not of this machine, or not allowed. */
export class BindFailedError extends DomainError<'BIND_FAILED'> {
  readonly code = 'BIND_FAILED';
  readonly ip: string;
  readonly port: number;

  constructor(ip: string, port: number, cause: unknown) {
    const reasons: Readonly<Record<string, string>> = {
      EADDRINUSE: 'Address already in use',
      EADDRNOTAVAIL: 'Cannot assign requested address',
      EACCES: 'Permission denied',
    };
    super(`Failed to bind on ${ip}:${port}: ${reasons[systemCodeOf(cause) ?? ''] ?? messageOf(cause)}`, { cause });
    this.ip = ip;
    this.port = port;
  }
}

/**
 * Listens; resolves when connections are accepted.
 * @throws BindFailedError
 */
export async function startHttpService(options: HttpServiceOptions): Promise<StartedHttpService> {
  const ip = options.ip ?? '127.0.0.1';
  const service = new HttpService(options);
  try {
    await service.listen(ip, options.port);
  } catch (error) {
    throw new BindFailedError(ip, options.port, error);
  }
  return service;
}

class HttpService implements StartedHttpService {
  readonly ip: string;
  readonly #options: HttpServiceOptions;
  readonly #logger: Logger;
  readonly #routes = new Map<string, HttpRoute[]>();
  readonly #server: Server;
  readonly #streams = new Set<RecordStream>();
  readonly #bodies: RequestBodies;
  /** The answer that each connection waits for. */
  readonly #answers = new WeakMap<Duplex, ServerResponse>();
  readonly #stallMs: number;
  #isDroppingConnections = false;
  #stopped: Promise<void> | undefined;

  constructor(options: HttpServiceOptions) {
    this.#options = options;
    this.ip = options.ip ?? '127.0.0.1';
    this.#logger = options.logger ?? silentLogger;
    this.#bodies = new RequestBodies({
      bodyBytesMax: options.bodyBytesMax ?? 16 * 1024 * 1024,
      heldBytesMax: options.heldBytesMax ?? 256 * 1024 * 1024,
    });
    this.#stallMs = options.stallMs ?? 60_000;
    for (const route of options.routes) {
      const same = this.#routes.get(route.path);
      if (same === undefined) this.#routes.set(route.path, [route]);
      else same.push(route);
    }
    const requestTimeout = options.requestTimeoutMs ?? 30_000;
    this.#server = createServer(
      {
        requestTimeout,
        headersTimeout: Math.min(requestTimeout, 10_000),
        connectionsCheckingInterval: Math.min(requestTimeout, 1_000),
        keepAliveTimeout: 30_000,
        keepAlive: true,
        keepAliveInitialDelay: 30_000,
      },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.maxConnections = options.connectionCountMax ?? 4096;
    this.#server.on('connection', () => {
      this.#isDroppingConnections = false;
    });
    this.#server.on('clientError', (error, socket) => {
      void refuseConnection(error, socket, {
        isAnswering: this.#answers.get(socket)?.headersSent ?? false,
        ms: DISCARD_BOUNDS.ms,
      });
    });
    this.#server.on('drop', () => {
      if (!this.#isDroppingConnections) this.#logger.warning('Too many connections, closing further ones');
      this.#isDroppingConnections = true;
    });
  }

  async listen(ip: string, port: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen({ host: ip, port, exclusive: true }, resolve);
    await promise;
    this.#server.off('error', reject);
    this.#server.on('error', (error) => this.#logger.error('HTTP server failed', { error }));
  }

  get port(): number {
    const address: string | AddressInfo | null = this.#server.address();
    assert(address !== null && typeof address === 'object', 'Expected the service to be listening');
    return address.port;
  }

  async connectionCount(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
    return await promise;
  }

  stop(options: { graceMs?: number } = {}): Promise<void> {
    this.#stopped ??= this.#stop(options.graceMs ?? 2_000);
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(graceMs: number): Promise<void> {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const stream of this.#streams) stream.end();
    this.#server.closeIdleConnections();
    const force = setTimeout(() => this.#server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(force);
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    this.#answers.set(message.socket, response);
    response.on('close', () => {
      gone.abort();
      if (this.#answers.get(message.socket) === response) this.#answers.delete(message.socket);
      // A connection that is kept alive would hold the stop up. It is idle a moment after its answer is out.
      if (this.#stopped !== undefined) setImmediate(() => this.#server.closeIdleConnections());
    });
    // A peer that vanishes while it is answered is nobody's error.
    response.on('error', () => undefined);
    try {
      const [pathname = '', ...query] = withoutAuthority(message.url ?? '/').split('?');
      const path = this.#toPath(pathname);
      const route = this.#findRoute(path, message.method ?? '');
      const body = await this.#bodies.read(message, response);
      const request: HttpRequest = {
        method: message.method ?? '',
        path,
        query: new URLSearchParams(query.join('?')),
        headers: message.headers,
        body,
        signal: gone.signal,
      };
      await this.#send(message, response, await route.handle(request), request);
    } catch (error) {
      await this.#refuse(message, response, error);
    }
  }

  /**
   * DEVIATION: upstream's own endpoints of libprocess (/version, /metrics/snapshot, /files, /logging) have no prefix; here
   * every path answers both ways, and nothing that works there fails.
   */
  #toPath(pathname: string): string {
    let path: string;
    try {
      path = decodeURIComponent(pathname);
    } catch {
      // The only error is a malformed escape.
      throw new HttpError(400, 'Failed to decode the path of the URL');
    }
    const prefix = `/${this.#options.prefix}`;
    return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path;
  }

  #findRoute(path: string, method: string): HttpRoute {
    const routes = this.#routes.get(path);
    if (routes === undefined) throw new HttpError(404, '');
    const route = routes.find((one) => one.method === method);
    if (route !== undefined) return route;
    const allowed = routes.map((one) => one.method);
    throw new HttpError(405, `Expecting one of { '${allowed.join("', '")}' }, but received '${method}'`, {
      Allow: allowed.join(', '),
    });
  }

  async #send(
    message: IncomingMessage,
    response: ServerResponse,
    reply: HttpReply,
    request: HttpRequest,
  ): Promise<void> {
    switch (reply.kind) {
      case 'body':
        return await sendBody(message, response, { ...reply, stallMs: this.#stallMs });
      case 'json': {
        const body = toJsonBody(reply.value, request.query.get('jsonp'));
        return await sendBody(message, response, { ...body, stallMs: this.#stallMs });
      }
      case 'file':
        return await sendFile(response, { ...reply, stallMs: this.#stallMs });
      case 'stream': {
        response.writeHead(200, { 'Content-Type': reply.contentType, ...reply.headers });
        response.flushHeaders();
        const stream = new RecordStream(response, { ...this.#options.stream, hasRoom: () => this.#hasStreamRoom() });
        this.#streams.add(stream);
        void stream.closed.then(() => this.#streams.delete(stream));
        reply.open(stream);
        return;
      }
      default:
        assertNever(reply);
    }
  }

  #hasStreamRoom(): boolean {
    let byteCount = 0;
    for (const stream of this.#streams) byteCount += stream.bufferedByteCount;
    return byteCount <= (this.#options.streamBytesMax ?? 256 * 1024 * 1024);
  }

  async #refuse(message: IncomingMessage, response: ServerResponse, error: unknown): Promise<void> {
    // The peer is gone, or what it gets cannot be changed any more.
    if (response.destroyed || response.headersSent || (message.destroyed && !message.complete)) {
      response.destroy();
      return;
    }
    if (!(error instanceof HttpError)) {
      this.#logger.error('Request failed', { method: message.method, url: message.url, error });
    }
    const refusal = error instanceof HttpError ? error : new HttpError(500, 'Internal Server Error');
    const reply = textReply(refusal.status, refusal.message, refusal.headers);
    if (message.complete) return await sendBody(message, response, { ...reply, stallMs: this.#stallMs });
    await this.#refuseEarly(message, response, reply);
  }

  /** The peer is still sending: it gets the answer at once, and the end of the connection when it is done. */
  async #refuseEarly(message: IncomingMessage, response: ServerResponse, reply: BodyReply): Promise<void> {
    const bytes = Buffer.from(reply.body);
    response.writeHead(reply.status, { ...reply.headers, Connection: 'close', 'Content-Length': bytes.byteLength });
    response.write(bytes);
    await discardRest(message, DISCARD_BOUNDS);
    response.end();
  }
}

/** A proxy's form of a request target, `http://host/path`, names what `/path` names. */
function withoutAuthority(target: string): string {
  return target.replace(/^https?:\/\/[^/?]*/i, '');
}

function toJsonBody(value: unknown, callback: string | null): Omit<BodyReply, 'kind'> {
  const json = JSON.stringify(value);
  if (callback === null) return { status: 200, body: json, headers: { 'Content-Type': 'application/json' } };
  // DEVIATION: upstream puts any text here; a callback that is not a JavaScript reference is refused, so that a link
  // to this service cannot carry a script.
  if (!/^[\w$.[\]]{1,128}$/.test(callback)) throw new HttpError(400, "Expecting 'jsonp' to be the name of a function");
  return { status: 200, body: `${callback}(${json})`, headers: { 'Content-Type': 'text/javascript' } };
}

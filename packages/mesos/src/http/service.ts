/**
 * The HTTP service that master and agent share: exact routes, each also under the process's prefix (`/master/...`,
 * `/slave(1)/...`, as libprocess has them), bounded bodies, JSONP, RecordIO streams, a graceful stop.
 */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { DomainError, assert, assertNever, messageOf, systemCodeOf } from '@drydock/base/errors';
import { silentLogger, type Logger } from '@drydock/base/log';
import { RecordStream, type RecordStreamOptions } from './record-stream.ts';
import { HttpError, textReply, type HttpReply } from './reply.ts';

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
  /** For a request to arrive completely, counted from its first byte. Default 30 s. */
  readonly requestTimeoutMs?: number;
  /** Default 1024. */
  readonly connectionCountMax?: number;
  readonly stream?: RecordStreamOptions;
}

export interface StartedHttpService extends AsyncDisposable {
  readonly ip: string;
  /** The bound port. */
  readonly port: number;
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
  #stopped: Promise<void> | undefined;

  constructor(options: HttpServiceOptions) {
    this.#options = options;
    this.ip = options.ip ?? '127.0.0.1';
    this.#logger = options.logger ?? silentLogger;
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
    this.#server.maxConnections = options.connectionCountMax ?? 1024;
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
    response.on('close', () => {
      gone.abort();
      // A connection that is kept alive would hold the stop up. It is idle a moment after its answer is out.
      if (this.#stopped !== undefined) setImmediate(() => this.#server.closeIdleConnections());
    });
    // A peer that vanishes while it is answered is nobody's error.
    response.on('error', () => undefined);
    try {
      const [pathname = '', ...query] = (message.url ?? '/').split('?');
      const path = this.#toPath(pathname);
      const route = this.#findRoute(path, message.method ?? '');
      const body = await readBody(message, this.#options.bodyBytesMax ?? 16 * 1024 * 1024);
      const request: HttpRequest = {
        method: message.method ?? '',
        path,
        query: new URLSearchParams(query.join('?')),
        headers: message.headers,
        body,
        signal: gone.signal,
      };
      this.#send(response, await route.handle(request), request);
    } catch (error) {
      this.#refuse(message, response, error);
    }
  }

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

  #send(response: ServerResponse, reply: HttpReply, request: HttpRequest): void {
    switch (reply.kind) {
      case 'body':
        return sendBody(response, reply.status, reply.body, reply.headers);
      case 'json':
        return sendJson(response, reply.value, request.query.get('jsonp'));
      case 'stream': {
        response.writeHead(200, { 'Content-Type': reply.contentType, ...reply.headers });
        response.flushHeaders();
        const stream = new RecordStream(response, this.#options.stream);
        this.#streams.add(stream);
        void stream.closed.then(() => this.#streams.delete(stream));
        reply.open(stream);
        return;
      }
      default:
        assertNever(reply);
    }
  }

  #refuse(message: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (!message.complete) response.setHeader('Connection', 'close');
    if (response.headersSent) {
      response.destroy();
    } else if (error instanceof HttpError) {
      const reply = textReply(error.status, error.message, error.headers);
      sendBody(response, reply.status, reply.body, reply.headers);
    } else {
      this.#logger.error('Request failed', { method: message.method, url: message.url, error });
      sendBody(response, 500, 'Internal Server Error', { 'Content-Type': 'text/plain; charset=utf-8' });
    }
  }
}

function sendBody(
  response: ServerResponse,
  status: number,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>>,
): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  response.writeHead(status, { ...headers, 'Content-Length': bytes.byteLength });
  response.end(bytes);
}

function sendJson(response: ServerResponse, value: unknown, callback: string | null): void {
  const json = JSON.stringify(value);
  if (callback === null) return sendBody(response, 200, json, { 'Content-Type': 'application/json' });
  // DEVIATION: upstream puts any text here; a callback that is not a JavaScript reference is refused, so that a link
  // to this service cannot carry a script.
  if (!/^[\w$.[\]]{1,128}$/.test(callback)) throw new HttpError(400, "Expecting 'jsonp' to be the name of a function");
  sendBody(response, 200, `${callback}(${json})`, { 'Content-Type': 'text/javascript' });
}

async function readBody(message: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  const declared = Number(message.headers['content-length'] ?? 0);
  if (declared > bytesMax) throw new HttpError(413, `Expecting a body of at most ${bytesMax} bytes`);
  const chunks: Buffer[] = [];
  let byteCount = 0;
  for await (const chunk of message) {
    assert(Buffer.isBuffer(chunk), 'Expected a body without encoding');
    byteCount += chunk.byteLength;
    if (byteCount > bytesMax) throw new HttpError(413, `Expecting a body of at most ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

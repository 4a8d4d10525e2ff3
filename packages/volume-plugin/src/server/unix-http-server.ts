/** A small HTTP server on a unix socket: whole requests in, whole answers out. */
import { lstat, mkdir, unlink } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DomainError, messageOf, systemCodeOf } from '@drydock/base/errors';

/** The socket's path is taken: by a server that answers, or by something that is not a socket. */
export class SocketInUseError extends DomainError<'SOCKET_IN_USE'> {
  readonly code = 'SOCKET_IN_USE';
  readonly socketPath: string;

  constructor(socketPath: string, what: string) {
    super(`Cannot listen on ${socketPath}: ${what}`);
    this.socketPath = socketPath;
  }
}

export interface HttpRequest {
  /** `POST`, ... */
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** What follows the `?`; `''` when nothing does. */
  readonly query: string;
  readonly body: string;
}

/** A whole answer, or one that is delivered badly on purpose. */
export interface HttpReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** `cut`: half of the body, then the connection is closed. `slow`: a byte at a time, this many ms apart. */
  readonly delivery?: { readonly kind: 'cut' } | { readonly kind: 'slow'; readonly byteDelayMs: number };
}

/**
 * `no-reply` leaves the client waiting until it goes away or the server stops; `drop` closes the connection without an
 * answer.
 */
export type HttpAnswer = HttpReply | 'no-reply' | 'drop';

export interface UnixHttpServerOptions {
  /** Absolute; missing directories above it are made. */
  readonly socketPath: string;
  /** A rejection is answered with status 500 and its message. */
  readonly handle: (request: HttpRequest) => Promise<HttpAnswer>;
  /** Longer requests get status 413; they are read to their end, and thrown away, up to 64 times this. Default 1 MiB. */
  readonly bodyBytesMax?: number;
  /** How long a client may take to send a whole request. Default 60 s, its head 10 s. */
  readonly requestMs?: number;
  /** How long `stop` waits for answers in the making. Default 10 s. */
  readonly drainMs?: number;
}

/** Requests of one connection that wait for their answers; a client that sends more ahead of them is cut off. */
const PIPELINED_COUNT_MAX = 64;

/** How much of a request that is too long is read, so that its client sees the answer: this many times the limit. */
const DRAIN_FACTOR = 64;

/**
 * Listens on a socket of mode 0600; a dead socket file in its place is removed.
 * @throws SocketInUseError
 */
export async function startUnixHttpServer(options: UnixHttpServerOptions): Promise<StartedUnixHttpServer> {
  const { socketPath, handle, bodyBytesMax = 1024 * 1024, drainMs = 10_000, requestMs = 60_000 } = options;
  await mkdir(dirname(socketPath), { recursive: true });
  await removeDeadSocket(socketPath);
  const answers = new Set<Promise<void>>();
  const stopping = new AbortController();
  const openCounts = new WeakMap<Socket, number>();
  const limits = {
    headersTimeout: Math.min(10_000, requestMs),
    requestTimeout: requestMs,
    connectionsCheckingInterval: Math.min(1_000, requestMs),
  };
  // Real dvdcli sends an empty Host header over a unix socket.
  const server = createServer({ requireHostHeader: false, ...limits }, (request, response) => {
    const { socket } = request;
    const openCount = (openCounts.get(socket) ?? 0) + 1;
    if (openCount > PIPELINED_COUNT_MAX) return void socket.destroy();
    openCounts.set(socket, openCount);
    const context = { handle, bodyBytesMax, signal: stopping.signal };
    const answered = answer(request, response, context).finally(() => {
      answers.delete(answered);
      openCounts.set(socket, (openCounts.get(socket) ?? 1) - 1);
    });
    answers.add(answered);
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  const umask = process.umask(0o177);
  server.listen({ path: socketPath }, resolve);
  process.umask(umask);
  await promise;
  return new StartedUnixHttpServer({ server, socketPath, answers, drainMs, stopping });
}

/** A server that listens. */
export class StartedUnixHttpServer implements AsyncDisposable {
  readonly socketPath: string;
  readonly #server: Server;
  readonly #answers: ReadonlySet<Promise<void>>;
  readonly #drainMs: number;
  readonly #stopping: AbortController;
  #stopped: Promise<void> | undefined;

  constructor(parts: {
    server: Server;
    socketPath: string;
    answers: ReadonlySet<Promise<void>>;
    drainMs: number;
    stopping: AbortController;
  }) {
    this.socketPath = parts.socketPath;
    this.#server = parts.server;
    this.#answers = parts.answers;
    this.#drainMs = parts.drainMs;
    this.#stopping = parts.stopping;
  }

  /** Removes the socket, waits for the answers in the making, closes every connection. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    await this.#stopped;
  }

  /** Goes silent at once, as a process that is killed: connections break, the socket file stays. */
  kill(): void {
    this.#stopping.abort();
    this.#server.closeAllConnections();
    this.#server.on('connection', (socket) => socket.destroy());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    const timer = new AbortController();
    await Promise.race([
      Promise.all(this.#answers),
      delay(this.#drainMs, undefined, { signal: timer.signal }).catch(() => undefined), // aborted: all are answered
    ]);
    timer.abort();
    this.#server.closeAllConnections();
    await closed;
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: Pick<UnixHttpServerOptions, 'handle'> & { readonly bodyBytesMax: number; readonly signal: AbortSignal },
): Promise<void> {
  const body = await readBody(request, options.bodyBytesMax);
  if (body === 'aborted') return;
  if (body === 'too-long') {
    response.setHeader('Connection', 'close');
    const reply = { status: 413, contentType: 'text/plain; charset=utf-8', body: 'request body too long\n' };
    await send(response, reply, options.signal);
    return;
  }
  const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
  try {
    const result = await options.handle({ method: request.method ?? '', path, query, body: body.text });
    if (result === 'drop') response.destroy();
    else if (result !== 'no-reply') await send(response, result, options.signal);
  } catch (error) {
    const reply = { status: 500, contentType: 'text/plain; charset=utf-8', body: `${messageOf(error)}\n` };
    await send(response, reply, options.signal);
  }
}

async function readBody(
  request: IncomingMessage,
  bytesMax: number,
): Promise<{ readonly text: string } | 'too-long' | 'aborted'> {
  const chunks: Buffer[] = [];
  let byteCount = 0;
  try {
    for await (const chunk of request) {
      if (!(chunk instanceof Buffer)) continue; // no encoding is set, so every chunk is a Buffer
      byteCount += chunk.length;
      if (byteCount > DRAIN_FACTOR * bytesMax) return 'too-long';
      if (byteCount > bytesMax) chunks.length = 0;
      else chunks.push(chunk);
    }
  } catch {
    return 'aborted'; // the client went away while sending
  }
  return byteCount > bytesMax ? 'too-long' : { text: Buffer.concat(chunks).toString('utf8') };
}

/** Resolves when the answer is handed over or the client is gone. */
async function send(response: ServerResponse, answered: HttpReply, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once('close', resolve);
  response.writeHead(answered.status, {
    'Content-Type': answered.contentType,
    'Content-Length': Buffer.byteLength(answered.body),
  });
  const body = Buffer.from(answered.body);
  switch (answered.delivery?.kind) {
    case undefined:
      response.end(body, () => resolve());
      break;
    case 'cut':
      response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.destroy());
      break;
    case 'slow':
      await sendSlowly(response, body, answered.delivery.byteDelayMs, signal);
      break;
  }
  if (response.destroyed) resolve();
  await promise;
}

/** Ends early when the client goes away or the server stops. */
async function sendSlowly(
  response: ServerResponse,
  body: Buffer,
  byteDelayMs: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    for (let at = 0; at < body.length && !response.destroyed; at++) {
      response.write(body.subarray(at, at + 1));
      await delay(byteDelayMs, undefined, { signal });
    }
    response.end();
  } catch {
    response.destroy(); // the server stops, and does not wait for the rest
  }
}

async function removeDeadSocket(socketPath: string): Promise<void> {
  try {
    if (!(await lstat(socketPath)).isSocket())
      throw new SocketInUseError(socketPath, 'a file that is no socket is there');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return;
    throw error;
  }
  if (await isAnswered(socketPath)) throw new SocketInUseError(socketPath, 'another process is listening there');
  await unlink(socketPath);
}

async function isAnswered(socketPath: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ path: socketPath });
  socket.once('connect', () => resolve(true));
  socket.once('error', (error) => resolve(systemCodeOf(error) !== 'ECONNREFUSED'));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

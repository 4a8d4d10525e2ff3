/** A small HTTP server on a unix socket: whole requests in, whole answers out. */
import { lstat, mkdir, unlink } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
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
  readonly body: string;
}

/** An answer; `no-reply` leaves the client waiting until it goes away or the server stops. */
export type HttpAnswer = { readonly status: number; readonly contentType: string; readonly body: string } | 'no-reply';

export interface UnixHttpServerOptions {
  /** Absolute; missing directories above it are made. */
  readonly socketPath: string;
  /** A rejection is answered with status 500 and its message. */
  readonly handle: (request: HttpRequest) => Promise<HttpAnswer>;
  /** Longer requests get status 413. Default 1 MiB. */
  readonly bodyBytesMax?: number;
  /** How long `stop` waits for answers in the making. Default 10 s. */
  readonly drainMs?: number;
}

/**
 * Listens on a socket of mode 0600; a dead socket file in its place is removed.
 * @throws SocketInUseError
 */
export async function startUnixHttpServer(options: UnixHttpServerOptions): Promise<StartedUnixHttpServer> {
  const { socketPath, handle, bodyBytesMax = 1024 * 1024, drainMs = 10_000 } = options;
  await mkdir(dirname(socketPath), { recursive: true });
  await removeDeadSocket(socketPath);
  const answers = new Set<Promise<void>>();
  const server = createServer({ requireHostHeader: false }, (request, response) => {
    const answered = answer(request, response, { handle, bodyBytesMax }).finally(() => answers.delete(answered));
    answers.add(answered);
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  const umask = process.umask(0o177);
  server.listen({ path: socketPath }, resolve);
  process.umask(umask);
  await promise;
  return new StartedUnixHttpServer({ server, socketPath, answers, drainMs });
}

/** A server that listens. */
export class StartedUnixHttpServer implements AsyncDisposable {
  readonly socketPath: string;
  readonly #server: Server;
  readonly #answers: ReadonlySet<Promise<void>>;
  readonly #drainMs: number;
  #stopped: Promise<void> | undefined;

  constructor(parts: { server: Server; socketPath: string; answers: ReadonlySet<Promise<void>>; drainMs: number }) {
    this.socketPath = parts.socketPath;
    this.#server = parts.server;
    this.#answers = parts.answers;
    this.#drainMs = parts.drainMs;
  }

  /** Removes the socket, waits for the answers in the making, closes every connection. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    await this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
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
  options: Pick<UnixHttpServerOptions, 'handle'> & { readonly bodyBytesMax: number },
): Promise<void> {
  const body = await readBody(request, options.bodyBytesMax);
  if (body === 'aborted') return;
  if (body === 'too-long') {
    response.setHeader('Connection', 'close');
    await send(response, { status: 413, contentType: 'text/plain; charset=utf-8', body: 'request body too long\n' });
    return;
  }
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  try {
    const result = await options.handle({ method: request.method ?? '', path, body: body.text });
    if (result !== 'no-reply') await send(response, result);
  } catch (error) {
    await send(response, { status: 500, contentType: 'text/plain; charset=utf-8', body: `${messageOf(error)}\n` });
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
      if (byteCount > bytesMax) return 'too-long';
      chunks.push(chunk);
    }
  } catch {
    return 'aborted'; // the client went away while sending
  }
  return { text: Buffer.concat(chunks).toString('utf8') };
}

/** Resolves when the answer is handed over or the client is gone. */
async function send(response: ServerResponse, answered: Exclude<HttpAnswer, 'no-reply'>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once('close', resolve);
  response.writeHead(answered.status, {
    'Content-Type': answered.contentType,
    'Content-Length': Buffer.byteLength(answered.body),
  });
  response.end(answered.body, () => resolve());
  if (response.destroyed) resolve();
  await promise;
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

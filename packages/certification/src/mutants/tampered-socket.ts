/** A socket before a driver that changes answers on their way, or answers itself. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { connect, type AddressInfo, type ListenOptions } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { HttpAnswer, HttpReply, HttpRequest } from '@drydock/volume-plugin/server';
import { isObject } from '../wire/bare-plugin.ts';
import { HttpMessageReader, headerOf, type HttpMessage } from '../wire/http-message.ts';

export interface TamperedRequest extends HttpRequest {
  /** The first value of each header, by its name in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Nobody waits for the answer any more. */
  readonly isClientGone: () => boolean;
}

export type Tamper = (
  request: TamperedRequest,
  /** Asks the driver, with another body if one is given. */
  ask: (body?: string) => Promise<HttpReply>,
) => Promise<HttpAnswer>;

/** The volume that a request is about; '' when it is about none. */
export function nameIn({ body }: HttpRequest): string {
  const request: unknown = body === '' ? {} : JSON.parse(body);
  return isObject(request) && typeof request['Name'] === 'string' ? request['Name'] : '';
}

const ASK_MS_MAX = 10_000;

export async function startTamperedSocket(options: {
  readonly socketPath: string;
  readonly behind: string;
  readonly tamper: Tamper;
  /** More are closed at once. Default: no limit. */
  readonly connectionCountMax?: number;
}): Promise<AsyncDisposable> {
  const { socketPath, behind, tamper, connectionCountMax } = options;
  const server = createServer({ requireHostHeader: false }, handlerOf(behind, tamper));
  if (connectionCountMax !== undefined) server.maxConnections = connectionCountMax;
  return await listen(server, { path: socketPath });
}

/** The same over TLS, on a port of 127.0.0.1. */
export async function startTlsSocket(options: {
  readonly behind: string;
  readonly tls: ServerOptions;
}): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createTlsServer(
    options.tls,
    handlerOf(options.behind, async (_request, ask) => await ask()),
  );
  const listening = await listen(server, { port: 0, host: '127.0.0.1' });
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return { port, [Symbol.asyncDispose]: async () => await listening[Symbol.asyncDispose]() };
}

function handlerOf(behind: string, tamper: Tamper): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    void answer(request, response, behind, tamper).catch(() => response.destroy()); // as a driver that crashes in a call
  };
}

async function listen(server: Server, place: ListenOptions): Promise<AsyncDisposable> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(place, resolve);
  await promise;
  return {
    async [Symbol.asyncDispose]() {
      const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();
      server.close(() => onClosed());
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  behind: string,
  tamper: Tamper,
): Promise<void> {
  const plain: HttpRequest = {
    method: request.method ?? '',
    path: request.url ?? '/',
    query: '',
    body: (await buffer(request)).toString('utf8'), // with a byte order mark, if there is one
  };
  const headers = request.headers as Readonly<Record<string, string | undefined>>; // none of them comes twice here
  const reply = await tamper(
    { ...plain, headers, isClientGone: () => !request.socket.writable },
    async (body = plain.body) => await ask(behind, { ...plain, body }),
  );
  if (reply === 'drop') response.destroy();
  else if (reply !== 'no-reply') {
    const { status, contentType, body } = reply;
    response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(body) }).end(body);
  }
}

async function ask(socketPath: string, { method, path, body }: HttpRequest): Promise<HttpReply> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpMessage>();
  const reader = new HttpMessageReader({ isReply: true });
  const socket = connect({ path: socketPath });
  const timer = setTimeout(() => reject(new Error('the driver behind does not answer')), ASK_MS_MAX);
  socket.on('error', reject).on('data', (bytes: Buffer) => {
    const [message] = reader.push(bytes);
    if (message !== undefined) resolve(message);
  });
  socket.on('close', () => reject(new Error('the driver behind closed the connection')));
  socket.write(`${method} ${path} HTTP/1.1\r\nHost: \r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  try {
    const message = await promise;
    return {
      status: Number(message.startLine.split(' ')[1]),
      contentType: headerOf(message.headers, 'content-type') ?? '',
      body: message.body.toString('utf8'),
    };
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

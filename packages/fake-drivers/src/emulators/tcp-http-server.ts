/** A small HTTP server for the services that nodes share. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf } from '@drydock/base/errors';

export interface ServiceRequest {
  readonly method: string;
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface ServiceReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface StartedService extends AsyncDisposable {
  /** `http://ADDRESS:PORT` */
  readonly endpoint: string;
  /** Breaks the connections that are open. Safe to call twice. */
  stop(): Promise<void>;
}

const BODY_BYTES_MAX = 1024 * 1024;

/** Listens on `ip`, by default 127.0.0.1. A rejection of `handle` is answered with status 500 and its message. */
export async function startTcpHttpServer(
  handle: (request: ServiceRequest) => Promise<ServiceReply>,
  options: { readonly port?: number; readonly ip?: string } = {},
): Promise<StartedService> {
  const server = createServer((request, response) => {
    void answer(request, handle).then((reply) => {
      response.writeHead(reply.status, { ...reply.headers, 'Content-Type': reply.contentType });
      response.end(reply.body);
    });
  });
  const { ip = '127.0.0.1' } = options;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host: ip, port: options.port ?? 0 }, resolve);
  await promise;
  const { port } = server.address() as AddressInfo; // a TCP server that listens has one
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    stopped ??= closeServer();
    await stopped;
  };
  const closeServer = async (): Promise<void> => {
    const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();
    server.close(() => onClosed());
    server.closeAllConnections();
    await closed;
  };
  return { endpoint: `http://${ip}:${port}`, stop, [Symbol.asyncDispose]: stop };
}

async function answer(
  request: IncomingMessage,
  handle: (request: ServiceRequest) => Promise<ServiceReply>,
): Promise<ServiceReply> {
  try {
    const body = await readBody(request);
    const headers = Object.fromEntries(Object.entries(request.headers).map(([key, value]) => [key, String(value)]));
    const url = new URL(request.url ?? '/', 'http://service');
    return await handle({ method: request.method ?? 'GET', url, headers, body });
  } catch (error) {
    return { status: 500, contentType: 'text/plain; charset=utf-8', body: `${messageOf(error)}\n` };
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let byteCount = 0;
  for await (const chunk of request) {
    if (!(chunk instanceof Buffer)) continue; // no encoding is set, so every chunk is a Buffer
    byteCount += chunk.length;
    if (byteCount > BODY_BYTES_MAX) throw new Error('request body too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

export function jsonReply(status: number, value: object, headers: Readonly<Record<string, string>> = {}): ServiceReply {
  return { status, contentType: 'application/json', body: JSON.stringify(value), headers };
}

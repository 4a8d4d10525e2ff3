/** The protocol as it goes over the wire: raw requests to a socket, raw answers. */
import { request as httpRequest } from 'node:http';

export interface WireAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
  /** The text as a JSON object; undefined when it is none. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
}

export interface SocketClient {
  /** `POST /<method>`; a string is sent as it is. */
  post(method: string, body: object | string): Promise<WireAnswer>;
  send(verb: string, path: string, body: string): Promise<WireAnswer>;
}

export interface SocketClientOptions {
  readonly signal: AbortSignal;
}

/** Sends as dvdcli does: no Host, no Content-Type. */
export function createSocketClient(socketPath: string, { signal }: SocketClientOptions): SocketClient {
  const send = async (verb: string, path: string, body: string): Promise<WireAnswer> => {
    const { promise, resolve, reject } = Promise.withResolvers<WireAnswer>();
    const headers = { Host: '', 'Content-Length': Buffer.byteLength(body) };
    const request = httpRequest({ socketPath, method: verb, path, headers, agent: false, signal }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('close', () => {
        if (!response.complete) reject(new Error('the answer was cut off'));
      });
      response.on('end', () => {
        const contentType = response.headers['content-type'] ?? '';
        resolve({ status: response.statusCode ?? 0, contentType, text, json: toObject(text) });
      });
    });
    request.on('error', reject);
    request.end(body);
    return await promise;
  };
  return {
    send,
    post: async (method, body) =>
      await send('POST', `/${method}`, typeof body === 'string' ? body : `${JSON.stringify(body)}\n`),
  };
}

function toObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined; // no JSON, which is what `undefined` says
  }
}

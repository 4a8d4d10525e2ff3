/**
 * HTTP/1.1 to one plugin over one connection that is kept alive, straight on node:net: with node:http, a process that
 * makes three small calls and ends (dvdcli) starts half as slowly again. Request bytes are those of Go's client.
 */
import { connect, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { messageOf, systemCodeOf } from '@drydock/base/errors';
import { PluginConnectionLostError, PluginReplyError, PluginUnreachableError } from './errors.ts';
import { HttpReplyError, HttpReplyReader, HttpReplyTooLongError, type HttpReply } from './http-reply.ts';
import type { PluginAddress } from './plugin-address.ts';

/** Far more than any answer; a driver cannot fill the caller's memory. */
const RESPONSE_BYTES_MAX = 4 * 1024 * 1024;

const ACCEPT = 'application/vnd.docker.plugins.v1.2+json';

export class PluginConnection implements Disposable {
  readonly #address: PluginAddress;
  #idle: Socket | undefined;

  constructor(address: PluginAddress) {
    this.#address = address;
  }

  /** What messages call the plugin: the socket's path or host and port. */
  get target(): string {
    return this.#address.kind === 'unix' ? this.#address.socketPath : `${this.#address.host}:${this.#address.port}`;
  }

  /**
   * One request and its reply, one at a time. Abort closes the connection and rejects with the signal's reason.
   * @throws PluginUnreachableError, PluginConnectionLostError, PluginReplyError (a reply longer than 4 MiB)
   */
  async post(method: string, body: string, options: { readonly signal: AbortSignal }): Promise<HttpReply> {
    const { signal } = options;
    signal.throwIfAborted();
    const where = `Post http://${encodeURIComponent(this.target)}/${method}`;
    const socket = (await this.#reuse()) ?? (await dial(this.#address, where, signal));
    try {
      const reply = await exchange(socket, this.#toRequest(method, body), where, signal);
      if (reply.isReusable) this.#idle = socket;
      else socket.destroy();
      return reply;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#idle?.destroy();
    this.#idle = undefined;
  }

  async #reuse(): Promise<Socket | undefined> {
    const socket = this.#idle;
    this.#idle = undefined;
    if (socket === undefined) return undefined;
    // A server that closed the connection right after its reply is noticed here, not by losing the next request. Between
    // two turns of the event loop it looks once at every socket; one turn may pass without a look.
    await setImmediate();
    await setImmediate();
    if (!socket.destroyed && !socket.readableEnded) return socket;
    socket.destroy();
    return undefined;
  }

  /** Header order and absence of Content-Type are Go's. Over a unix socket `Host` is empty. */
  // DEVIATION: over tcp Go also offers `Accept-Encoding: gzip`; this does not, as answers are a few hundred bytes.
  #toRequest(method: string, body: string): string {
    const host = this.#address.kind === 'unix' ? '' : this.target;
    return [
      `POST /${method} HTTP/1.1`,
      `Host: ${host}`,
      'User-Agent: Go-http-client/1.1',
      `Content-Length: ${Buffer.byteLength(body)}`,
      `Accept: ${ACCEPT}`,
      '',
      body,
    ].join('\r\n');
  }
}

async function dial(address: PluginAddress, where: string, signal: AbortSignal): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect(
    address.kind === 'unix' ? { path: address.socketPath } : { host: address.host, port: address.port },
  );
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  socket.once('connect', () => resolve(socket));
  // Stays: an idle socket that breaks must not become an uncaught error.
  socket.on('error', (error) => {
    const at = address.kind === 'unix' ? `unix ${address.socketPath}` : `tcp ${address.host}:${address.port}`;
    reject(new PluginUnreachableError(`${where}: dial ${at}: connect: ${reasonOf(error)}`, { cause: error }));
  });
  try {
    return await promise;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function exchange(socket: Socket, request: string, where: string, signal: AbortSignal): Promise<HttpReply> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpReply>();
  const reader = new HttpReplyReader({ bodyBytesMax: RESPONSE_BYTES_MAX });
  const lost = (reason: string, cause?: unknown): void =>
    reject(new PluginConnectionLostError(`${where}: ${reason}`, { cause }));
  const onData = (bytes: Buffer): void => {
    try {
      const reply = reader.push(bytes);
      if (reply !== undefined) resolve(reply);
    } catch (error) {
      if (error instanceof HttpReplyError) lost(error.message, error);
      else if (error instanceof HttpReplyTooLongError) reject(new PluginReplyError(error.message, { cause: error }));
      else reject(error);
    }
  };
  const onEnd = (): void => {
    const reply = reader.end();
    if (reply === undefined) lost('EOF');
    else resolve(reply);
  };
  const onError = (error: Error): void => lost(reasonOf(error), error);
  const onAbort = (): void => reject(signal.reason);
  socket.on('data', onData).on('end', onEnd).on('error', onError).on('close', onEnd);
  signal.addEventListener('abort', onAbort, { once: true });
  socket.write(request);
  try {
    return await promise;
  } finally {
    socket.off('data', onData).off('end', onEnd).off('error', onError).off('close', onEnd);
    signal.removeEventListener('abort', onAbort);
    socket.resume(); // so that the end of an idle connection is seen
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  ECONNRESET: 'connection reset by peer',
  EPIPE: 'broken pipe',
};

function reasonOf(error: Error): string {
  return REASONS[systemCodeOf(error) ?? ''] ?? messageOf(error);
}

/**
 * HTTP/1.1 to one plugin over one connection that is kept alive, straight on node:net: with node:http, a process that
 * makes three small calls and ends (dvdcli) starts half as slowly again. Request bytes are those of Go's client.
 */
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { PluginAddress } from '../discovery/plugin-address.ts';
import { PluginConnectionLostError, PluginReplyError } from '../errors.ts';
import { dial, reasonOf } from './dial.ts';
import { HttpReplyError, HttpReplyReader, HttpReplyTooLongError, type HttpReply } from './http-reply.ts';

/** Far more than any answer; a driver cannot fill the caller's memory. */
const RESPONSE_BYTES_MAX = 4 * 1024 * 1024;

export class PluginConnection implements Disposable {
  readonly #address: PluginAddress;
  readonly #accept: string;
  #idle: Socket | undefined;

  /** @param accept the Accept header */
  constructor(address: PluginAddress, accept: string) {
    this.#address = address;
    this.#accept = accept;
  }

  /** What messages call the plugin: the socket's path or host and port. */
  get target(): string {
    return this.#address.kind === 'unix' ? this.#address.socketPath : this.#address.authority;
  }

  /**
   * One request and its reply, one at a time. Abort closes the connection and rejects with the signal's reason.
   * @throws PluginUnreachableError, PluginTlsError, PluginConnectionLostError, PluginReplyError (a reply longer than 4 MiB)
   */
  async post(method: string, body: string, options: { readonly signal: AbortSignal }): Promise<HttpReply> {
    const { signal } = options;
    signal.throwIfAborted();
    const scheme = this.#address.kind === 'tcp' && this.#address.tls !== undefined ? 'https' : 'http';
    const where = `Post ${scheme}://${encodeURIComponent(this.target)}/${method}`;
    const socket = (await this.#reuse()) ?? (await dial(this.#address, where, signal));
    try {
      const reply = await exchange(socket, this.#toRequest(method, body), where, signal);
      if (reply.isReusable && this.#idle === undefined) this.#idle = socket;
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

  /** Header order and absence of Content-Type are Go's. Over a unix socket `Host` is empty, and gzip is not offered. */
  #toRequest(method: string, body: string): string {
    const isUnix = this.#address.kind === 'unix';
    return [
      `POST /${method} HTTP/1.1`,
      `Host: ${isUnix ? '' : this.target}`,
      'User-Agent: Go-http-client/1.1',
      `Content-Length: ${Buffer.byteLength(body)}`,
      `Accept: ${this.#accept}`,
      ...(isUnix ? [] : ['Accept-Encoding: gzip']),
      '',
      body,
    ].join('\r\n');
  }
}

/** How long a reply that already holds a whole JSON object may take to end. */
const END_GRACE_MS = 100;

async function exchange(socket: Socket, request: string, where: string, signal: AbortSignal): Promise<HttpReply> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<HttpReply>();
  const reader = new HttpReplyReader({ bodyBytesMax: RESPONSE_BYTES_MAX });
  const lost = (reason: string, cause?: unknown): void =>
    reject(new PluginConnectionLostError(`${where}: ${reason}`, { cause }));
  const settle = (read: () => HttpReply | undefined): void => {
    try {
      const reply = read();
      if (reply !== undefined) resolve(reply);
    } catch (error) {
      if (error instanceof HttpReplyError) lost(error.message, error);
      else if (error instanceof HttpReplyTooLongError) reject(new PluginReplyError(error.message, { cause: error }));
      else reject(error);
    }
  };
  let grace: NodeJS.Timeout | undefined;
  const onData = (bytes: Buffer): void => {
    settle(() => reader.push(bytes));
    if (reader.hasEnough) grace ??= setTimeout(() => settle(() => reader.end()), END_GRACE_MS);
  };
  const onEnd = (): void => {
    settle(() => reader.end());
    lost('EOF'); // if that gave nothing
  };
  const onError = (error: Error): void => lost(reasonOf(error), error);
  const onAbort = (): void => reject(signal.reason);
  socket.on('data', onData).on('end', onEnd).on('error', onError).on('close', onEnd);
  signal.addEventListener('abort', onAbort, { once: true });
  socket.write(request);
  try {
    return await promise;
  } finally {
    clearTimeout(grace);
    socket.off('data', onData).off('end', onEnd).off('error', onError).off('close', onEnd);
    signal.removeEventListener('abort', onAbort);
    socket.resume(); // so that the end of an idle connection is seen
  }
}

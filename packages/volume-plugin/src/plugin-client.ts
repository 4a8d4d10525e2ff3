import { messageOf } from '@drydock/base/errors';
import { parseObject, textField, type GoObject } from './decoder.ts';
import { PluginConnectionLostError, PluginReplyError, PluginStatusError, PluginUnreachableError } from './errors.ts';
import { GoJsonError, parseFirstJson } from './go-json.ts';
import type { HttpReply } from './http-reply.ts';
import type { PluginAddress } from './plugin-address.ts';
import { PluginConnection } from './plugin-connection.ts';
import { defaultRetryDelaysMs, retry, type PluginClientEvent } from './retry.ts';

export interface PluginClientOptions {
  /** Waits before further attempts to connect. Default 1, 2, 4 and 8 s. */
  readonly retryDelaysMs?: readonly number[];
  readonly onEvent?: (event: PluginClientEvent) => void;
}

export interface CallOptions {
  /** The bound of the call: the protocol itself has none. */
  readonly signal: AbortSignal;
}

/** Calls of any plugin method at one address, one after the other. */
export class PluginClient implements Disposable {
  readonly #connection: PluginConnection;
  readonly #retryDelaysMs: readonly number[];
  readonly #onEvent: (event: PluginClientEvent) => void;

  constructor(address: PluginAddress, options: PluginClientOptions = {}) {
    this.#connection = new PluginConnection(address);
    this.#retryDelaysMs = options.retryDelaysMs ?? defaultRetryDelaysMs;
    this.#onEvent = options.onEvent ?? (() => undefined);
  }

  /**
   * Posts `body` (JSON text, or nothing) and gives the object that came back. The answer's Content-Type is not looked at.
   * @throws PluginUnreachableError, PluginConnectionLostError, PluginStatusError (not 200), PluginReplyError (not JSON)
   */
  async call(method: string, body: string, options: CallOptions): Promise<GoObject> {
    const reply = await this.#postWithRetry(method, body, options.signal);
    if (reply.status !== 200) throw new PluginStatusError(method, reply.status, errorTextOf(reply.body));
    try {
      return parseObject(parseFirstJson(reply.body), 'value of an answer');
    } catch (error) {
      const reason = messageOf(error);
      this.#onEvent({ kind: 'bad-reply', method, reason });
      throw new PluginReplyError(reason, { cause: error });
    }
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }

  /**
   * A request with a body goes out once: when the connection is lost after it, the plugin may have acted on it. As in
   * dvdcli, the schedule is waited for all the same; the attempts that would follow never reach the plugin there either.
   */
  async #postWithRetry(method: string, body: string, signal: AbortSignal): Promise<HttpReply> {
    let lost: PluginConnectionLostError | undefined;
    return await retry(
      async () => {
        if (lost !== undefined && body !== '') throw lost;
        try {
          return await this.#connection.post(method, body, { signal });
        } catch (error) {
          if (error instanceof PluginConnectionLostError) lost = error;
          throw error;
        }
      },
      {
        delaysMs: this.#retryDelaysMs,
        signal,
        isWorthRetry: (error) => error instanceof PluginUnreachableError || error instanceof PluginConnectionLostError,
        onRetry: (delayMs) =>
          this.#onEvent({ kind: 'connect-retry', target: this.#connection.target, method, delayMs }),
      },
    );
  }
}

/** The text of an error answer: its `Err` if it is JSON that has one, else the body as it came. */
function errorTextOf(body: string): string {
  try {
    return textField(parseObject(parseFirstJson(body), 'value'), 'Err') || body;
  } catch (error) {
    if (error instanceof GoJsonError || error instanceof PluginReplyError) return body;
    throw error;
  }
}

import { messageOf } from '@drydock/base/errors';
import { systemClock, type ClockPort } from '@drydock/base/ports';
import { clientManners, type ClientName } from '../client-name.ts';
import type { PluginAddress } from '../discovery/plugin-address.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import {
  DriverError,
  PluginConnectionLostError,
  PluginReplyError,
  PluginStatusError,
  PluginTimeoutError,
  PluginUnreachableError,
} from '../errors.ts';
import { GoJsonError } from '../go/go-json-error.ts';
import { readFirstJson, readWholeJson } from '../go/go-json.ts';
import { decodeInto, goString, goStruct } from '../go/go-struct.ts';
import type { HttpReply } from './http-reply.ts';
import { PluginConnection } from './plugin-connection.ts';
import { retry, type PluginClientEvent } from './retry.ts';

/** dvdcli itself waits for ever; longer than any limit of its callers, so that theirs decide. */
const DVDCLI_CALL_TIMEOUT_MS = 11 * 60_000;

export interface PluginClientOptions {
  /** Whose calls are made. Default `dvdcli-0.2`. */
  readonly client?: ClientName;
  /** Of the waits between attempts; default: the system's. */
  readonly clock?: ClockPort;
  /** Bound of one call, attempts to connect included. Default: as Docker's engine (60 s or 120 s), 11 min as dvdcli. */
  readonly callTimeoutMs?: number;
  readonly onEvent?: (event: PluginClientEvent) => void;
}

export interface CallOptions {
  /** Ends the call: its connection is closed, and it rejects with the signal's reason. */
  readonly signal: AbortSignal;
}

/** Calls at one plugin's address, one after the other. */
export class PluginClient implements Disposable {
  readonly client: ClientName;
  readonly #connection: PluginConnection;
  readonly #clock: ClockPort;
  readonly #callTimeoutMs: number | undefined;
  readonly #onEvent: (event: PluginClientEvent) => void;

  constructor(address: PluginAddress, options: PluginClientOptions = {}) {
    this.client = options.client ?? 'dvdcli-0.2';
    this.#connection = new PluginConnection(address, clientManners[this.client].accept);
    this.#clock = options.clock ?? systemClock;
    this.#callTimeoutMs = options.callTimeoutMs;
    this.#onEvent = options.onEvent ?? (() => undefined);
  }

  /**
   * Makes one call and gives its answer. The Content-Type that comes back is not looked at.
   * @throws PluginUnreachableError, PluginTlsError, PluginConnectionLostError, PluginStatusError (not 200),
   *   PluginReplyError (not what the call answers with), DriverError (the driver refuses), PluginTimeoutError
   */
  async call<Request, Answer>(
    endpoint: Endpoint<Request, Answer>,
    request: Request,
    options: CallOptions,
  ): Promise<Answer> {
    const body = endpoint.encode(request, this.client);
    const reply = await this.#withinLimit(endpoint, options.signal, async (signal) => {
      return await this.#postWithRetry(endpoint.method, body, signal);
    });
    if (reply.status !== 200) {
      const parts = { body: reply.body, err: errorTextOf(reply.body) };
      throw new PluginStatusError(
        endpoint.method,
        reply.status,
        clientManners[this.client].statusText(endpoint.method, parts),
      );
    }
    const { err, answer } = this.#decode(endpoint, reply.body);
    if (err !== '') throw new DriverError(err);
    return answer;
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }

  #decode<Request, Answer>(
    endpoint: Endpoint<Request, Answer>,
    body: string,
  ): ReturnType<Endpoint<Request, Answer>['decode']> {
    try {
      return endpoint.decode(readFirstJson(body), this.client);
    } catch (error) {
      if (!(error instanceof GoJsonError || error instanceof PluginReplyError)) throw error;
      const reason = messageOf(error);
      this.#onEvent({ kind: 'bad-reply', method: endpoint.method, reason });
      throw new PluginReplyError(reason, { cause: error });
    }
  }

  async #withinLimit<T>(
    endpoint: Pick<Endpoint<never, unknown>, 'method' | 'engineTimeoutMs'>,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const timeoutMs =
      this.#callTimeoutMs ?? (this.client === 'engine' ? endpoint.engineTimeoutMs : DVDCLI_CALL_TIMEOUT_MS);
    const limit = new AbortController();
    const timer = setTimeout(() => {
      limit.abort(new PluginTimeoutError(`${endpoint.method}: no answer within ${timeoutMs / 1_000} s`));
    }, timeoutMs);
    try {
      return await work(AbortSignal.any([signal, limit.signal]));
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * A request with a body goes out once: when the connection is lost after it, the plugin may have acted on it. As in
   * dvdcli, the schedule is waited for all the same; the attempts that would follow never reach the plugin there either.
   *
   * DEVIATION: Docker's engine sends such a request again, up to four times, with an empty body.
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
        clock: this.#clock,
        signal,
        isWorthRetry: (error) => error instanceof PluginUnreachableError || error instanceof PluginConnectionLostError,
        onRetry: (delayMs) =>
          this.#onEvent({ kind: 'connect-retry', target: this.#connection.target, method, delayMs }),
      },
    );
  }
}

const errorAnswer = goStruct('responseErr', { Err: goString });

/** The text of an error answer: its `Err` if all of it is JSON that has one, else the body as it came. */
function errorTextOf(body: string): string {
  try {
    return decodeInto(readWholeJson(body), errorAnswer).Err || body;
  } catch (error) {
    if (error instanceof GoJsonError || error instanceof PluginReplyError) return body;
    throw error;
  }
}

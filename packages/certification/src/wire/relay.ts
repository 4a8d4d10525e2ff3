/**
 * Stands between the clients of a check and the driver, passes every byte on, and tells what went by. Clients keep their
 * very bytes, the driver keeps its very habits: answers, silence, and the way in which it hangs up.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '@drydock/base/errors';
import { HttpMessageReader, type HttpMessage } from './http-message.ts';

/** A request, and what came of it. */
export interface Exchange {
  /** Counts connections of the run. */
  readonly connection: number;
  /** Milliseconds since the epoch when the request was whole, or the connection ended in it. */
  readonly at: number;
  readonly durationMs: number;
  readonly request: HttpMessage;
  readonly response?: HttpMessage;
  /**
   * `answered`; `closed`: the driver hung up before, or in, its answer; `given-up`: the client did; `unreachable`: the
   * driver took no connection.
   */
  readonly outcome: 'answered' | 'closed' | 'given-up' | 'unreachable';
}

export interface RelayOptions {
  readonly socketPath: string;
  /** Connects to the driver. */
  readonly dial: () => Promise<Socket>;
  readonly onExchange: (exchange: Exchange) => void;
}

export interface StartedRelay extends AsyncDisposable {
  readonly socketPath: string;
  /** Resolves when nobody waits for an answer, after `msMax` at the latest: clients have hung up, their ends come by. */
  settled(msMax: number): Promise<void>;
}

const POLL_MS = 5;

export async function startRelay(options: RelayOptions): Promise<StartedRelay> {
  const sockets = new Set<Socket>();
  const watches = new Set<ExchangeWatch>();
  let connectionCount = 0;
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    sockets.add(client);
    client.on('close', () => sockets.delete(client)).on('error', () => client.destroy());
    const watch = new ExchangeWatch(++connectionCount, options.onExchange);
    watches.add(watch);
    client.on('close', () => watches.delete(watch));
    void passOn(client, watch, options, sockets);
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ path: options.socketPath }, resolve);
  await promise;
  return {
    socketPath: options.socketPath,
    async settled(msMax) {
      const deadline = performance.now() + msMax;
      while ([...watches].some((watch) => watch.isWaiting) && performance.now() < deadline) await delay(POLL_MS);
    },
    async [Symbol.asyncDispose]() {
      await close(server, sockets);
    },
  };
}

async function passOn(
  client: Socket,
  watch: ExchangeWatch,
  options: RelayOptions,
  sockets: Set<Socket>,
): Promise<void> {
  let driver: Socket;
  try {
    driver = await options.dial();
  } catch (error) {
    watch.isUnreachable(messageOf(error));
    client.destroy();
    return;
  }
  driver.allowHalfOpen = true;
  sockets.add(driver);
  driver.on('data', (bytes: Buffer) => watch.reply(bytes));
  driver.on('end', () => watch.ended('closed'));
  driver.on('error', () => driver.destroy());
  driver.on('close', () => {
    sockets.delete(driver);
    watch.ended('closed');
    if (!client.writableFinished) client.destroy();
  });
  client.on('data', (bytes: Buffer) => watch.request(bytes));
  client.on('close', () => {
    watch.ended('given-up');
    driver.destroy();
  });
  driver.pipe(client);
  client.pipe(driver);
  if (client.destroyed) driver.destroy();
}

interface Waiting {
  readonly at: number;
  readonly startedAt: number;
  readonly request: HttpMessage;
}

/** Brings the requests and replies of one connection together. */
class ExchangeWatch {
  readonly #connection: number;
  readonly #onExchange: (exchange: Exchange) => void;
  readonly #requests = new HttpMessageReader({ isReply: false });
  readonly #replies = new HttpMessageReader({ isReply: true });
  readonly #waiting: Waiting[] = [];
  #hasEnded = false;

  constructor(connection: number, onExchange: (exchange: Exchange) => void) {
    this.#connection = connection;
    this.#onExchange = onExchange;
  }

  /** A request, or a part of one, is here without its answer. */
  get isWaiting(): boolean {
    return !this.#hasEnded && (this.#waiting.length > 0 || this.#requests.isInside);
  }

  request(bytes: Buffer): void {
    for (const request of this.#requests.push(bytes)) this.#wait(request);
  }

  reply(bytes: Buffer): void {
    for (const response of this.#replies.push(bytes)) this.#answer('answered', response);
  }

  ended(outcome: 'closed' | 'given-up'): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const request = this.#requests.end();
    if (request !== undefined) this.#wait(request);
    const response = this.#replies.end();
    // A reply without a length ends with its connection.
    if (response !== undefined) this.#answer(response.isTruncated ? outcome : 'answered', response);
    while (this.#waiting.length > 0) this.#answer(outcome, undefined);
  }

  isUnreachable(reason: string): void {
    this.#hasEnded = true;
    const request = { startLine: `(not sent: ${reason})`, headers: [], body: Buffer.alloc(0), isTruncated: true };
    this.#wait(request);
    this.#answer('unreachable', undefined);
  }

  #wait(request: HttpMessage): void {
    this.#waiting.push({ at: Date.now(), startedAt: performance.now(), request });
  }

  #answer(outcome: Exchange['outcome'], response: HttpMessage | undefined): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) return; // an answer that nobody asked for
    const { at, startedAt, request } = waiting;
    this.#onExchange({
      connection: this.#connection,
      at,
      durationMs: Math.round((performance.now() - startedAt) * 1_000) / 1_000,
      request,
      outcome,
      ...(response === undefined ? {} : { response }),
    });
  }
}

async function close(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  for (const socket of sockets) socket.destroy();
  await promise;
}

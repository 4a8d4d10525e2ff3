/** A connection on which any bytes can be sent, and the answers that come back on it. */
import { connect, type Socket } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** The server ends the connection after it. */
  readonly isLast: boolean;
}

/** No answer takes longer, or something hangs. */
const ANSWER_MS_MAX = 10_000;

export class Connection {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #hasEnded = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake?.();
    });
    // A reset is one way for the server to end a connection; what has arrived before it counts.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#hasEnded = true;
      this.#wake?.();
    });
  }

  static async open(address: string): Promise<Connection> {
    const [host = '', port = '0'] = address.split(':');
    const socket = connect(Number(port), host);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once('connect', resolve);
    socket.once('error', reject);
    await promise;
    return new Connection(socket);
  }

  get isUsable(): boolean {
    return !this.#hasEnded && this.#received.byteLength === 0;
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Goes away without a word. */
  reset(): void {
    this.#hasEnded = true;
    this.#socket.resetAndDestroy();
  }

  close(): void {
    this.#hasEnded = true;
    this.#socket.destroy();
  }

  /** The next answer; undefined when the connection ended without one. Rejects when neither comes in time. */
  async next(): Promise<Answer | undefined> {
    const deadline = performance.now() + ANSWER_MS_MAX;
    for (;;) {
      const answer = this.#take();
      if (answer !== undefined) return answer;
      if (this.#hasEnded) return undefined;
      await this.#more(deadline - performance.now());
    }
  }

  async #more(ms: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error(`No answer in ${ANSWER_MS_MAX} ms: it hangs`)), ms);
    this.#wake = resolve;
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#wake = undefined;
    }
  }

  #take(): Answer | undefined {
    const end = this.#received.indexOf('\r\n\r\n');
    if (end === -1) return undefined;
    const head = this.#received.toString('latin1', 0, end);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
    if (Number.isNaN(status)) throw new Error(`Expected an HTTP answer, got ${JSON.stringify(head)}`);
    const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
    if (length === undefined) throw new Error(`Expected an answer of known length, got ${JSON.stringify(head)}`);
    const next = end + 4 + Number(length);
    if (this.#received.byteLength < next) return undefined;
    const text = this.#received.toString('utf8', end + 4, next);
    this.#received = this.#received.subarray(next);
    return { status, text, isLast: /\r\nconnection: close/i.test(head) };
  }
}

/** Reads HTTP/1.x messages, requests or replies, out of the bytes of one direction of a connection. */

export interface HttpMessage {
  /** `POST /Plugin.Activate HTTP/1.1` or `HTTP/1.1 200 OK` */
  readonly startLine: string;
  /** As they were written, in their order. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
  /** The connection ended before the message did. */
  readonly isTruncated: boolean;
}

const HEAD_BYTES_MAX = 256 * 1024;
/** Of a body, what is kept; the rest is counted and dropped. */
const KEPT_BYTES_MAX = 1024 * 1024;

type Framing =
  | { readonly kind: 'length'; left: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-end' };

/** Lenient: what it cannot read it leaves, since it only watches. */
export class HttpMessageReader {
  readonly #isReply: boolean;
  #pending: Buffer = Buffer.alloc(0);
  #head: Pick<HttpMessage, 'startLine' | 'headers'> | undefined;
  #framing: Framing = { kind: 'length', left: 0 };
  #body: Buffer[] = [];
  #keptBytes = 0;
  #isLost = false;

  constructor(options: { readonly isReply: boolean }) {
    this.#isReply = options.isReply;
  }

  /** Bytes of a message are here, but not all of them. */
  get isInside(): boolean {
    return this.#head !== undefined || this.#pending.length > 0;
  }

  /** Takes bytes, gives the messages that are whole now. */
  push(bytes: Buffer): HttpMessage[] {
    if (this.#isLost) return [];
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    const messages: HttpMessage[] = [];
    for (let message = this.#next(); message !== undefined; message = this.#next()) messages.push(message);
    return messages;
  }

  /** The connection ended: what there is of a message. */
  end(): HttpMessage | undefined {
    if (!this.isInside) return undefined;
    const head = this.#head ?? { startLine: this.#pending.toString('latin1').slice(0, 1_000), headers: [] };
    const isTruncated = this.#head === undefined || this.#framing.kind !== 'until-end';
    this.#keep(this.#head === undefined ? Buffer.alloc(0) : this.#pending);
    return this.#finish(head, isTruncated);
  }

  #next(): HttpMessage | undefined {
    if (this.#head === undefined && !this.#readHead()) return undefined;
    if (this.#head === undefined || !this.#readBody()) return undefined;
    return this.#finish(this.#head, false);
  }

  #finish(head: Pick<HttpMessage, 'startLine' | 'headers'>, isTruncated: boolean): HttpMessage {
    const message = { ...head, body: Buffer.concat(this.#body), isTruncated };
    this.#head = undefined;
    this.#body = [];
    this.#keptBytes = 0;
    return message;
  }

  #readHead(): boolean {
    const end = this.#pending.indexOf('\r\n\r\n');
    if (end === -1) {
      this.#isLost = this.#pending.length > HEAD_BYTES_MAX;
      return false;
    }
    const [startLine = '', ...lines] = this.#pending.toString('latin1', 0, end).split('\r\n');
    const headers = lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, Math.max(colon, 0)), line.slice(colon + 1).trim()] as const;
    });
    this.#pending = this.#pending.subarray(end + 4);
    this.#head = { startLine, headers };
    this.#framing = this.#framingOf(startLine, headers);
    return true;
  }

  #framingOf(startLine: string, headers: HttpMessage['headers']): Framing {
    const length = headerOf(headers, 'content-length');
    if (headerOf(headers, 'transfer-encoding')?.toLowerCase().includes('chunked') === true) return { kind: 'chunked' };
    if (length !== undefined && /^\d{1,12}$/.test(length)) return { kind: 'length', left: Number(length) };
    const hasNoBody = !this.#isReply || /^HTTP\/1\.[01] (1\d\d|204|304)/.test(startLine);
    return hasNoBody ? { kind: 'length', left: 0 } : { kind: 'until-end' };
  }

  #readBody(): boolean {
    switch (this.#framing.kind) {
      case 'length': {
        const taken = this.#pending.subarray(0, this.#framing.left);
        this.#keep(taken);
        this.#pending = this.#pending.subarray(taken.length);
        this.#framing.left -= taken.length;
        return this.#framing.left === 0;
      }
      case 'until-end':
        this.#keep(this.#pending);
        this.#pending = Buffer.alloc(0);
        return false;
      case 'chunked':
        return this.#readChunks();
    }
  }

  #readChunks(): boolean {
    for (;;) {
      const lineEnd = this.#pending.indexOf('\r\n');
      if (lineEnd === -1) return false;
      const size = Number.parseInt(this.#pending.toString('latin1', 0, lineEnd), 16);
      if (Number.isNaN(size)) {
        this.#isLost = true;
        return false;
      }
      const end = lineEnd + 2 + size + 2;
      if (this.#pending.length < end) return false;
      this.#keep(this.#pending.subarray(lineEnd + 2, lineEnd + 2 + size));
      this.#pending = this.#pending.subarray(end);
      if (size === 0) return true;
    }
  }

  #keep(bytes: Buffer): void {
    const kept = bytes.subarray(0, Math.max(KEPT_BYTES_MAX - this.#keptBytes, 0));
    if (kept.length > 0) this.#body.push(Buffer.from(kept));
    this.#keptBytes += kept.length;
  }
}

/** The first value of a header, whose name is given in lower case. */
export function headerOf(headers: HttpMessage['headers'], name: string): string | undefined {
  return headers.find(([key]) => key.toLowerCase() === name)?.[1];
}

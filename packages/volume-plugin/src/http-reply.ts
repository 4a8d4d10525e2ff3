/** Reads one HTTP/1.x reply from bytes that come in pieces of any size. */
import { DomainError } from '@drydock/base/errors';

/** The bytes are not an HTTP/1.x reply. */
export class HttpReplyError extends DomainError<'BAD_HTTP_REPLY'> {
  readonly code = 'BAD_HTTP_REPLY';
}

/** The body is longer than the reader was told to accept. */
export class HttpReplyTooLongError extends DomainError<'HTTP_REPLY_TOO_LONG'> {
  readonly code = 'HTTP_REPLY_TOO_LONG';
}

export interface HttpReply {
  readonly status: number;
  readonly body: string;
  /** Whether the connection can carry another request. */
  readonly isReusable: boolean;
  /** The connection ended before the body did; `body` is what came. */
  readonly isTruncated: boolean;
}

const HEAD_BYTES_MAX = 64 * 1024;

/** What is being read: the head, a body of known length, up to the end of the connection, or in chunks. */
type Phase = 'head' | 'length' | 'until-end' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailers' | 'done';

export class HttpReplyReader {
  readonly #bodyBytesMax: number;
  #phase: Phase = 'head';
  #pending: Buffer = Buffer.alloc(0);
  #body: Buffer[] = [];
  #bodyBytes = 0;
  #bytesLeft = 0;
  #status = 0;
  #keepsAlive = false;

  constructor(options: { readonly bodyBytesMax: number }) {
    this.#bodyBytesMax = options.bodyBytesMax;
  }

  /** Takes the next bytes; gives the reply as soon as it is whole. @throws HttpReplyError, HttpReplyTooLongError */
  push(bytes: Buffer): HttpReply | undefined {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    while (this.#phase !== 'done' && this.#step());
    return this.#phase === 'done' ? this.#reply(false) : undefined;
  }

  /** The connection ended: gives what came of the reply, or undefined when not even its head did. */
  end(): HttpReply | undefined {
    if (this.#phase === 'head') return undefined;
    if (this.#phase === 'until-end') this.#phase = 'done';
    return this.#reply(this.#phase !== 'done');
  }

  /** Reads as much as one phase gives; false when it needs more bytes. */
  #step(): boolean {
    switch (this.#phase) {
      case 'head':
        return this.#readHead();
      case 'length':
      case 'chunk-data':
        return this.#readCounted();
      case 'until-end':
        this.#take(this.#pending.length);
        return false;
      case 'chunk-size':
        return this.#readChunkSize();
      case 'chunk-end': {
        const line = this.#line();
        if (line === undefined) return false;
        if (line !== '') throw new HttpReplyError('Expected a line end after a chunk');
        this.#phase = 'chunk-size';
        return true;
      }
      case 'trailers': {
        const line = this.#line();
        if (line === '') this.#phase = 'done';
        return line !== undefined && line !== '';
      }
      case 'done':
        return false;
    }
  }

  #readHead(): boolean {
    const end = /\r?\n\r?\n/.exec(this.#pending.subarray(0, HEAD_BYTES_MAX).toString('latin1'));
    if (end === null) {
      const start = this.#pending.subarray(0, 5).toString('latin1');
      if (!'HTTP/'.startsWith(start)) throw new HttpReplyError(`malformed HTTP response ${JSON.stringify(start)}`);
      if (this.#pending.length > HEAD_BYTES_MAX) throw new HttpReplyError('HTTP response headers are too long');
      return false;
    }
    const [statusLine = '', ...lines] = this.#pending.subarray(0, end.index).toString('latin1').split(/\r?\n/);
    this.#pending = this.#pending.subarray(end.index + end[0].length);
    const status = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(statusLine);
    if (status === null) throw new HttpReplyError(`malformed HTTP response ${JSON.stringify(statusLine)}`);
    this.#status = Number(status[2]);
    if (this.#status < 200) return true; // 100 Continue and its like come before the reply
    const headers = parseHeaders(lines);
    const connection = headers.get('connection')?.toLowerCase() ?? '';
    this.#keepsAlive = status[1] === '1' ? !connection.includes('close') : connection.includes('keep-alive');
    this.#startBody(headers);
    return true;
  }

  #startBody(headers: ReadonlyMap<string, string>): void {
    const encoding = headers.get('transfer-encoding')?.toLowerCase();
    const length = headers.get('content-length');
    if (this.#status === 204 || this.#status === 304) this.#phase = 'done';
    else if (encoding !== undefined && encoding !== 'identity') {
      if (encoding !== 'chunked') throw new HttpReplyError(`unsupported transfer encoding ${JSON.stringify(encoding)}`);
      this.#phase = 'chunk-size';
    } else if (length === undefined) {
      this.#keepsAlive = false;
      this.#phase = 'until-end';
    } else {
      if (!/^\d{1,15}$/.test(length)) throw new HttpReplyError(`bad Content-Length ${JSON.stringify(length)}`);
      this.#bytesLeft = Number(length);
      this.#phase = this.#bytesLeft === 0 ? 'done' : 'length';
    }
  }

  #readCounted(): boolean {
    const count = Math.min(this.#bytesLeft, this.#pending.length);
    this.#take(count);
    this.#bytesLeft -= count;
    if (this.#bytesLeft > 0) return false;
    this.#phase = this.#phase === 'length' ? 'done' : 'chunk-end';
    return true;
  }

  #readChunkSize(): boolean {
    const line = this.#line();
    if (line === undefined) return false;
    const size = /^([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?$/.exec(line);
    if (size?.[1] === undefined) throw new HttpReplyError(`bad chunk size ${JSON.stringify(line.slice(0, 40))}`);
    this.#bytesLeft = Number.parseInt(size[1], 16);
    this.#phase = this.#bytesLeft === 0 ? 'trailers' : 'chunk-data';
    return true;
  }

  #line(): string | undefined {
    const end = this.#pending.indexOf(0x0a);
    if (end === -1) {
      if (this.#pending.length > HEAD_BYTES_MAX) throw new HttpReplyError('a line of the chunked body is too long');
      return undefined;
    }
    const line = this.#pending.subarray(0, end).toString('latin1').replace(/\r$/, '');
    this.#pending = this.#pending.subarray(end + 1);
    return line;
  }

  #take(count: number): void {
    this.#bodyBytes += count;
    if (this.#bodyBytes > this.#bodyBytesMax) {
      throw new HttpReplyTooLongError(`the body is longer than ${this.#bodyBytesMax} bytes`);
    }
    if (count > 0) this.#body.push(this.#pending.subarray(0, count));
    this.#pending = this.#pending.subarray(count);
  }

  #reply(isTruncated: boolean): HttpReply {
    return {
      status: this.#status,
      body: Buffer.concat(this.#body).toString('utf8'),
      isReusable: this.#keepsAlive && !isTruncated && this.#pending.length === 0,
      isTruncated,
    };
  }
}

/** Names in lower case; of a repeated header the last counts, but two different lengths are refused. */
function parseHeaders(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new HttpReplyError(`malformed HTTP header ${JSON.stringify(line.slice(0, 80))}`);
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === 'content-length' && (headers.get(name) ?? value) !== value) {
      throw new HttpReplyError('two different Content-Length headers');
    }
    headers.set(name, value);
  }
  return headers;
}

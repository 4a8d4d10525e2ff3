/** Reads one HTTP/1.x reply from bytes that come in pieces of any size. */
import { DomainError, messageOf, systemCodeOf } from '@drydock/base/errors';
import { FirstObject } from '../go/first-object.ts';
import { ByteQueue } from './byte-queue.ts';

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
const INTERIM_COUNT_MAX = 5;

/** What is being read: the head, a body of known length, up to the end of the connection, or in chunks. */
type Phase = 'head' | 'length' | 'until-end' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailers' | 'done';

export class HttpReplyReader {
  readonly #bodyBytesMax: number;
  #phase: Phase = 'head';
  readonly #pending = new ByteQueue();
  /** How much of the pending bytes was already searched for the end of a head or a line. */
  #searched = 0;
  /** Grows by doubling, so that a reply of many small chunks costs no more than a whole one. */
  #body: Buffer = Buffer.alloc(0);
  #bodyBytes = 0;
  readonly #firstObject = new FirstObject();
  #hasWholeObject = false;
  #interimCount = 0;
  #bytesLeft = 0;
  #status = 0;
  #keepsAlive = false;
  #isGzip = false;

  constructor(options: { readonly bodyBytesMax: number }) {
    this.#bodyBytesMax = options.bodyBytesMax;
  }

  /** Takes the next bytes; gives the reply as soon as it is whole. @throws HttpReplyError, HttpReplyTooLongError */
  push(bytes: Buffer): HttpReply | undefined {
    this.#pending.push(bytes);
    while (this.#phase !== 'done' && this.#step());
    return this.#phase === 'done' ? this.#reply(false) : undefined;
  }

  /** The connection ended: gives what came of the reply, or undefined when not even its head did. */
  end(): HttpReply | undefined {
    if (this.#phase === 'head') return undefined;
    if (this.#phase === 'until-end') this.#phase = 'done';
    return this.#reply(this.#phase !== 'done');
  }

  /** A JSON object came whole with status 200, though the reply is not over: a Go client asks for no more. */
  get hasEnough(): boolean {
    return this.#status === 200 && this.#hasWholeObject && !this.#isGzip;
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
    const bytes = this.#pending.peek().subarray(0, HEAD_BYTES_MAX);
    const end = endOfHead(bytes, Math.max(this.#searched - 3, 0));
    if (end === undefined) {
      this.#searched = bytes.length;
      const start = bytes.toString('latin1', 0, 5);
      if (!'HTTP/'.startsWith(start)) throw new HttpReplyError(`malformed HTTP response ${JSON.stringify(start)}`);
      if (this.#pending.length > HEAD_BYTES_MAX) throw new HttpReplyError('HTTP response headers are too long');
      return false;
    }
    const [statusLine = '', ...lines] = bytes.toString('latin1', 0, end.text).split(/\r?\n/);
    this.#skip(end.whole);
    const status = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(statusLine);
    if (status === null) throw new HttpReplyError(`malformed HTTP response ${JSON.stringify(statusLine)}`);
    this.#status = Number(status[2]);
    if (this.#status < 200 && this.#status !== 101) {
      // 100 Continue and its like come before the reply; Go takes five of them.
      if (++this.#interimCount > INTERIM_COUNT_MAX) throw new HttpReplyError('too many 1xx informational responses');
      return true;
    }
    const headers = parseHeaders(lines);
    const connection = headers.get('connection')?.toLowerCase() ?? '';
    this.#keepsAlive = status[1] === '1' ? !connection.includes('close') : connection.includes('keep-alive');
    this.#isGzip = headers.get('content-encoding')?.toLowerCase() === 'gzip';
    this.#startBody(headers);
    return true;
  }

  #startBody(headers: ReadonlyMap<string, string>): void {
    const encoding = headers.get('transfer-encoding')?.toLowerCase();
    const length = headers.get('content-length');
    if (this.#status === 101 || this.#status === 204 || this.#status === 304) this.#phase = 'done';
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
    const bytes = this.#pending.peek();
    const end = bytes.indexOf(0x0a, this.#searched);
    if (end === -1) {
      this.#searched = bytes.length;
      if (bytes.length > HEAD_BYTES_MAX) throw new HttpReplyError('a line of the chunked body is too long');
      return undefined;
    }
    const line = bytes.toString('latin1', 0, end).replace(/\r$/, '');
    this.#skip(end + 1);
    return line;
  }

  #skip(count: number): void {
    this.#pending.skip(count);
    this.#searched = 0;
  }

  #take(count: number): void {
    if (this.#bodyBytes + count > this.#bodyBytesMax) throw tooLong(this.#bodyBytesMax);
    if (this.#bodyBytes + count > this.#body.length) {
      const grown = Buffer.alloc(
        Math.min(Math.max(2 * this.#body.length, this.#bodyBytes + count), this.#bodyBytesMax),
      );
      this.#body.copy(grown, 0, 0, this.#bodyBytes);
      this.#body = grown;
    }
    const bytes = this.#pending.peek().subarray(0, count);
    bytes.copy(this.#body, this.#bodyBytes);
    this.#bodyBytes += count;
    this.#hasWholeObject = this.#firstObject.push(bytes);
    this.#skip(count);
  }

  /** A plugin may take the offer of gzip, see `plugin-connection.ts`; zlib is loaded only then. */
  #decodedBody(): Buffer {
    const bytes = this.#body.subarray(0, this.#bodyBytes);
    if (!this.#isGzip || bytes.length === 0) return bytes;
    const { constants, gunzipSync } = process.getBuiltinModule('node:zlib');
    try {
      // What is cut off gives what can be read of it, as Go does.
      return gunzipSync(bytes, { maxOutputLength: this.#bodyBytesMax, finishFlush: constants.Z_SYNC_FLUSH });
    } catch (error) {
      if (systemCodeOf(error) === 'ERR_BUFFER_TOO_LARGE') throw tooLong(this.#bodyBytesMax);
      throw new HttpReplyError(`gzip: ${messageOf(error)}`, { cause: error });
    }
  }

  #reply(isTruncated: boolean): HttpReply {
    return {
      status: this.#status,
      body: this.#decodedBody().toString('utf8'),
      isReusable: this.#keepsAlive && !isTruncated && this.#pending.length === 0,
      isTruncated,
    };
  }
}

/** Where a head's text ends, and where the empty line after it does; `from` is how far it was searched before. */
function endOfHead(bytes: Buffer, from: number): { readonly text: number; readonly whole: number } | undefined {
  const [bare, full] = [bytes.indexOf('\n\n', from), bytes.indexOf('\n\r\n', from)];
  if (bare === -1 && full === -1) return undefined;
  const isBare = full === -1 || (bare !== -1 && bare < full);
  const at = isBare ? bare : full;
  return { text: bytes[at - 1] === 0x0d ? at - 1 : at, whole: at + (isBare ? 2 : 3) };
}

function tooLong(bytesMax: number): HttpReplyTooLongError {
  return new HttpReplyTooLongError(`the body is longer than ${bytesMax} bytes`);
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

/**
 * RecordIO, the framing of every v1 stream: the length in decimal bytes, a newline, then the record.
 * @see 3rdparty/stout/include/stout/recordio.hpp
 */
import { DomainError } from '@drydock/base/errors';

/** The stream is not RecordIO, or a record is longer than the bound. */
export class RecordIoError extends DomainError<'RECORD_IO'> {
  readonly code = 'RECORD_IO';
}

/** One record with its length before it. */
export function encodeRecord(record: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${record.byteLength}\n`), record]);
}

export interface RecordDecoderOptions {
  /** Default 64 MiB. */
  readonly recordBytesMax?: number;
}

/** Cuts a byte stream into records; keeps at most one unfinished record. */
export class RecordDecoder {
  readonly #recordBytesMax: number;
  /** What has arrived and is not yet part of a finished record, in order. */
  #chunks: Uint8Array[] = [];
  #byteCount = 0;
  #header = '';
  /** Length of the record under way; undefined while its header is read. */
  #length: number | undefined;

  constructor(options: RecordDecoderOptions = {}) {
    this.#recordBytesMax = options.recordBytesMax ?? 64 * 1024 * 1024;
  }

  /**
   * Takes the next bytes, gives the records that they complete.
   * @throws RecordIoError; the decoder is of no use afterwards
   */
  push(chunk: Uint8Array): Uint8Array[] {
    const records: Uint8Array[] = [];
    let rest = chunk;
    while (rest.byteLength > 0 || this.#length === 0) {
      if (this.#length === undefined) {
        rest = this.#readHeader(rest);
        continue;
      }
      const needed = this.#length - this.#byteCount;
      const taken = rest.subarray(0, needed);
      rest = rest.subarray(taken.byteLength);
      this.#chunks.push(taken);
      this.#byteCount += taken.byteLength;
      if (this.#byteCount === this.#length) records.push(this.#takeRecord());
    }
    return records;
  }

  /** The stream has ended. @throws RecordIoError when it ended inside a record */
  end(): void {
    if (this.#length === undefined && this.#header === '') return;
    throw new RecordIoError('Expected a whole record, the stream ended inside one');
  }

  #takeRecord(): Uint8Array {
    const record = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#byteCount = 0;
    this.#length = undefined;
    return record;
  }

  #readHeader(bytes: Uint8Array): Uint8Array {
    const end = bytes.indexOf(0x0a);
    const part = end === -1 ? bytes : bytes.subarray(0, end);
    if (part.byteLength > 20)
      throw new RecordIoError('Expected a record length, got more than 20 characters without newline');
    this.#header += Buffer.from(part).toString('latin1');
    if (!/^\d{0,20}$/.test(this.#header) || (end !== -1 && this.#header === '')) {
      throw new RecordIoError(`Expected a record length in decimal digits, got ${JSON.stringify(this.#header)}`);
    }
    if (end === -1) return new Uint8Array(0);
    const length = Number(this.#header);
    if (length > this.#recordBytesMax) {
      throw new RecordIoError(`Expected a record of at most ${this.#recordBytesMax} bytes, got ${this.#header}`);
    }
    this.#header = '';
    this.#length = length;
    return bytes.subarray(end + 1);
  }
}

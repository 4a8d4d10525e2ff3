/**
 * The server side of a v1 event stream: records out, nothing in. A peer that does not read is cut off, because what it
 * has not read is kept in memory: `bufferedBytesMax` bounds it, `stallMs` bounds how long nothing leaves at all.
 */
import type { ServerResponse } from 'node:http';
import { encodeRecord } from '../codec/record-io.ts';

/** Why a stream is over. */
export type StreamEnd = 'ended' | 'disconnected' | 'slow-reader';

export interface RecordStreamOptions {
  /** Default 64 MiB. */
  readonly bufferedBytesMax?: number;
  /** For how long a peer may read nothing while there is something to read. Default 60 s. */
  readonly stallMs?: number;
  /** Whether all streams together may keep more for slow readers; asked only when this one's peer is one. */
  readonly hasRoom?: () => boolean;
}

export class RecordStream {
  readonly #response: ServerResponse;
  #bufferedBytesMax: number;
  readonly #stallMs: number;
  readonly #hasRoom: () => boolean;
  readonly #closed = Promise.withResolvers<StreamEnd>();
  #end: StreamEnd | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #stall: NodeJS.Timeout | undefined;

  constructor(response: ServerResponse, options: RecordStreamOptions = {}) {
    this.#response = response;
    this.#bufferedBytesMax = options.bufferedBytesMax ?? 64 * 1024 * 1024;
    this.#stallMs = options.stallMs ?? 60_000;
    this.#hasRoom = options.hasRoom ?? (() => true);
    response.on('drain', () => this.#clearStall());
    response.on('error', () => this.#finish('disconnected'));
    response.on('close', () => this.#finish('disconnected'));
    // A peer that went away while its answer was made is not told of again.
    if (response.destroyed) this.#finish('disconnected');
  }

  /** Resolves when the stream is over, however. Never rejects. */
  get closed(): Promise<StreamEnd> {
    return this.#closed.promise;
  }

  get isOpen(): boolean {
    return this.#end === undefined;
  }

  /** What the peer has not read and is kept in memory. */
  get bufferedByteCount(): number {
    return this.#response.writableLength;
  }

  /** Replaces the bound on what the peer has not read yet. */
  limitBuffered(bytesMax: number): void {
    this.#bufferedBytesMax = bytesMax;
  }

  /** Sends one record; false when the stream is over (a peer that reads too slowly ends it). */
  send(record: Uint8Array): boolean {
    if (this.#end !== undefined) return false;
    const isFlowing = this.#response.write(encodeRecord(record));
    if (isFlowing) return true;
    if (this.bufferedByteCount > this.#bufferedBytesMax || !this.#hasRoom()) {
      this.#cutOff();
      return false;
    }
    this.#stall ??= this.#startStall();
    return true;
  }

  /** Sends `record()` now (not when `isLate`) and then every `intervalMs` until the stream is over. */
  startHeartbeat(intervalMs: number, record: () => Uint8Array, { isLate = false }: { isLate?: boolean } = {}): void {
    clearInterval(this.#heartbeat);
    if (!isLate) this.send(record());
    if (this.#end !== undefined) return;
    this.#heartbeat = setInterval(() => this.send(record()), intervalMs).unref();
  }

  /** Ends the stream after what was sent. Safe twice. */
  end(): void {
    if (this.#end !== undefined) return;
    this.#response.end();
    if (!this.#response.writableFinished) this.#response.setTimeout(this.#stallMs, () => this.#response.destroy());
    this.#finish('ended');
  }

  /** A peer that reads on, however slowly, gets more time. */
  #startStall(): NodeJS.Timeout {
    const before = this.#leftByteCount;
    return setTimeout(() => {
      if (this.#leftByteCount === before) return this.#cutOff();
      this.#stall = this.#startStall();
    }, this.#stallMs).unref();
  }

  /** Bytes that the kernel has taken. */
  get #leftByteCount(): number {
    const { socket } = this.#response;
    return socket === null ? 0 : socket.bytesWritten - socket.writableLength;
  }

  #cutOff(): void {
    this.#finish('slow-reader');
    this.#response.destroy();
  }

  #clearStall(): void {
    clearTimeout(this.#stall);
    this.#stall = undefined;
  }

  #finish(end: StreamEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    clearInterval(this.#heartbeat);
    this.#clearStall();
    this.#closed.resolve(end);
  }
}

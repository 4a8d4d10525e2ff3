/**
 * Bodies of requests, bounded twice: each one, and all that are held at once, so that many large or slow uploads cannot
 * fill the memory.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { assert, messageOf, systemCodeOf } from '@drydock/base/errors';
import { HttpError } from './reply.ts';

const decompress = promisify(gunzip);

export interface RequestBodiesOptions {
  /** Longer bodies get 413, also when they are longer only after decompression. */
  readonly bodyBytesMax: number;
  /** What arrives while so much is held already gets 503. */
  readonly heldBytesMax: number;
}

export class RequestBodies {
  readonly #options: RequestBodiesOptions;
  #heldByteCount = 0;

  constructor(options: RequestBodiesOptions) {
    this.#options = options;
  }

  /** Bytes of requests that are not answered yet. */
  get heldByteCount(): number {
    return this.#heldByteCount;
  }

  /**
   * The body, decompressed; it counts as held until `response` is closed. The request stays readable after a refusal, so
   * that its rest can be discarded.
   * @throws HttpError 400, 413, 415, 503
   */
  async read(message: IncomingMessage, response: ServerResponse): Promise<Uint8Array> {
    const encoding = encodingOf(message);
    const declared = Number(message.headers['content-length'] ?? 0);
    if (declared > this.#options.bodyBytesMax) throw this.#tooLong();
    const hold = this.#holdUntilClosed(response);
    const bytes = await this.#receive(message, hold);
    return encoding === 'gzip' ? await this.#decompress(bytes, hold) : bytes;
  }

  async #receive(message: IncomingMessage, hold: (byteCount: number) => void): Promise<Uint8Array> {
    const chunks: Buffer[] = [];
    let byteCount = 0;
    for await (const chunk of message.iterator({ destroyOnReturn: false })) {
      assert(Buffer.isBuffer(chunk), 'Expected a body without encoding');
      byteCount += chunk.byteLength;
      if (byteCount > this.#options.bodyBytesMax) throw this.#tooLong();
      hold(chunk.byteLength);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  async #decompress(bytes: Uint8Array, hold: (byteCount: number) => void): Promise<Uint8Array> {
    try {
      const body = await decompress(bytes, { maxOutputLength: this.#options.bodyBytesMax });
      hold(body.byteLength);
      return body;
    } catch (error) {
      if (error instanceof HttpError) throw error;
      if (systemCodeOf(error) === 'ERR_BUFFER_TOO_LARGE') throw this.#tooLong();
      throw new HttpError(400, `Failed to decompress the body: ${messageOf(error)}`);
    }
  }

  /** Gives what counts bytes as held. @throws HttpError 503 when it is called while there is no room */
  #holdUntilClosed(response: ServerResponse): (byteCount: number) => void {
    let ownByteCount = 0;
    let isClosed = response.destroyed;
    response.once('close', () => {
      isClosed = true;
      this.#heldByteCount -= ownByteCount;
    });
    return (byteCount) => {
      // The peer is gone: nobody would release what is held from now on, and nobody waits for the answer.
      if (isClosed || this.#heldByteCount + byteCount > this.#options.heldBytesMax) {
        throw new HttpError(503, 'Too many requests are being received, try again later', { 'Retry-After': '1' });
      }
      ownByteCount += byteCount;
      this.#heldByteCount += byteCount;
    };
  }

  #tooLong(): HttpError {
    return new HttpError(413, `Expecting a body of at most ${this.#options.bodyBytesMax} bytes`);
  }
}

/**
 * DEVIATION: upstream reads gzip, and takes a body in any other encoding for the message itself; here it is refused by
 * name.
 * @see 3rdparty/libprocess/src/decoder.hpp
 */
function encodingOf({ headers }: IncomingMessage): 'gzip' | 'identity' {
  const given = headers['content-encoding'] ?? '';
  switch (given.trim().toLowerCase()) {
    case '':
    case 'identity':
      return 'identity';
    case 'gzip':
    case 'x-gzip':
      return 'gzip';
    default:
      throw new HttpError(415, `Expecting 'Content-Encoding' of gzip or identity, but received '${given}'`, {
        'Accept-Encoding': 'gzip',
      });
  }
}

export interface DiscardBounds {
  readonly bytesMax: number;
  readonly ms: number;
}

/**
 * Reads what is left of a request and drops it, within bounds: a peer that is still sending when it is refused would get
 * a reset in place of the answer. Never rejects.
 */
export async function discardRest(message: IncomingMessage, { bytesMax, ms }: DiscardBounds): Promise<void> {
  if (message.complete || message.destroyed) return;
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  let byteCount = 0;
  const count = (chunk: Buffer): void => {
    byteCount += chunk.byteLength;
    if (byteCount > bytesMax) resolve();
  };
  message.on('data', count);
  for (const event of ['end', 'close', 'error'] as const) message.once(event, () => resolve());
  message.resume();
  await done;
  clearTimeout(timer);
  message.off('data', count);
  message.pause();
}

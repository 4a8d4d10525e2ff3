import { TransientError } from './registry-error.ts';

/** Ends a transfer in which nothing comes for too long; the time that its reader takes does not count. */
export class StallWatch {
  /** Aborts when the transfer has stalled or its owner gives up. */
  readonly signal: AbortSignal;
  readonly #stall = new AbortController();
  readonly #stallMsMax: number;

  constructor(stallMsMax: number, signal: AbortSignal) {
    this.#stallMsMax = stallMsMax;
    this.signal = AbortSignal.any([signal, this.#stall.signal]);
  }

  /** @throws TransientError when `wait` takes too long; the owner's reason; what `wait` throws */
  async during<T>(wait: () => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    const why = new TransientError(`nothing came for ${this.#stallMsMax} ms`);
    const timer = setTimeout(() => this.#stall.abort(why), this.#stallMsMax);
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(this.signal.reason);
    this.signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([wait(), aborted]);
    } finally {
      clearTimeout(timer);
      this.signal.removeEventListener('abort', onAbort);
    }
  }

  /** The chunks of a body. @throws TransientError when it stalls or breaks; the owner's reason */
  async *chunksOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
    if (body === null) return;
    const reader = body.getReader();
    try {
      for (;;) {
        const { done, value } = await this.during(async () => await reader.read()).catch((error: unknown) => {
          this.signal.throwIfAborted();
          throw new TransientError('the connection broke', { cause: error });
        });
        if (done) return;
        yield value;
      }
    } finally {
      // Whoever reads no further lets go of the connection; that it has gone already is no news.
      reader.cancel().catch(() => undefined);
    }
  }
}

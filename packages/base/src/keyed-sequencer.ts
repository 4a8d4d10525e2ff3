/**
 * One operation in flight per key, in the order asked for; different keys run in parallel. A key is forgotten when its
 * last operation ends, so memory follows the work in flight, not the keys ever seen.
 */
export class KeyedSequencer<Key> {
  readonly #tails = new Map<Key, Promise<void>>();

  /** Keys with work in flight or waiting. */
  get size(): number {
    return this.#tails.size;
  }

  /**
   * Runs `operation` when every earlier one of `key` has ended. Rejects with the operation's own error. A waiting
   * operation whose `signal` aborts is dropped and rejects with the signal's reason; a running one sees the signal itself.
   */
  async run<T>(key: Key, operation: () => Promise<T>, options: { signal?: AbortSignal } = {}): Promise<T> {
    const { signal } = options;
    signal?.throwIfAborted();
    const previous = this.#tails.get(key);
    const { promise: done, resolve: finish } = Promise.withResolvers<void>();
    // The tail is over when both this operation and the ones before it are: an aborted waiter must not let a later one
    // overtake the operation that still runs.
    const tail = previous === undefined ? done : Promise.all([previous, done]).then(() => undefined);
    this.#tails.set(key, tail);
    try {
      if (previous !== undefined) await untilTurn(previous, signal);
      return await operation();
    } finally {
      finish();
      void tail.then(() => {
        if (this.#tails.get(key) === tail) this.#tails.delete(key);
      });
    }
  }
}

async function untilTurn(previous: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return await previous;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([previous, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

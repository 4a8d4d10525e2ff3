import { systemRandom, type RandomPort } from '@drydock/base/ports';

export interface BackoffOptions {
  /** The first pause at most. */
  readonly msMin: number;
  /** No pause is longer. */
  readonly msMax: number;
  /** Default: the system's. */
  readonly random?: RandomPort;
}

/**
 * Pauses between attempts: each up to twice as long as the one before, the longer half of it random, so that many peers
 * who lost one master at the same moment do not come back at the same moment.
 */
export class Backoff {
  readonly #options: BackoffOptions;
  #ceilingMs: number;

  constructor(options: BackoffOptions) {
    this.#options = options;
    this.#ceilingMs = options.msMin;
  }

  /** How long to wait now. */
  nextMs(): number {
    const ceilingMs = this.#ceilingMs;
    this.#ceilingMs = Math.min(ceilingMs * 2, this.#options.msMax);
    const fraction = Number.parseInt((this.#options.random ?? systemRandom).hex(4), 16) / 2 ** 32;
    return (ceilingMs * (1 + fraction)) / 2;
  }

  /** All is well again: the next pause is a first one. */
  reset(): void {
    this.#ceilingMs = this.#options.msMin;
  }
}

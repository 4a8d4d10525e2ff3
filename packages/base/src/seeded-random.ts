import type { RandomPort } from './ports.ts';

/** Random numbers that a seed repeats. Not for secrets. */
export interface SeededRandom extends RandomPort {
  readonly seed: number;
  /** From 0 up to, not including, 1. */
  fraction(): number;
  /** A whole number, both ends included. */
  between(min: number, max: number): number;
}

/** @see https://doi.org/10.1145/2714064.2660195 (SplitMix), in its form with 32 bits */
export function createSeededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  const fraction = (): number => next() / 2 ** 32;
  return {
    seed,
    fraction,
    between: (min, max) => min + Math.floor(fraction() * (max - min + 1)),
    hex: (byteCount) => Array.from({ length: byteCount }, () => (next() & 0xff).toString(16).padStart(2, '0')).join(''),
  };
}

import { createSeededRandom } from '@drydock/base/seeded-random';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backoff } from './backoff.ts';

const least = { hex: () => '00000000' };
const most = { hex: () => 'ffffffff' };
const pauses = (backoff: Backoff, count: number): readonly number[] =>
  Array.from({ length: count }, () => Math.round(backoff.nextMs()));

describe('Backoff', () => {
  it('doubles up to its bound, and begins anew when all is well', () => {
    const backoff = new Backoff({ msMin: 100, msMax: 350, random: most });
    expect(pauses(backoff, 4)).toEqual([100, 200, 350, 350]);
    backoff.reset();
    expect(pauses(backoff, 1)).toEqual([100]);
  });

  it('draws the longer half of each pause', () => {
    expect(pauses(new Backoff({ msMin: 100, msMax: 350, random: least }), 4)).toEqual([50, 100, 175, 175]);
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 10 }), (seed, count) => {
        const drawn = new Backoff({ msMin: 100, msMax: 1_000, random: createSeededRandom(seed) });
        pauses(drawn, count).forEach((ms, index) => {
          const ceilingMs = Math.min(100 * 2 ** index, 1_000);
          expect(ms).toBeGreaterThanOrEqual(ceilingMs / 2);
          expect(ms).toBeLessThanOrEqual(ceilingMs);
        });
      }),
    );
  });
});

import { describe, expect, it } from 'vitest';
import { explain, type Answered } from './race-rounds.ts';

const mount: Answered = { call: 'Mount', isSuccess: true };
const unmount: Answered = { call: 'Unmount', isSuccess: true };
const refused: Answered = { call: 'Unmount', isSuccess: false };
const list: Answered = { call: 'List', isSuccess: true };
const mounted: Answered = { call: 'Path', isSuccess: true, told: '/mnt/v' };
const notMounted: Answered = { call: 'Get', isSuccess: true, told: '' };

describe('an order that explains a round', () => {
  it.each<[string, readonly Answered[], readonly number[], readonly number[]]>([
    ['a Mount and an Unmount end in either state', [mount, unmount], [0], [0, 1]],
    ['one that was told of a mount does not say when it was', [mount, unmount, mounted], [0], [0, 1]],
    ['a refusal changes nothing', [refused, list], [1], [1]],
    ['two that see different states need a call between them', [mounted, notMounted, unmount], [1], [0]],
    ['a state that does not fit is left out', [mounted], [0, 1], [1]],
  ])('is found: %s', (_, answered, from, to) => {
    expect(explain(answered, new Set(from), { isCounting: false })).toEqual(new Set(to));
  });

  it.each<[string, readonly Answered[], number]>([
    ['mounted, and nobody mounted it', [mounted, unmount], 0],
    ['not mounted after a Mount alone', [mount, notMounted], 1],
    ['both, and nobody changed it', [mounted, notMounted], 1],
  ])('is not found: %s', (_, answered, from) => {
    expect(explain(answered, new Set([from]), { isCounting: false }).size).toBe(0);
  });

  it('counts Mounts where the driver does', () => {
    expect(explain([mount, mount, unmount], new Set([0]), { isCounting: true })).toEqual(new Set([1, 2]));
    expect(explain([unmount, notMounted], new Set([2]), { isCounting: true }).size).toBe(0);
  });
});

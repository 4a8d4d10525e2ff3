import { describe, expect, it } from 'vitest';
import type { SeenMoment } from './hook/effect-gate.ts';
import { killPointsOf } from './kill-points.ts';

const at = (ms: number, moment: SeenMoment['moment'], effect: string): SeenMoment => ({ at: ms, moment, effect });

describe('killPointsOf', () => {
  it('makes one point of the moments between two effects that follow each other at once', () => {
    const recording = [at(0, 'before', 'a'), at(1, 'after', 'a'), at(2, 'before', 'b'), at(9, 'after', 'b')];
    const points = killPointsOf('first', [recording, recording]);
    expect(points.map(({ moment, effect, alsoAfter }) => [moment, effect, alsoAfter])).toEqual([
      ['before', 'a', undefined],
      ['before', 'b', 'a'],
      ['after', 'b', undefined],
    ]);
  });

  it('keeps both where time passes between them in any recording, or something else comes between', () => {
    const quick = [at(0, 'before', 'a'), at(1, 'after', 'a'), at(2, 'before', 'b'), at(3, 'after', 'b')];
    const slow = [at(0, 'before', 'a'), at(1, 'after', 'a'), at(50, 'before', 'b'), at(51, 'after', 'b')];
    const mixed = [
      at(0, 'before', 'a'),
      at(1, 'after', 'a'),
      at(1, 'before', 'c'),
      at(1, 'before', 'b'),
      at(3, 'after', 'b'),
    ];
    for (const other of [slow, mixed]) {
      expect(killPointsOf('first', [quick, other]).map(({ moment, effect }) => `${moment} ${effect}`)).toEqual([
        'before a',
        'after a',
        'before b',
        'after b',
      ]);
    }
  });

  it('leaves out what a recording has not', () => {
    const recording = [at(0, 'before', 'a'), at(9, 'after', 'a')];
    expect(killPointsOf('first', [recording, recording.slice(0, 1)]).map(({ moment }) => moment)).toEqual(['before']);
  });

  it('gives a point the same id in every run, and another one in the other life', () => {
    const recording = [at(0, 'before', 'a')];
    const [first] = killPointsOf('first', [recording]);
    const [again] = killPointsOf('first', [[at(77, 'before', 'a')]]);
    const [second] = killPointsOf('second', [recording]);
    expect(again?.id).toBe(first?.id);
    expect(second?.id).not.toBe(first?.id);
  });
});

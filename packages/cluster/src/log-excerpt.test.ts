import { describe, expect, it } from 'vitest';
import { excerptOf } from './log-excerpt.ts';

describe('excerptOf', () => {
  it('gives a short log as it is', () => {
    expect(excerptOf('one\ntwo\n')).toBe('one\ntwo');
  });

  it('gives the beginning and the end of a long one', () => {
    const lines = Array.from({ length: 100 }, (_, index) => `${index}`);
    expect(excerptOf(lines.join('\n')).split('\n')).toEqual(['0', '1', '2', '...', ...lines.slice(-10)]);
  });
});

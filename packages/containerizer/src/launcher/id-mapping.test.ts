import { describe, expect, it } from 'vitest';
import { parseIdMap } from './id-mapping.ts';

describe('parseIdMap', () => {
  it.each([
    ['         0          0 4294967295\n', [0, 5, 65_534, 4_294_967_294], [4_294_967_295]],
    ['0 1000 1\n', [0], [1, 5, 1000]],
    ['0 1000 1\n1 100000 65535\n', [0, 1, 5, 65_535], [65_536]],
    ['', [], [0]],
  ])('%j', (text, mapped, unmapped) => {
    const has = parseIdMap(text);
    expect(mapped.filter((id) => !has(id))).toEqual([]);
    expect(unmapped.filter(has)).toEqual([]);
  });
});

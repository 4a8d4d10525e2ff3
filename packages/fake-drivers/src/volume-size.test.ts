import { describe, expect, it } from 'vitest';
import { parseSizeBytes } from './volume-size.ts';

describe('parseSizeBytes', () => {
  it.each([
    ['', 0],
    ['0', 0],
    ['17', 17],
    ['2K', 2048],
    ['3m', 3 * 1024 ** 2],
    ['1G', 1024 ** 3],
  ])('reads %j', (text, bytes) => {
    expect(parseSizeBytes(text)).toBe(bytes);
  });

  it.each(['abc', '-1', '1.5G', 'G', '1T', '9999999999999'])('refuses %j in the words of Go', (text) => {
    expect(() => parseSizeBytes(text)).toThrow(`strconv.ParseInt: parsing "${text}": invalid syntax`);
  });
});

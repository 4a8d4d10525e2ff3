import { describe, expect, it } from 'vitest';
import { toLogrusLine } from './logrus-text.ts';

const at = new Date('2026-11-23T09:00:01.234Z');

describe('toLogrusLine', () => {
  it.each([
    ['a plain message without quotes', 'myvolume-1.2', {}, 'msg=myvolume-1.2 \n'],
    ['a path with quotes', '/mnt/v', {}, 'msg="/mnt/v" \n'],
    ['an empty message without quotes', '', {}, 'msg= \n'],
    ['quotes and newlines escaped', 'say "no"\n', {}, 'msg="say \\"no\\"\\n" \n'],
    [
      'fields after the message',
      'a b',
      { volumeDriver: '', volumeName: 'x y' },
      'msg="a b" volumeDriver= volumeName="x y" \n',
    ],
  ])('writes %s', (_title, message, fields, tail) => {
    expect(toLogrusLine('info', message, { fields, at })).toBe(`time="2026-11-23T09:00:01Z" level=info ${tail}`);
  });
});

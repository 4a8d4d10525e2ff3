import { describe, expect, it } from 'vitest';
import { parseFirstJson, toGoJson } from './go-json.ts';

describe('parseFirstJson', () => {
  it.each([
    ['an object', '{"a":[1,{"b":"}"}]}', { a: [1, { b: '}' }] }],
    ['an object before garbage', '{"a":1}\n<html>', { a: 1 }],
    ['the first of two objects', '{"a":1}{"a":2}', { a: 1 }],
    ['a string with escaped quotes', ' "a\\"}b" x', 'a"}b'],
    ['null', 'null\n', null],
    ['a number before garbage', '12 }', 12],
  ])('reads %s', (_title, text, value) => {
    expect(parseFirstJson(text)).toEqual(value);
  });

  it.each([
    ['nothing', '', 'EOF'],
    ['blanks', ' \n', 'EOF'],
    ['half an object', '{"Mountpoint": "/', 'unexpected EOF'],
    ['HTML', '<html>', "invalid character '<' looking for beginning of value"],
    ['a byte order mark', '\uFEFF{}', "invalid character '\uFEFF' looking for beginning of value"],
  ])('refuses %s in the words of Go', (_title, text, message) => {
    expect(() => parseFirstJson(text)).toThrow(message);
  });

  it('refuses an object that is not JSON inside', () => {
    expect(() => parseFirstJson('{a:1}')).toThrow(/^invalid JSON: /);
  });
});

describe('toGoJson', () => {
  it('escapes what Go escapes', () => {
    expect(toGoJson({ a: '<&>\u2028' })).toBe('{"a":"\\u003c\\u0026\\u003e\\u2028"}');
  });
});

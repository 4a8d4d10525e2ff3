import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GoJsonError } from './go-json-error.ts';
import { parseFirstJson, readWholeJson, toGoJson } from './go-json.ts';

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
    ['an object without its end', '{"a":1', 'unexpected EOF'],
    ['half a word', 'tru', 'unexpected EOF'],
    ['HTML', '<html>', "invalid character '<' looking for beginning of value"],
    ['a byte order mark', '\uFEFF{}', "invalid character 'ï' looking for beginning of value"],
    ['NUL', '\0', "invalid character '\\x00' looking for beginning of value"],
    ['a quote', "'", "invalid character '\\'' looking for beginning of value"],
    ['a key without quotes', '{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['a comma before the end', '{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['a key without a value', '{"a"}', "invalid character '}' after object key"],
    ['two values for a key', '{"a":1 2}', "invalid character '2' after object key:value pair"],
    ['an array without commas', '[1 2]', "invalid character '2' after array element"],
    ['an array that ends in a comma', '[1,]', "invalid character ']' looking for beginning of value"],
    ['another word', 'nul!', "invalid character '!' in literal null (expecting 'l')"],
    ['a line break in a string', '"a\nb"', "invalid character '\\n' in string literal"],
    ['an unknown escape', '"\\x"', "invalid character 'x' in string escape code"],
    ['an escape of too few digits', '"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"],
    ['a lonely minus', '-x', "invalid character 'x' in numeric literal"],
    ['a point without digits', '1.x', "invalid character 'x' after decimal point in numeric literal"],
    ['an exponent without digits', '1e]', "invalid character ']' in exponent of numeric literal"],
    ['a nesting of 10,001', '['.repeat(10_001), 'exceeded max depth'],
  ])('refuses %s in the words of Go', (_title, text, message) => {
    expect(() => parseFirstJson(text)).toThrow(new GoJsonError(message));
  });

  it('takes a nesting of 10,000', () => {
    expect(parseFirstJson(`${'['.repeat(10_000)}${']'.repeat(10_000)}`)).toHaveLength(1);
  });

  it('takes any JSON as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseFirstJson(` ${text}junk`)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('refuses what JSON.parse refuses, unless a value comes first', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      ':',
      ',',
      '\\',
      'null',
      'true',
      '0',
      '1.5e9',
      '-',
      ' ',
      'a',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        expect(outcomeOf(() => readWholeJson(text))).toBe(outcomeOf((): unknown => JSON.parse(text)));
      }),
      { numRuns: 5_000 },
    );
  });

  it('keeps a key that objects have by birth', () => {
    expect(Object.keys(parseFirstJson('{"__proto__":{"a":1}}') as object)).toEqual(['__proto__']);
  });
});

function outcomeOf(read: () => unknown): 'JSON' | 'none' {
  try {
    read();
    return 'JSON';
  } catch {
    return 'none'; // of whatever kind
  }
}

describe('toGoJson', () => {
  it('escapes what Go escapes', () => {
    expect(toGoJson({ a: '<&>\u2028' })).toBe('{"a":"\\u003c\\u0026\\u003e\\u2028"}');
  });
});

/** Strings, numbers and words of JSON, with Go's messages for those that are none. */
import { GoJsonError, goQuotedByte } from './go-json-error.ts';

export type GoScalar = string | number | boolean | null;

export interface ReadScalar {
  readonly value: GoScalar;
  /** Index after it. */
  readonly end: number;
}

const WORDS = { true: true, false: false, null: null } as const;

/** The scalar that begins at `start`. @throws GoJsonError */
export function readScalar(text: string, start: number): ReadScalar {
  const first = text.charAt(start);
  if (first === '"') return readString(text, start);
  if (first === '-' || isDigit(first)) return readNumber(text, start);
  for (const word of ['true', 'false', 'null'] as const) {
    if (word.startsWith(first) && first !== '') return readWord(text, start, word);
  }
  if (first === '') throw new GoJsonError('unexpected EOF');
  throw new GoJsonError(`invalid character ${goQuotedByte(first)} looking for beginning of value`);
}

function readWord(text: string, start: number, word: keyof typeof WORDS): ReadScalar {
  for (let index = 1; index < word.length; index++) {
    const character = text.charAt(start + index);
    if (character === word.charAt(index)) continue;
    throw unexpected(text, start + index, `in literal ${word} (expecting '${word.charAt(index)}')`);
  }
  return { value: WORDS[word], end: start + word.length };
}

/** A leading zero ends the number, as in Go. */
function readNumber(text: string, start: number): ReadScalar {
  let at = start;
  if (text.charAt(at) === '-') at++;
  if (!isDigit(text.charAt(at))) throw unexpected(text, at, 'in numeric literal');
  at = text.charAt(at) === '0' ? at + 1 : endOfDigits(text, at);
  if (text.charAt(at) === '.') {
    if (!isDigit(text.charAt(at + 1))) throw unexpected(text, at + 1, 'after decimal point in numeric literal');
    at = endOfDigits(text, at + 1);
  }
  if (text.charAt(at) === 'e' || text.charAt(at) === 'E') {
    at++;
    if (text.charAt(at) === '+' || text.charAt(at) === '-') at++;
    if (!isDigit(text.charAt(at))) throw unexpected(text, at, 'in exponent of numeric literal');
    at = endOfDigits(text, at);
  }
  return { value: Number(text.slice(start, at)), end: at };
}

function readString(text: string, start: number): ReadScalar {
  let at = start + 1;
  for (; text.charAt(at) !== '"'; at++) {
    const code = text.charCodeAt(at);
    if (Number.isNaN(code) || code < 0x20) throw unexpected(text, at, 'in string literal');
    if (code === 0x5c) at = endOfEscape(text, at + 1);
  }
  const raw = text.slice(start, at + 1);
  // What was checked above is JSON; half a surrogate pair becomes U+FFFD, as in Go.
  return { value: String(JSON.parse(raw)).toWellFormed(), end: at + 1 };
}

/** Index of an escape's last character; `at` is the one after the backslash. */
function endOfEscape(text: string, at: number): number {
  const escape = text.charAt(at);
  if (escape === 'u') {
    for (let index = at + 1; index <= at + 4; index++) {
      if (!/^[0-9a-fA-F]$/.test(text.charAt(index)))
        throw unexpected(text, index, 'in \\u hexadecimal character escape');
    }
    return at + 4;
  }
  if (escape === '' || !'"\\/bfnrt'.includes(escape)) throw unexpected(text, at, 'in string escape code');
  return at;
}

function unexpected(text: string, at: number, where: string): GoJsonError {
  const character = text.charAt(at);
  return new GoJsonError(
    character === '' ? 'unexpected EOF' : `invalid character ${goQuotedByte(text.slice(at, at + 2))} ${where}`,
  );
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9';
}

function endOfDigits(text: string, start: number): number {
  let at = start;
  while (isDigit(text.charAt(at))) at++;
  return at;
}

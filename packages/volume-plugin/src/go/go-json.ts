/**
 * JSON as Go's encoding/json reads and writes it: the plugin protocol was shaped by it. The reader keeps the order of an
 * object's keys and their repetitions, since a Go struct is filled key by key.
 * @see https://pkg.go.dev/encoding/json
 */
import { GoJsonError, goQuotedByte } from './go-json-error.ts';
import { readScalar, type GoScalar } from './go-json-scalar.ts';

/** An object as it was written. Keys may repeat. */
export class GoObject {
  readonly entries: [key: string, value: GoValue][] = [];
}

export type GoValue = GoScalar | GoValue[] | GoObject;

/** Go refuses what is nested deeper. */
const DEPTH_MAX = 10_000;

/**
 * The first JSON value in `text`; what follows it is ignored, as a streaming decoder does.
 * @throws GoJsonError `EOF` for nothing at all, `unexpected EOF` for half a value, `invalid character ...` otherwise
 */
export function readFirstJson(text: string): GoValue {
  return new Reader(text).readFirst().value;
}

/**
 * The only JSON value in `text`.
 * @throws GoJsonError also for what follows it
 */
export function readWholeJson(text: string): GoValue {
  const { value, end } = new Reader(text).readFirst();
  const rest = /[^ \t\r\n]/.exec(text.slice(end));
  if (rest !== null) throw new GoJsonError(`invalid character ${goQuotedByte(rest[0])} after top-level value`);
  return value;
}

/**
 * As `readFirstJson`, with objects as plain ones: of a repeated key the last counts.
 * @throws GoJsonError
 */
export function parseFirstJson(text: string): unknown {
  return toPlain(readFirstJson(text));
}

/** JSON with Go's escapes (`<`, `>`, `&`, U+2028 and U+2029 become `\u....`), no spaces unless `indent` is given. */
export function toGoJson(value: unknown, indent?: string): string {
  return JSON.stringify(value, undefined, indent).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** An array or object whose end has not come; `key` is set between a key and its value. */
interface Container {
  readonly value: GoValue[] | GoObject;
  key: string | undefined;
}

/** Goes through the text once, with a stack of its own: nesting is bounded by `DEPTH_MAX`, not by the call stack. */
class Reader {
  readonly #text: string;
  readonly #open: Container[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  readFirst(): { readonly value: GoValue; readonly end: number } {
    if (this.#skipSpace() === '') throw new GoJsonError('EOF');
    for (;;) {
      const value = this.#begin();
      if (value === undefined) continue; // a container was opened
      const whole = this.#finish(value);
      if (whole !== undefined) return { value: whole, end: this.#at };
    }
  }

  /** Reads a scalar or an empty container; opens any other container up to its first value. */
  #begin(): GoValue | undefined {
    const first = this.#skipSpace();
    if (first !== '{' && first !== '[') {
      const { value, end } = readScalar(this.#text, this.#at);
      this.#at = end;
      return value;
    }
    if (this.#open.length >= DEPTH_MAX) throw new GoJsonError('exceeded max depth');
    this.#at++;
    if (first === '[') {
      if (this.#skipSpace() === ']') return this.#closing([]);
      this.#open.push({ value: [], key: undefined });
      return undefined;
    }
    const object = new GoObject();
    if (this.#skipSpace() === '}') return this.#closing(object);
    this.#open.push({ value: object, key: this.#readKey() });
    return undefined;
  }

  /** Puts a value into its container and closes what ends with it; gives the first value once it is whole. */
  #finish(inner: GoValue): GoValue | undefined {
    let value = inner;
    for (let container = this.#open.at(-1); container !== undefined; container = this.#open.at(-1)) {
      const next = this.#put(container, value);
      if (next === 'more') return undefined;
      this.#open.pop();
      value = container.value;
    }
    return value;
  }

  #put(container: Container, value: GoValue): 'more' | 'closed' {
    const isArray = Array.isArray(container.value);
    if (Array.isArray(container.value)) container.value.push(value);
    else container.value.entries.push([container.key ?? '', value]);
    const separator = this.#skipSpace();
    if (separator === '') throw new GoJsonError('unexpected EOF');
    this.#at++;
    if (separator === (isArray ? ']' : '}')) return 'closed';
    if (separator !== ',') {
      const where = isArray ? 'after array element' : 'after object key:value pair';
      throw new GoJsonError(`invalid character ${goQuotedByte(separator)} ${where}`);
    }
    if (!isArray) container.key = this.#readKey();
    return 'more';
  }

  #readKey(): string {
    const quote = this.#skipSpace();
    if (quote === '') throw new GoJsonError('unexpected EOF');
    if (quote !== '"') {
      throw new GoJsonError(`invalid character ${goQuotedByte(quote)} looking for beginning of object key string`);
    }
    const { value, end } = readScalar(this.#text, this.#at);
    this.#at = end;
    const colon = this.#skipSpace();
    if (colon === '') throw new GoJsonError('unexpected EOF');
    if (colon !== ':') throw new GoJsonError(`invalid character ${goQuotedByte(colon)} after object key`);
    this.#at++;
    return String(value);
  }

  #closing(value: GoValue): GoValue {
    this.#at++;
    return value;
  }

  /** Goes to the next character that is no space and gives it, `''` at the end. */
  #skipSpace(): string {
    for (; ; this.#at++) {
      const character = this.#text.charAt(this.#at);
      if (character !== ' ' && character !== '\n' && character !== '\t' && character !== '\r') return character;
    }
  }
}

/** Bottom up and without recursion: values may be nested 10,000 deep. */
function toPlain(root: GoValue): unknown {
  const holder: { value: unknown } = { value: root };
  const work: { readonly value: GoValue; readonly put: (plain: unknown) => void }[] = [
    { value: root, put: (plain) => (holder.value = plain) },
  ];
  for (let item = work.pop(); item !== undefined; item = work.pop()) {
    const { value, put } = item;
    if (Array.isArray(value)) {
      const plain: unknown[] = Array.from({ length: value.length });
      put(plain);
      for (const [index, child] of value.entries()) work.push({ value: child, put: (made) => (plain[index] = made) });
    } else if (value instanceof GoObject) {
      const plain: Record<string, unknown> = {};
      put(plain);
      const last = new Map(value.entries);
      for (const [key, child] of last) {
        // Defines the key even if it is `__proto__`.
        Object.defineProperty(plain, key, { value: undefined, writable: true, enumerable: true, configurable: true });
        work.push({ value: child, put: (made) => (plain[key] = made) });
      }
    } else put(value);
  }
  return holder.value;
}

/**
 * Attributes as `--attributes` has them: `rack:r1;level:10;ports:[1-3]`.
 * @see src/v1/attributes.cpp Attributes::parse, src/v1/values.cpp parse
 */
import { DomainError } from '@drydock/base/errors';
import type { Attribute } from '../v1.ts';
import { parseRanges } from './parse-resources.ts';

/** The text is no list of attributes; the message says which part. */
export class AttributesError extends DomainError<'ATTRIBUTES'> {
  readonly code = 'ATTRIBUTES';
}

/**
 * Reads an attributes flag: a number is a scalar, brackets are ranges, anything else is text. As upstream, there are no
 * sets.
 * @throws AttributesError
 */
export function parseAttributes(text: string): Attribute[] {
  return text
    .split(/[;\n]/)
    .filter((token) => token.trim() !== '')
    .map(parseAttribute);
}

function parseAttribute(token: string): Attribute {
  const at = token.indexOf(':');
  const name = token.slice(0, at).trim();
  const value = token.slice(at + 1).trim();
  if (at === -1 || name === '' || value === '') {
    throw new AttributesError(`Invalid attribute key:value pair '${token}'`);
  }
  if (value.startsWith('[')) {
    const fail = (why: string): AttributesError =>
      new AttributesError(`Failed to parse attribute ${name} text ${value} error ${why}`);
    return { name, type: 'RANGES', ranges: { range: parseRanges(value.replaceAll(/\s+/g, ''), fail) } };
  }
  if (value.startsWith('{')) throw new AttributesError(`Bad type for attribute '${name}' with text '${value}'`);
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value)) {
    return { name, type: 'SCALAR', scalar: { value: Number(value) } };
  }
  return { name, type: 'TEXT', text: { value } };
}

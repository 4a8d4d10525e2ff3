/**
 * Resources as flags have them: `cpus:1;mem:128;ports:[31000-32000]`, `cpus(role):1`, or a JSON array of `Resource`.
 * @see src/v1/resources.cpp Resources::fromSimpleString, src/v1/values.cpp parse
 */
import { DomainError, messageOf } from '@drydock/base/errors';
import { fromJson } from '../codec/codec.ts';
import { resourceType } from '../codec/schema.ts';
import type { Range, Resource } from '../v1.ts';
import { validateResourceValues } from '../validation/validate-resources.ts';
import { fromRefinedFormat } from './reservation-refinement.ts';
import { addResources } from './resources.ts';

/** The text is no list of resources; the message says which part, in upstream's words. */
export class ResourcesError extends DomainError<'RESOURCES'> {
  readonly code = 'RESOURCES';
}

/**
 * DEVIATION: upstream has agents with disks, reservations of every kind, revocable and shared resources; none of them is
 * reckoned with here, but for `reservations` that say no more than `role` does, so they are refused by name.
 */
const UNSUPPORTED = [
  'reservations',
  'reservation',
  'disk',
  'revocable',
  'shared',
  'provider_id',
] as const satisfies readonly (keyof Resource)[];

/**
 * Reads a resources flag.
 * @throws ResourcesError
 */
export function parseResources(text: string, options: { readonly defaultRole?: string } = {}): Resource[] {
  const { defaultRole = '*' } = options;
  const trimmed = text.trim();
  const parsed = trimmed.startsWith('[')
    ? parseJsonResources(trimmed)
    : trimmed
        .split(';')
        .filter((token) => token !== '')
        .map((token) => parseToken(token, defaultRole));
  return addResources(parsed, []);
}

function parseJsonResources(text: string): Resource[] {
  let resources: Resource[];
  try {
    const value: unknown = JSON.parse(text);
    resources = (Array.isArray(value) ? value : []).map((item) => fromJson(resourceType, item));
  } catch (error) {
    throw new ResourcesError(messageOf(error), { cause: error });
  }
  const reason = validateResourceValues(resources);
  if (reason !== undefined) throw new ResourcesError(reason);
  return resources.map((resource) => {
    const plain = fromRefinedFormat(resource);
    const field = UNSUPPORTED.find((name) => plain[name] !== undefined);
    if (field === undefined) return plain;
    throw new ResourcesError(`Resource '${plain.name}' is not supported with \`${field}\``);
  });
}

function parseToken(token: string, defaultRole: string): Resource {
  const [left, value, ...more] = token.split(':').filter((part) => part !== '');
  if (left === undefined || value === undefined || more.length > 0) {
    throw new ResourcesError(`Bad value for resources, missing or extra ':' in ${token}`);
  }
  const open = left.indexOf('(');
  const close = left.indexOf(')');
  if (open === -1) return parseResource(left.trim(), value, defaultRole);
  if (close === -1 || close < open) {
    throw new ResourcesError(`Bad value for resources, mismatched parentheses in ${token}`);
  }
  return parseResource(left.slice(0, open).trim(), value, left.slice(open + 1, close).trim());
}

function parseResource(name: string, value: string, role: string): Resource {
  const fail = (why: string): ResourcesError =>
    new ResourcesError(`Failed to parse resource ${name} value ${value} error ${why}`);
  const text = value.replaceAll(/\s+/g, '');
  if (text === '') throw fail('Expecting non-empty string');
  if (text.startsWith('[')) return { name, type: 'RANGES', ranges: { range: parseRanges(text, fail) }, role };
  if (text.startsWith('{')) {
    if (!text.endsWith('}')) throw fail(`Mismatched brackets`);
    const item = text
      .slice(1, -1)
      .split(',')
      .filter((one) => one !== '');
    return { name, type: 'SET', set: { item }, role };
  }
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) {
    const scalar = Number(text);
    if (scalar < 0) throw new ResourcesError(`Invalid scalar resource: value < 0 in ${name}:${value}`);
    return { name, type: 'SCALAR', scalar: { value: scalar }, role };
  }
  throw new ResourcesError(`Bad type for resource ${name} value ${value} type TEXT`);
}

/** `[1-3,5-5]`, without white space. @throws what `fail` makes of the reason */
export function parseRanges(text: string, fail: (why: string) => Error): Range[] {
  if (!text.endsWith(']')) throw fail('Mismatched brackets');
  return text
    .slice(1, -1)
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^(\d{1,15})-(\d{1,15})$/.exec(part);
      const [begin, end] = [Number(match?.[1]), Number(match?.[2])];
      if (match === null || begin > end) throw fail(`Expecting a range (e.g., '[1-10]') in '${part}'`);
      return { begin, end };
    });
}

import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { DecodeError, decode, encode, fromJson, toJson, type ContentType } from './codec.ts';
import {
  agentApiCallType,
  agentApiEventType,
  executorCallType,
  executorEventType,
  schedulerCallType,
  schedulerEventType,
  type MessageType,
} from './schema.ts';

const TYPES: readonly MessageType<object>[] = [
  schedulerCallType,
  schedulerEventType,
  executorCallType,
  executorEventType,
  agentApiCallType,
  agentApiEventType,
];
const CONTENT_TYPES: readonly ContentType[] = ['application/json', 'application/x-protobuf'];

/** Deeper than this only required fields are set. */
const DEPTH_MAX = 4;

/** Text as both encodings can carry it: no lone surrogates. */
const text = fc.string({ unit: 'grapheme', maxLength: 8 });

function valueOf(field: protobuf.Field, depth: number): fc.Arbitrary<unknown> {
  const { resolvedType } = field.resolve();
  if (resolvedType instanceof protobuf.Type) return messageOf(resolvedType, depth + 1);
  if (resolvedType instanceof protobuf.Enum) return fc.constantFrom(...Object.keys(resolvedType.values));
  switch (field.type) {
    case 'string':
      return text;
    case 'bool':
      return fc.boolean();
    case 'bytes':
      return fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes));
    case 'int32':
      return fc.integer();
    case 'uint32':
      return fc.nat(2 ** 32 - 1);
    case 'int64':
      return fc.maxSafeInteger();
    case 'uint64':
      return fc.maxSafeNat();
    default:
      // JSON has no negative zero, and no name for what is no number.
      return fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value));
  }
}

function fieldOf(field: protobuf.Field, depth: number): fc.Arbitrary<unknown> {
  const one = valueOf(field, depth);
  if (field.map)
    return fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), one, { minKeys: 1, maxKeys: 2, noNullPrototype: true });
  return field.repeated ? fc.array(one, { minLength: 1, maxLength: 2 }) : one;
}

/** Any message of a type: required fields, and some of the others. */
function messageOf(type: protobuf.Type, depth = 0): fc.Arbitrary<Record<string, unknown>> {
  const fields = type.fieldsArray.filter((field) => field.required || depth < DEPTH_MAX);
  const model = Object.fromEntries(fields.map((field) => [field.name, fieldOf(field, depth)]));
  const requiredKeys = fields.filter((field) => field.required).map((field) => field.name);
  return fc.record(model, { requiredKeys, noNullPrototype: true });
}

/** A message with few of its optional fields, so that what is generated stays small. */
function sparse(type: protobuf.Type): fc.Arbitrary<Record<string, unknown>> {
  const optional = type.fieldsArray.filter((field) => !field.required);
  return fc.subarray(optional, { maxLength: 3 }).chain((chosen) => {
    const model = Object.fromEntries(
      [...type.fieldsArray.filter((field) => field.required), ...chosen].map((field) => [
        field.name,
        fieldOf(field, 2),
      ]),
    );
    return fc.record(model, { noNullPrototype: true });
  });
}

function isReadOrRefused(body: Uint8Array, contentType: ContentType): boolean {
  try {
    decode(schedulerCallType, body, contentType);
    return true;
  } catch (error) {
    return error instanceof DecodeError;
  }
}

describe('codec', () => {
  it.each(TYPES.map((type) => [type.name, type] as const))('gives %s back from both encodings', (_, type) => {
    fc.assert(
      fc.property(sparse(type.reflected), (message) => {
        for (const contentType of CONTENT_TYPES) {
          expect(decode(type, encode(type, message, contentType), contentType)).toEqual(message);
        }
        expect(fromJson(type, toJson(type, message))).toEqual(message);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses any bytes that are no message with a DecodeError, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom(...CONTENT_TYPES), (bytes, contentType) => {
        expect(isReadOrRefused(bytes, contentType)).toBe(true);
      }),
    );
  });

  it('refuses any JSON that is no message with a DecodeError, and nothing else', () => {
    const names = [...Object.keys(schedulerCallType.reflected.fields), '__proto__', 'constructor', 'toString'];
    const json = fc.oneof(
      fc.json(),
      fc.dictionary(fc.constantFrom(...names), fc.jsonValue()).map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(json, (value) => {
        expect(isReadOrRefused(Buffer.from(value), 'application/json')).toBe(true);
      }),
    );
  });
});

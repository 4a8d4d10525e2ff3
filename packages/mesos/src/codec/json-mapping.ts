/**
 * Messages as JSON the way stout maps them, which is not the JSON of proto3: snake_case names, enums as names, 64-bit
 * integers as numbers, bytes as base64, unknown fields ignored, unset fields and proto defaults omitted.
 * @see 3rdparty/stout/include/stout/protobuf.hpp
 */
import { DomainError } from '@drydock/base/errors';
import protobuf from 'protobufjs';

/** A JSON value does not fit a message; the text is what upstream says after `Failed to convert JSON into ...: `. */
export class JsonMappingError extends DomainError<'JSON_MAPPING'> {
  readonly code = 'JSON_MAPPING';
}

type Fields = Record<string, unknown>;

/** As protobuf parsers: deeper nesting is refused rather than recursed into. */
const DEPTH_MAX = 100;

const INTEGER_RANGES: Readonly<Record<string, readonly [min: number, max: number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  // The doubles next to the ends. Beyond 2^53 (a time of day in nanoseconds) the last digits are rounded.
  int64: [-(2 ** 63), 2 ** 63 - 1024],
  uint64: [0, 2 ** 64 - 2048],
};

/**
 * Reads a message out of parsed JSON.
 * @throws JsonMappingError
 */
export function messageFromJson(type: protobuf.Type, value: unknown): Fields {
  if (!isObject(value)) throw new JsonMappingError('Expecting a JSON object');
  const message = readMessage(type, value, 0);
  const missing = missingFields(type, message);
  if (missing.length > 0) throw new JsonMappingError(`Missing required fields: ${missing.join(', ')}`);
  return message;
}

/** Paths of required fields that are not set, as `subscribe.framework_info.user`. */
export function missingFields(type: protobuf.Type, message: Fields, prefix = ''): string[] {
  const own = type.fieldsArray.filter((field) => field.required && message[field.name] === undefined);
  const paths = own.map((field) => prefix + field.name);
  for (const field of type.fieldsArray) {
    const value = message[field.name];
    if (value === undefined || !(field.resolvedType instanceof protobuf.Type)) continue;
    for (const [suffix, child] of children(field, value)) {
      paths.push(...missingFields(field.resolvedType, child, `${prefix}${field.name}${suffix}.`));
    }
  }
  return paths;
}

function children(field: protobuf.Field, value: unknown): [suffix: string, child: Fields][] {
  // A message field holds objects: `readMessage`, protobufjs and the compiler see to it.
  if (field.map) return Object.entries(value as Record<string, Fields>).map(([key, child]) => [`[${key}]`, child]);
  if (field.repeated) return (value as Fields[]).map((child, index) => [`[${index}]`, child]);
  return [['', value as Fields]];
}

function readMessage(type: protobuf.Type, value: Fields, depth: number): Fields {
  if (depth > DEPTH_MAX) throw new JsonMappingError(`Expecting at most ${DEPTH_MAX} levels of nesting`);
  const message: Fields = {};
  for (const [name, given] of Object.entries(value)) {
    if (!Object.hasOwn(type.fields, name)) continue;
    const field = type.fields[name];
    if (field === undefined) continue;
    const read = readField(field.resolve(), given, depth);
    if (read !== undefined) message[name] = read;
  }
  return message;
}

function readField(field: protobuf.Field, given: unknown, depth: number): unknown {
  if (given === null) throw new JsonMappingError('Not expecting a JSON null');
  if (field.map) {
    if (!isObject(given)) throw unexpected(given, field);
    const entries = Object.entries(given).map(([key, item]) => [key, readSingle(field, item, depth)]);
    return entries.length === 0 ? undefined : Object.fromEntries(entries);
  }
  if (!field.repeated) return readSingle(field, given, depth);
  // A single value for a repeated field is one element of it, as upstream reads it.
  const items = Array.isArray(given) ? given : [given];
  const read = items.map((item) => readSingle(field, item, depth)).filter((item) => item !== undefined);
  return read.length === 0 ? undefined : read;
}

function readSingle(field: protobuf.Field, given: unknown, depth: number): unknown {
  if (given === null) throw new JsonMappingError('Not expecting a JSON null');
  if (field.resolvedType instanceof protobuf.Type) {
    if (!isObject(given)) throw unexpected(given, field);
    return readMessage(field.resolvedType, given, depth + 1);
  }
  if (field.resolvedType instanceof protobuf.Enum) return readEnum(field, field.resolvedType, given);
  switch (field.type) {
    case 'string':
      if (typeof given !== 'string') throw unexpected(given, field);
      return given;
    case 'bool':
      if (typeof given !== 'boolean') throw unexpected(given, field);
      return given;
    case 'bytes':
      if (typeof given !== 'string') throw unexpected(given, field);
      return readBase64(field, given);
    default:
      // Writers of proto3 JSON put 64-bit integers in quotes, and so does upstream's help of --rlimits.
      if (typeof given === 'string' && /^-?\d+(\.\d+)?$/.test(given)) return readNumber(field, Number(given));
      if (typeof given !== 'number') throw unexpected(given, field);
      return readNumber(field, given);
  }
}

function readNumber(field: protobuf.Field, given: number): number {
  const range = INTEGER_RANGES[field.type];
  if (range !== undefined && (!Number.isInteger(given) || given < range[0] || given > range[1])) {
    throw new JsonMappingError(`Expecting a number of type ${field.type} for field '${field.name}', got ${given}`);
  }
  return given;
}

/** An unknown name of an enum counts as "not set", except where the field is required. */
function readEnum(field: protobuf.Field, type: protobuf.Enum, given: unknown): string | undefined {
  if (typeof given !== 'string' && typeof given !== 'number') throw unexpected(given, field);
  const name = typeof given === 'number' ? type.valuesById[given] : given;
  if (name !== undefined && Object.hasOwn(type.values, name)) return name;
  if (field.required) throw new JsonMappingError(`Failed to find enum for '${given}'`);
  return undefined;
}

function readBase64(field: protobuf.Field, given: string): Buffer {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(given)) {
    throw new JsonMappingError(`Failed to base64 decode bytes field '${field.name}': Invalid character`);
  }
  return Buffer.from(given, 'base64');
}

/** The JSON value of a message, fields in the schema's order. */
export function messageToJson(type: protobuf.Type, message: Fields): Fields {
  const json: Fields = {};
  for (const field of type.fieldsArray) {
    const value = message[field.name];
    if (value === undefined) continue;
    if (field.map) {
      const entries = Object.entries(value as Fields).map(([key, item]) => [key, singleToJson(field, item)]);
      if (entries.length > 0) json[field.name] = Object.fromEntries(entries);
    } else if (field.repeated) {
      // A repeated field holds an array: see `children`.
      const items = value as unknown[];
      if (items.length > 0) json[field.name] = items.map((item) => singleToJson(field, item));
    } else {
      json[field.name] = singleToJson(field, value);
    }
  }
  return json;
}

function singleToJson(field: protobuf.Field, value: unknown): unknown {
  if (field.resolvedType instanceof protobuf.Type) return messageToJson(field.resolvedType, value as Fields);
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  return value;
}

function unexpected(given: unknown, field: protobuf.Field): JsonMappingError {
  const kind = Array.isArray(given) ? 'array' : typeof given;
  return new JsonMappingError(`Not expecting a JSON ${kind} for field '${field.name}'`);
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

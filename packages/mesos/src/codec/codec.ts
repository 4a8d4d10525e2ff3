/** Bodies of the v1 APIs in both content types. */
import { DomainError, assert, messageOf } from '@drydock/base/errors';
import { JsonMappingError, messageFromJson, messageToJson, missingFields } from './json-mapping.ts';
import type { MessageType } from './schema.ts';

/** The two content types of every v1 API. */
export type ContentType = 'application/json' | 'application/x-protobuf';

/** A body is not the message that was expected; the text is upstream's and goes out with status 400. */
export class DecodeError extends DomainError<'DECODE'> {
  readonly code = 'DECODE';
}

/**
 * Reads one message. `bytes` fields are Buffers, 64-bit integers are numbers, enums are names; unset stays unset.
 * @throws DecodeError
 */
export function decode<T>(type: MessageType<T>, body: Uint8Array, contentType: ContentType): T {
  const fields = contentType === 'application/json' ? decodeJson(type, body) : decodeProtobuf(type, body);
  // The schema decided the shape, and T describes the schema.
  return fields as T;
}

/** The message out of an already parsed JSON value. @throws JsonMappingError */
export function fromJson<T>(type: MessageType<T>, value: unknown): T {
  return messageFromJson(type.reflected, value) as T;
}

/** The JSON value of a message, unset fields omitted. */
export function toJson<T extends object>(type: MessageType<T>, message: T): Record<string, unknown> {
  return messageToJson(type.reflected, fieldsOf(message));
}

/** Writes one message; required fields must be set. */
export function encode<T extends object>(type: MessageType<T>, message: T, contentType: ContentType): Uint8Array {
  const fields = fieldsOf(message);
  const missing = missingFields(type.reflected, fields);
  assert(missing.length === 0, `Expected a complete ${type.name}, missing ${missing.join(', ')}`);
  if (contentType === 'application/json') return Buffer.from(JSON.stringify(messageToJson(type.reflected, fields)));
  return type.reflected.encode(type.reflected.fromObject(fields)).finish();
}

function fieldsOf(message: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(message));
}

function decodeJson<T>(type: MessageType<T>, body: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw new DecodeError(`Failed to parse body into JSON: ${messageOf(error)}`, { cause: error });
  }
  try {
    return messageFromJson(type.reflected, value);
  } catch (error) {
    if (!(error instanceof JsonMappingError)) throw error;
    const name = type.reflected.name;
    throw new DecodeError(`Failed to convert JSON into ${name} protobuf: ${error.message}`, { cause: error });
  }
}

function decodeProtobuf<T>(type: MessageType<T>, body: Uint8Array): Record<string, unknown> {
  try {
    const message = type.reflected.decode(body);
    return type.reflected.toObject(message, { enums: String, longs: Number });
  } catch (error) {
    throw new DecodeError(`Failed to parse body into ${type.reflected.name} protobuf`, { cause: error });
  }
}

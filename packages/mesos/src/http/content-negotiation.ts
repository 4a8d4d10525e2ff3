/**
 * Which of the two content types a request speaks and wants, with upstream's refusals.
 * @see src/master/http.cpp scheduler(), src/common/http.cpp
 */
import { DecodeError, decode, type ContentType } from '../codec/codec.ts';
import type { MessageType } from '../codec/schema.ts';
import type { HttpRequest } from './service.ts';
import { HttpError } from './reply.ts';

const JSON_TYPE = 'application/json';
const PROTOBUF_TYPE = 'application/x-protobuf';

/**
 * Reads the call of an API request.
 * @throws HttpError 400, 415
 */
export function readCall<T>(request: HttpRequest, type: MessageType<T>): T {
  const given = request.headers['content-type'];
  if (given === undefined || given === '') throw new HttpError(400, "Expecting 'Content-Type' to be present");
  const contentType = given.split(';')[0]?.trim().toLowerCase();
  if (contentType !== JSON_TYPE && contentType !== PROTOBUF_TYPE) {
    throw new HttpError(415, `Expecting 'Content-Type' of ${JSON_TYPE} or ${PROTOBUF_TYPE}`);
  }
  try {
    return decode(type, request.body, contentType);
  } catch (error) {
    if (error instanceof DecodeError) throw new HttpError(400, error.message);
    throw error;
  }
}

/**
 * The content type of a stream: JSON where `Accept` allows it, then protobuf; no `Accept` allows everything.
 * @throws HttpError 406
 */
export function acceptedContentType(request: HttpRequest): ContentType {
  const accept = request.headers.accept;
  if (accept === undefined || accept.trim() === '') return JSON_TYPE;
  const ranges = accept.split(',').map(readRange);
  if (allows(ranges, JSON_TYPE)) return JSON_TYPE;
  if (allows(ranges, PROTOBUF_TYPE)) return PROTOBUF_TYPE;
  throw new HttpError(406, `Expecting 'Accept' to allow '${PROTOBUF_TYPE}' or '${JSON_TYPE}'`);
}

interface MediaRange {
  readonly range: string;
  readonly quality: number;
}

function readRange(text: string): MediaRange {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  return { range, quality: quality === undefined ? 1 : Number(quality) };
}

/** The most specific range that matches decides. */
function allows(ranges: readonly MediaRange[], type: ContentType): boolean {
  for (const candidate of [type, 'application/*', '*/*']) {
    const found = ranges.find((one) => one.range === candidate);
    if (found !== undefined) return found.quality > 0;
  }
  return false;
}

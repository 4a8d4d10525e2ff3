/** What a route answers. */
import type { FileHandle } from 'node:fs/promises';
import { DomainError } from '@drydock/base/errors';
import type { ContentType } from '../codec/codec.ts';
import type { RecordStream } from './record-stream.ts';

/** An answer with a body of known length. */
export interface BodyReply {
  readonly kind: 'body';
  readonly status: number;
  readonly body: string | Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** A JSON answer; the service wraps it for `?jsonp=`. */
export interface JsonReply {
  readonly kind: 'json';
  readonly value: unknown;
}

/** 200 with an open file, which the service closes. */
export interface FileReply {
  readonly kind: 'file';
  readonly file: FileHandle;
  readonly sizeBytes: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** A RecordIO stream that stays open; `open` gets it when the head has been sent. */
export interface StreamReply {
  readonly kind: 'stream';
  readonly contentType: ContentType;
  readonly headers: Readonly<Record<string, string>>;
  readonly open: (stream: RecordStream) => void;
}

export type HttpReply = BodyReply | JsonReply | FileReply | StreamReply;

/** A refusal: thrown by a handler, sent as it says. */
export class HttpError extends DomainError<'HTTP'> {
  readonly code = 'HTTP';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** Plain text (an empty text has no Content-Type). */
export function textReply(status: number, body: string, headers: Readonly<Record<string, string>> = {}): BodyReply {
  const type: Record<string, string> = body === '' ? {} : { 'Content-Type': 'text/plain; charset=utf-8' };
  return { kind: 'body', status, body, headers: { ...type, ...headers } };
}

/** 200 with bytes. */
export function bytesReply(body: Uint8Array, headers: Readonly<Record<string, string>>): BodyReply {
  return { kind: 'body', status: 200, body, headers };
}

/** 200 with JSON, or JSONP when the request asks for it. */
export function jsonReply(value: unknown): JsonReply {
  return { kind: 'json', value };
}

/** 202 without a body: what every API call but SUBSCRIBE gets. */
export function acceptedReply(): BodyReply {
  return textReply(202, '');
}

/** 200 with a RecordIO stream under a new `Mesos-Stream-Id`. */
export function streamReply(options: {
  readonly contentType: ContentType;
  readonly streamId?: string;
  readonly open: (stream: RecordStream) => void;
}): StreamReply {
  const headers: Record<string, string> = options.streamId === undefined ? {} : { 'Mesos-Stream-Id': options.streamId };
  return { kind: 'stream', contentType: options.contentType, headers, open: options.open };
}

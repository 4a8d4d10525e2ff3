import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decode, encode, fromJson } from './codec.ts';
import {
  executorCallType,
  executorEventType,
  schedulerCallType,
  schedulerEventType,
  taskInfoType,
  type MessageType,
} from './schema.ts';

const GOLDEN: readonly [name: string, type: MessageType<object>][] = [
  ['scheduler-call-subscribe', schedulerCallType],
  ['scheduler-call-accept', schedulerCallType],
  ['scheduler-call-acknowledge', schedulerCallType],
  ['scheduler-call-suppress', schedulerCallType],
  ['scheduler-event-subscribed', schedulerEventType],
  ['scheduler-event-offers', schedulerEventType],
  ['scheduler-event-update', schedulerEventType],
  ['scheduler-event-heartbeat', schedulerEventType],
  ['executor-call-update', executorCallType],
  ['executor-event-acknowledged', executorEventType],
  ['task-info-check', taskInfoType],
];

/** The bytes were written by another encoder, from a list of upstream's field numbers. */
const read = (file: string): Buffer => readFileSync(new URL(`../../../../fixtures/wire/${file}`, import.meta.url));

describe('golden messages', () => {
  it.each(GOLDEN)('%s is the same in both content types', (name, type) => {
    const json = read(`${name}.json`);
    const protobuf = read(`${name}.pb`);
    const message = decode(type, json, 'application/json');
    expect(decode(type, protobuf, 'application/x-protobuf')).toEqual(message);
    expect(Buffer.from(encode(type, message, 'application/x-protobuf')).toString('hex')).toBe(protobuf.toString('hex'));
    const parsed: unknown = JSON.parse(json.toString());
    expect(JSON.parse(Buffer.from(encode(type, message, 'application/json')).toString())).toEqual(parsed);
    expect(fromJson(type, parsed)).toEqual(message);
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decode, encode, fromJson } from './codec.ts';
import { RecordDecoder } from './record-io.ts';
import {
  agentCallType,
  agentResponseType,
  executorCallType,
  executorEventType,
  masterCallType,
  masterEventType,
  masterResponseType,
  schedulerCallType,
  schedulerEventType,
  taskInfoType,
  type MessageType,
} from './schema.ts';

const GOLDEN: readonly [name: string, type: MessageType<object>][] = [
  ['scheduler-call-subscribe', schedulerCallType],
  ['scheduler-call-accept', schedulerCallType],
  ['scheduler-call-accept-launch-group', schedulerCallType],
  ['scheduler-call-acknowledge', schedulerCallType],
  ['scheduler-call-suppress', schedulerCallType],
  ['scheduler-call-teardown', schedulerCallType],
  ['scheduler-call-decline', schedulerCallType],
  ['scheduler-call-accept-inverse-offers', schedulerCallType],
  ['scheduler-call-decline-inverse-offers', schedulerCallType],
  ['scheduler-call-revive', schedulerCallType],
  ['scheduler-call-kill', schedulerCallType],
  ['scheduler-call-shutdown', schedulerCallType],
  ['scheduler-call-acknowledge-operation-status', schedulerCallType],
  ['scheduler-call-reconcile', schedulerCallType],
  ['scheduler-call-reconcile-operations', schedulerCallType],
  ['scheduler-call-message', schedulerCallType],
  ['scheduler-call-request', schedulerCallType],
  ['scheduler-call-update-framework', schedulerCallType],
  ['scheduler-event-subscribed', schedulerEventType],
  ['scheduler-event-offers', schedulerEventType],
  ['scheduler-event-update', schedulerEventType],
  ['scheduler-event-heartbeat', schedulerEventType],
  ['scheduler-event-inverse-offers', schedulerEventType],
  ['scheduler-event-rescind', schedulerEventType],
  ['scheduler-event-rescind-inverse-offer', schedulerEventType],
  ['scheduler-event-update-operation-status', schedulerEventType],
  ['scheduler-event-message', schedulerEventType],
  ['scheduler-event-failure-agent', schedulerEventType],
  ['scheduler-event-failure-executor', schedulerEventType],
  ['scheduler-event-error', schedulerEventType],
  ['executor-call-update', executorCallType],
  ['executor-event-acknowledged', executorEventType],
  ['executor-event-launch-group', executorEventType],
  ['task-info-check', taskInfoType],
];

/** Every message of an operator API that is implemented: JSON as a list, protobuf as RecordIO. */
const GOLDEN_LISTS: readonly [name: string, type: MessageType<object>][] = [
  ['master-calls', masterCallType],
  ['master-responses', masterResponseType],
  ['master-events', masterEventType],
  ['agent-calls', agentCallType],
  ['agent-responses', agentResponseType],
];

/** The bytes were written by another encoder, from a list of upstream's field numbers. */
const read = (file: string): Buffer => readFileSync(new URL(`../../../../fixtures/wire/${file}`, import.meta.url));

/** What becomes of a message on every way through the codec, and what should. */
function everyWay(
  type: MessageType<object>,
  json: Uint8Array,
  protobuf: Uint8Array,
): { readonly actual: unknown; readonly expected: unknown } {
  const message = decode(type, json, 'application/json');
  const parsed: unknown = JSON.parse(Buffer.from(json).toString());
  return {
    actual: {
      fromProtobuf: decode(type, protobuf, 'application/x-protobuf'),
      fromParsed: fromJson(type, parsed),
      asProtobuf: Buffer.from(encode(type, message, 'application/x-protobuf')).toString('hex'),
      asJson: JSON.parse(Buffer.from(encode(type, message, 'application/json')).toString()),
    },
    expected: {
      fromProtobuf: message,
      fromParsed: message,
      asProtobuf: Buffer.from(protobuf).toString('hex'),
      asJson: parsed,
    },
  };
}

/** A call that is not has an opaque body; a response or an event that is not has none. */
function isImplemented({ reflected }: MessageType<object>, type: string): boolean {
  const body = reflected.fields[type.toLowerCase()];
  if (body === undefined) return type === 'HEARTBEAT' || (reflected.name === 'Call' && type !== 'UNKNOWN');
  return body.resolvedType?.name !== 'NotImplemented';
}

describe('golden messages', () => {
  it.each(GOLDEN)('%s is the same in both content types', (name, type) => {
    const { actual, expected } = everyWay(type, read(`${name}.json`), read(`${name}.pb`));
    expect(actual).toEqual(expected);
  });

  it.each(GOLDEN_LISTS)('%s are the same in both content types, and none is missing', (name, type) => {
    // The fixture is a list of messages.
    const messages = JSON.parse(read(`${name}.json`).toString()) as { type: string }[];
    const records = new RecordDecoder().push(read(`${name}.pb`));
    expect(records.length).toBe(messages.length);
    for (const [index, record] of records.entries()) {
      const { actual, expected } = everyWay(type, Buffer.from(JSON.stringify(messages[index])), record);
      expect(actual).toEqual(expected);
    }
    const types = Object.keys(type.reflected.getEnum('Type')).filter((one) => isImplemented(type, one));
    expect(messages.map((message) => message.type).toSorted()).toEqual(types.toSorted());
  });

  it.each([
    ['call', schedulerCallType],
    ['event', schedulerEventType],
  ])('are there for every type of scheduler %s', (kind, { reflected }) => {
    const types = Object.keys(reflected.lookupEnum('Type').values).filter((type) => type !== 'UNKNOWN');
    const names = GOLDEN.map(([name]) => name).filter((name) => name.startsWith(`scheduler-${kind}-`));
    const golden = names.map((name): string => JSON.parse(read(`${name}.json`).toString()).type);
    expect([...new Set(golden)].toSorted()).toEqual(types.toSorted());
  });
});

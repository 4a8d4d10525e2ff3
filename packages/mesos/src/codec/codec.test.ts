import { describe, expect, it } from 'vitest';
import type { SchedulerCall } from '../scheduler/messages.ts';
import { DecodeError, decode, encode, type ContentType } from './codec.ts';
import { schedulerCallType } from './schema.ts';

const accept: SchedulerCall = {
  framework_id: { value: 'F' },
  type: 'ACCEPT',
  accept: {
    offer_ids: [{ value: 'O' }],
    operations: [
      {
        type: 'LAUNCH',
        launch: {
          task_infos: [
            {
              name: 'test',
              task_id: { value: 'test' },
              agent_id: { value: 'S' },
              data: Buffer.from([0, 255]),
              kill_policy: { grace_period: { nanoseconds: 5_000_000_000 } },
              limits: { cpus: { value: 0.5 } },
              container: {
                type: 'MESOS',
                volumes: [
                  {
                    mode: 'RO',
                    container_path: '/data',
                    source: {
                      type: 'DOCKER_VOLUME',
                      docker_volume: { name: 'v', driver_options: { parameter: [{ key: 'a', value: '1' }] } },
                    },
                  },
                ],
              },
            },
          ],
        },
      },
    ],
  },
};

const json = (text: string): SchedulerCall => decode(schedulerCallType, Buffer.from(text), 'application/json');

describe('codec', () => {
  it.each<ContentType>(['application/json', 'application/x-protobuf'])('keeps a call through %s', (contentType) => {
    const body = encode(schedulerCallType, accept, contentType);
    expect(decode(schedulerCallType, body, contentType)).toEqual(accept);
  });

  it('ignores unknown fields and leaves defaults unset', () => {
    expect(json('{"type":"DECLINE","decline":{"offer_ids":[],"filters":{}},"later":1}')).toEqual({
      type: 'DECLINE',
      decline: { filters: {} },
    });
  });

  it('reads a number in quotes', () => {
    expect(json('{"decline":{"offer_ids":[],"filters":{"refuse_seconds":"1.5"}}}')).toEqual({
      decline: { filters: { refuse_seconds: 1.5 } },
    });
  });

  it.each([
    ['{"decline":{"filters":{"refuse_seconds":"x"}}}', "Not expecting a JSON string for field 'refuse_seconds'"],
    ['{"subscribe":{"framework_info":{"user":"u"}}}', 'Missing required fields: subscribe.framework_info.name'],
    ['[]', 'Expecting a JSON object'],
    ['{"type":null}', 'Not expecting a JSON null'],
    ['{"kill":"x"}', "Not expecting a JSON string for field 'kill'"],
  ])('refuses %s', (text, why) => {
    expect(() => json(text)).toThrow(new DecodeError(`Failed to convert JSON into Call protobuf: ${why}`));
  });

  it('refuses bytes that are no protobuf', () => {
    expect(() => decode(schedulerCallType, Buffer.from([0xff]), 'application/x-protobuf')).toThrow(
      new DecodeError('Failed to parse body into Call protobuf'),
    );
  });
});

import { describe, expect, it } from 'vitest';
import { encode, type ContentType } from '../codec/codec.ts';
import { schedulerCallType, schedulerEventType } from '../codec/schema.ts';
import { acceptedContentType, readCall } from '../http/content-negotiation.ts';
import { StreamLostError } from '../http/record-client.ts';
import type { RecordStream } from '../http/record-stream.ts';
import { HttpError, acceptedReply, streamReply } from '../http/reply.ts';
import { startHttpService } from '../http/service.ts';
import type { SchedulerCall, SchedulerEvent } from './messages.ts';
import { subscribe } from './scheduler-client.ts';

const frameworkInfo = { user: 'root', name: 'test' };
const rescind: SchedulerEvent = { type: 'RESCIND', rescind: { offer_id: { value: 'O' } } };
const subscribed: SchedulerEvent = {
  type: 'SUBSCRIBED',
  subscribed: { framework_id: { value: 'F' }, heartbeat_interval_seconds: 15 },
};

const streams: RecordStream[] = [];

describe('subscribe, with the HTTP service on the other side', () => {
  it.each<ContentType>(['application/json', 'application/x-protobuf'])(
    'exchanges events and calls in %s',
    async (type) => {
      const calls: SchedulerCall[] = [];
      await using service = await startHttpService({
        port: 0,
        prefix: 'master',
        routes: [
          {
            method: 'POST',
            path: '/api/v1/scheduler',
            handle: (request) => {
              const call = readCall(request, schedulerCallType);
              calls.push(call);
              if (call.type !== 'SUBSCRIBE') {
                if (request.headers['mesos-stream-id'] !== 'stream') throw new HttpError(400, 'stream id');
                return acceptedReply();
              }
              const contentType = acceptedContentType(request);
              expect(contentType).toBe(type);
              return streamReply({
                contentType,
                streamId: 'stream',
                open: (stream) => {
                  for (const event of [subscribed, rescind])
                    stream.send(encode(schedulerEventType, event, contentType));
                  stream.end();
                },
              });
            },
          },
        ],
      });
      const master = `127.0.0.1:${service.port}`;
      const info = { ...frameworkInfo, id: { value: 'F' } };
      await using subscription = await subscribe({
        master,
        frameworkInfo: info,
        suppressedRoles: ['*'],
        contentType: type,
      });
      expect(subscription.subscribed).toEqual(subscribed.subscribed);
      const events: SchedulerEvent[] = [];
      for await (const event of subscription.events()) events.push(event);
      expect(events).toEqual([rescind]);
      const uuid = Buffer.alloc(16, 1);
      const acknowledge = { agent_id: { value: 'S' }, task_id: { value: 't' }, uuid };
      await subscription.send({ type: 'ACKNOWLEDGE', acknowledge });
      expect(calls).toEqual([
        { type: 'SUBSCRIBE', framework_id: info.id, subscribe: { framework_info: info, suppressed_roles: ['*'] } },
        { type: 'ACKNOWLEDGE', framework_id: info.id, acknowledge },
      ]);
    },
  );

  it('loses the stream when the connection breaks', async () => {
    await using service = await startHttpService({
      port: 0,
      prefix: 'master',
      // The first record that does not go out at once breaks the connection.
      stream: { bufferedBytesMax: 0 },
      routes: [
        {
          method: 'POST',
          path: '/api/v1/scheduler',
          handle: (request) => {
            const contentType = acceptedContentType(request);
            return streamReply({
              contentType,
              open: (stream) => {
                stream.send(encode(schedulerEventType, subscribed, contentType));
                streams.push(stream);
              },
            });
          },
        },
      ],
    });
    await using subscription = await subscribe({ master: `127.0.0.1:${service.port}`, frameworkInfo });
    const next = subscription.events().next();
    while (streams[0]?.send(Buffer.alloc(1024 * 1024)) === true);
    await expect(next).rejects.toThrow(StreamLostError);
    await expect(next).rejects.toThrow('other side closed');
  });
});

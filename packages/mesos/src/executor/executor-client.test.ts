import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ContentType } from '../codec/codec.ts';
import { executorCallType, executorEventType } from '../codec/schema.ts';
import { acceptedContentType, readCall } from '../http/content-negotiation.ts';
import { EventChannel } from '../http/event-channel.ts';
import { HttpError, acceptedReply } from '../http/reply.ts';
import { startHttpService, type StartedHttpService } from '../http/service.ts';
import { connectExecutor, type ConnectExecutorOptions } from './executor-client.ts';
import type { ExecutorCall, ExecutorEvent } from './messages.ts';

const uuid = Buffer.alloc(16, 1);
const status = { task_id: { value: 't' }, state: 'TASK_RUNNING' as const, source: 'SOURCE_EXECUTOR' as const, uuid };
const task = { name: 't', task_id: { value: 't' }, agent_id: { value: 'S' } };
const ids = { frameworkId: { value: 'F' }, executorId: { value: 'e' } };

let service: StartedHttpService;
let calls: ExecutorCall[];
let options: ConnectExecutorOptions;
beforeEach(async () => {
  calls = [];
  service = await startHttpService({
    port: 0,
    prefix: 'slave(1)',
    routes: [
      {
        method: 'POST',
        path: '/api/v1/executor',
        handle: (request) => {
          const call = readCall(request, executorCallType);
          calls.push(call);
          if (call.executor_id.value !== 'e') throw new HttpError(400, 'Executor cannot be found');
          if (call.type !== 'SUBSCRIBE') return acceptedReply();
          const contentType = acceptedContentType(request);
          const channel = new EventChannel<ExecutorEvent>({ type: executorEventType, contentType });
          channel.send({ type: 'LAUNCH', launch: { task } });
          channel.send({ type: 'HEARTBEAT' });
          channel.send({ type: 'ACKNOWLEDGED', acknowledged: { task_id: task.task_id, uuid } });
          channel.end();
          return channel.reply({ event: { type: 'HEARTBEAT' }, intervalMs: 60_000, isLate: false });
        },
      },
    ],
  });
  options = { agent: `127.0.0.1:${service.port}`, ...ids };
});
afterEach(async () => {
  await service.stop();
});

describe('connectExecutor', () => {
  it.each<ContentType>(['application/json', 'application/x-protobuf'])(
    'says what is not acknowledged, hears events but heartbeats, and sends calls in %s',
    async (contentType) => {
      const known = { unacknowledgedTasks: [task], unacknowledgedUpdates: [status] };
      await using connection = await connectExecutor({ ...options, contentType, ...known });
      const heard: ExecutorEvent[] = [];
      for await (const event of connection.events()) heard.push(event);
      expect(heard.map(({ type }) => type)).toEqual(['LAUNCH', 'ACKNOWLEDGED']);
      await connection.send({ type: 'UPDATE', update: { status } });
      const of = { framework_id: ids.frameworkId, executor_id: ids.executorId };
      const subscribe = { unacknowledged_tasks: [task], unacknowledged_updates: [{ status }] };
      expect(calls).toMatchObject([
        { ...of, type: 'SUBSCRIBE', subscribe },
        { ...of, type: 'UPDATE', update: { status } },
      ]);
    },
  );

  it('tells why the agent does not take it', async () => {
    await expect(connectExecutor({ ...options, executorId: { value: 'other' } })).rejects.toMatchObject({
      code: 'PEER_REFUSED',
      status: 400,
      body: 'Executor cannot be found',
    });
    await service.stop();
    await expect(connectExecutor(options)).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
  });
});

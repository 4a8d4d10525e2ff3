import { waitUntil } from '@drydock/base/wait-until';
import { describe, expect, it } from 'vitest';
import { encode } from '../codec/codec.ts';
import { agentApiCallType, agentApiEventType } from '../codec/schema.ts';
import { acceptedContentType, readCall } from '../http/content-negotiation.ts';
import type { RecordStream } from '../http/record-stream.ts';
import { acceptedReply, streamReply } from '../http/reply.ts';
import { startHttpService, type HttpRoute } from '../http/service.ts';
import { startAgentLink } from './agent-link.ts';
import type { AgentApiCall, AgentApiEvent } from './messages.ts';

/** The least that a master has to do, over real HTTP. */
class ScriptedMaster {
  readonly calls: { call: AgentApiCall; streamId: string | undefined }[] = [];
  readonly streams: RecordStream[] = [];

  readonly route: HttpRoute = {
    method: 'POST',
    path: '/api/v1/agent-link',
    handle: (request) => {
      const call = readCall(request, agentApiCallType);
      const streamId = request.headers['mesos-stream-id'];
      this.calls.push({ call, streamId: typeof streamId === 'string' ? streamId : undefined });
      if (call.type !== 'REGISTER') return acceptedReply();
      return streamReply({
        contentType: acceptedContentType(request),
        streamId: `stream-${this.streams.length}`,
        open: (stream) => {
          this.streams.push(stream);
          const registered = {
            agent_id: { value: 'S0' },
            master_info: { id: 'M', ip: 0, port: 5050 },
            heartbeat_interval_seconds: 15,
          };
          this.send({ type: 'REGISTERED', registered });
        },
      });
    },
  };

  send(event: AgentApiEvent): void {
    this.streams.at(-1)?.send(encode(agentApiEventType, event, 'application/x-protobuf'));
  }
}

const registration = { agent_info: { hostname: 'h' }, version: '1.12.0', pid: 'slave(1)@127.0.0.1:1' };
const kill: AgentApiEvent = {
  type: 'KILL_TASK',
  kill_task: { framework_id: { value: 'F' }, task_id: { value: 't' } },
};

describe('AgentLink', () => {
  it('delivers events in order and sends calls under its agent id and stream id', async () => {
    const master = new ScriptedMaster();
    await using service = await startHttpService({ port: 0, prefix: 'master', routes: [master.route] });
    const events: AgentApiEvent[] = [];
    await using link = startAgentLink({
      master: `127.0.0.1:${service.port}`,
      registration: () => registration,
      onRegistered: () => undefined,
      onEvent: (event) => void events.push(event),
    });
    expect(await link.registered).toEqual({ value: 'S0' });
    master.send(kill);
    await waitUntil(() => events.length === 1, { what: 'the event' });
    expect(events).toEqual([kill]);
    await waitUntil(() => link.state === 'registered', { what: 'the link to be up' });
    await link.send({ type: 'UNREGISTER' });
    expect(master.calls.at(-1)).toEqual({
      call: { type: 'UNREGISTER', agent_id: { value: 'S0' } },
      streamId: 'stream-0',
    });
  });

  it('registers again when the stream is lost', async () => {
    const master = new ScriptedMaster();
    await using service = await startHttpService({ port: 0, prefix: 'master', routes: [master.route] });
    await using link = startAgentLink({
      master: `127.0.0.1:${service.port}`,
      registration: () => registration,
      onRegistered: () => undefined,
      onEvent: () => undefined,
      backoffMsMin: 1,
    });
    await link.registered;
    master.streams[0]?.end();
    await waitUntil(() => master.streams.length === 2, { what: 'a second registration' });
    expect(master.calls.map(({ call }) => call.type)).toEqual(['REGISTER', 'REGISTER']);
  });

  it('answers pings by itself', async () => {
    const master = new ScriptedMaster();
    await using service = await startHttpService({ port: 0, prefix: 'master', routes: [master.route] });
    await using link = startAgentLink({
      master: `127.0.0.1:${service.port}`,
      registration: () => registration,
      onRegistered: () => undefined,
      onEvent: () => expect.fail('a ping is not for the agent'),
    });
    await link.registered;
    await waitUntil(() => link.state === 'registered', { what: 'the link to be up' });
    master.send({ type: 'PING' });
    await waitUntil(() => master.calls.length === 2, { what: 'the answer' });
    expect(master.calls[1]).toEqual({ call: { type: 'PONG', agent_id: { value: 'S0' } }, streamId: 'stream-0' });
  });
});

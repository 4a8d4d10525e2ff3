import { waitUntil } from '@drydock/base/wait-until';
import { encode, executorCallType, type ExecutorCall } from '@drydock/mesos';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ScriptedExecutor } from '../testing/scripted-executor.ts';
import { startScriptedWorld, type ScriptedWorld } from '../testing/scripted-world.ts';

let world: ScriptedWorld;
beforeAll(async () => {
  world = await startScriptedWorld();
  const task = { name: 't', task_id: { value: 't' }, agent_id: { value: 'S0' } };
  const frameworkInfo = { user: 'root', name: 'f', id: { value: 'F' } };
  for (const id of ['e', 'silent']) {
    const executor = { executor_id: { value: id }, command: { value: 'x' } };
    const one = { ...task, task_id: { value: id }, executor };
    world.master.send({ type: 'RUN_TASK', run_task: { framework_info: frameworkInfo, task: one } });
  }
  world.master.runTask('command');
  await waitUntil(() => world.containerizer.containers.length === 3, { what: 'the executors to be launched' });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const JSON_TYPE = 'application/json';
const PROTOBUF_TYPE = 'application/x-protobuf';
type Json = Record<string, unknown>;
const post = async (
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
  path = '/api/v1/executor',
): Promise<Response> => await fetch(`http://${world.address}${path}`, { method: 'POST', body, headers });
/** Of the executor `e`. */
const aCall = (fields: Json): Json => ({ framework_id: { value: 'F' }, executor_id: { value: 'e' }, ...fields });
const postJson = async (fields: Json, headers: Record<string, string> = {}): Promise<Response> =>
  await post(JSON.stringify(aCall(fields)), { 'Content-Type': JSON_TYPE, ...headers });
const uuid = Buffer.alloc(16, 1).toString('base64');
const anUpdate = (fields: Json): Json => ({
  type: 'UPDATE',
  update: { status: { task_id: { value: 't' }, state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR', uuid, ...fields } },
});

describe('POST /api/v1/executor', () => {
  it.each<[number, string, string | Uint8Array<ArrayBuffer>, Record<string, string>]>([
    [400, "Expecting 'Content-Type' to be present", new Uint8Array(), {}],
    [415, "Expecting 'Content-Type' of application/json or application/x-protobuf", 'x', { 'Content-Type': 'text/x' }],
    [400, 'Failed to parse body into Call protobuf', 'x', { 'Content-Type': PROTOBUF_TYPE }],
    [400, 'Failed to parse body into JSON: ', '{', { 'Content-Type': JSON_TYPE }],
    [413, 'Expecting a call of at most 16711680 bytes', new Uint8Array(16_711_681), { 'Content-Type': JSON_TYPE }],
    [400, 'Failed to convert JSON into Call protobuf: ', '{}', { 'Content-Type': JSON_TYPE }],
  ])('answers %i %s', async (status, text, body, headers) => {
    const response = await post(body, headers);
    expect({ status: response.status, text: await response.text() }).toEqual({
      status,
      text: expect.stringContaining(text) as string,
    });
  });

  it.each<[number, string, Json, Record<string, string>?]>([
    [400, "Failed to validate Executor::Call: Expecting 'type' to be present", {}],
    [400, "Failed to validate Executor::Call: Expecting 'subscribe' to be present", { type: 'SUBSCRIBE' }],
    [400, "Failed to validate Executor::Call: Expecting 'update' to be present", { type: 'UPDATE' }],
    [400, "Failed to validate Executor::Call: Expecting 'message' to be present", { type: 'MESSAGE' }],
    [400, "Failed to validate Executor::Call: Expecting 'uuid' to be present", anUpdate({ uuid: undefined })],
    [400, 'Failed to validate Executor::Call: Not a valid UUID', anUpdate({ uuid: 'AAAA' })],
    [
      400,
      'Failed to validate Executor::Call: ExecutorID in Call: e does not match ExecutorID in TaskStatus: o',
      anUpdate({ executor_id: { value: 'o' } }),
    ],
    [
      400,
      "Failed to validate Executor::Call: Received Call from executor e of framework F with invalid source, expecting 'SOURCE_EXECUTOR'",
      anUpdate({ source: 'SOURCE_AGENT' }),
    ],
    [
      400,
      'Failed to validate Executor::Call: Received TASK_STAGING from executor e of framework F which is not allowed',
      anUpdate({ state: 'TASK_STAGING' }),
    ],
    [
      400,
      "Failed to validate Executor::Call: Expecting 'uuid' to be present",
      { type: 'SUBSCRIBE', subscribe: { unacknowledged_updates: [anUpdate({ uuid: undefined })['update']] } },
    ],
    [
      406,
      "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
      { type: 'SUBSCRIBE', subscribe: {} },
      { Accept: 'text/plain' },
    ],
    [400, 'Framework cannot be found', { framework_id: { value: 'other' }, type: 'SUBSCRIBE', subscribe: {} }],
    [400, 'Executor cannot be found', { executor_id: { value: 'other' }, type: 'SUBSCRIBE', subscribe: {} }],
    // The agent hosts it, so nobody can be it.
    [400, 'Executor cannot be found', { executor_id: { value: 'command' }, type: 'SUBSCRIBE', subscribe: {} }],
    [403, 'Executor is not subscribed', { executor_id: { value: 'silent' }, type: 'HEARTBEAT' }],
  ])('answers %i %s', async (status, text, fields, headers) => {
    const response = await postJson(fields, headers);
    expect({ status: response.status, text: await response.text() }).toEqual({ status, text });
  });

  it('answers 405 and what is allowed to other methods', async () => {
    const response = await fetch(`http://${world.address}/api/v1/executor`);
    expect([response.status, response.headers.get('Allow')]).toEqual([405, 'POST']);
  });

  it('answers the calls of a subscribed executor, with and without the prefix, in both content types', async () => {
    await using _executor = await ScriptedExecutor.connect(world.address);
    for (const path of ['/api/v1/executor', '/slave(1)/api/v1/executor']) {
      const heartbeat = aCall({ type: 'HEARTBEAT' });
      const asJson = await post(JSON.stringify(heartbeat), { 'Content-Type': JSON_TYPE }, path);
      const bytes = Buffer.from(encode(executorCallType, heartbeat as unknown as ExecutorCall, PROTOBUF_TYPE));
      const asProtobuf = await post(bytes, { 'Content-Type': PROTOBUF_TYPE }, path);
      expect([asJson.status, await asJson.text(), asProtobuf.status]).toEqual([202, '', 202]);
    }
    expect((await postJson(anUpdate({}))).status).toBe(202);
    expect((await postJson({ type: 'MESSAGE', message: { data: '' } })).status).toBe(202);
    expect((await postJson({ type: 'UNKNOWN' })).status).toBe(501);
  });

  it('opens a stream of RecordIO in the type that is accepted, without an id', async () => {
    const closing = new AbortController();
    const response = await fetch(`http://${world.address}/api/v1/executor`, {
      method: 'POST',
      headers: { 'Content-Type': JSON_TYPE, Accept: JSON_TYPE },
      body: JSON.stringify(aCall({ type: 'SUBSCRIBE', subscribe: {} })),
      signal: closing.signal,
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toBe(JSON_TYPE);
    expect(response.headers.get('Mesos-Stream-Id')).toBeNull();
    const first = await response.body?.getReader().read();
    expect(Buffer.from(first?.value ?? []).toString()).toMatch(/^\d+\n\{.*"type":"SUBSCRIBED"/);
    closing.abort();
  });

  it('replaces the stream of an executor that subscribes again', async () => {
    await using first = await ScriptedExecutor.connect(world.address);
    await using second = await ScriptedExecutor.connect(world.address);
    await first.ended();
    await second.next('SUBSCRIBED');
    expect(first.events.map(({ type }) => type)).toEqual(['SUBSCRIBED']);
  });
});

import { encode, schedulerCallType, type ContentType, type SchedulerCall } from '@drydock/mesos';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { post, ScriptedAgent, ScriptedFramework, serveMaster, type ServedMaster } from '../testing/scripted-peers.ts';

const CONTENT_TYPES: readonly ContentType[] = ['application/json', 'application/x-protobuf'];

let stack: AsyncDisposableStack;
let served: ServedMaster;
let framework: ScriptedFramework;
beforeAll(async () => {
  stack = new AsyncDisposableStack();
  served = stack.use(await serveMaster());
  framework = stack.use(await ScriptedFramework.subscribe(served.address));
  stack.use(await ScriptedAgent.register(served.address));
});
afterAll(async () => {
  await stack.disposeAsync();
});

async function send(call: SchedulerCall, contentType: ContentType, accept: string = contentType): Promise<Response> {
  return await fetch(`http://${served.address}/api/v1/scheduler`, {
    method: 'POST',
    headers: { 'Content-Type': contentType, Accept: accept, 'Mesos-Stream-Id': framework.streamId },
    body: Buffer.from(encode(schedulerCallType, { framework_id: framework.id, ...call }, contentType)),
  });
}

const none = { value: 'none' };
const uuid = Buffer.alloc(16, 7);

/** One of each type, in the least form that makes sense. */
const CALLS: readonly SchedulerCall[] = [
  { type: 'ACCEPT', accept: {} },
  { type: 'DECLINE', decline: {} },
  { type: 'ACCEPT_INVERSE_OFFERS', accept_inverse_offers: { inverse_offer_ids: [none] } },
  { type: 'DECLINE_INVERSE_OFFERS', decline_inverse_offers: {} },
  { type: 'REVIVE' },
  { type: 'REVIVE', revive: { roles: ['*'] } },
  { type: 'REVIVE', revive: { roles: ['not its own', '*'] } },
  { type: 'SUPPRESS' },
  { type: 'SUPPRESS', suppress: { roles: ['//'] } },
  { type: 'KILL', kill: { task_id: none } },
  { type: 'SHUTDOWN', shutdown: { executor_id: none, agent_id: none } },
  { type: 'ACKNOWLEDGE', acknowledge: { agent_id: none, task_id: none, uuid } },
  {
    type: 'ACKNOWLEDGE_OPERATION_STATUS',
    acknowledge_operation_status: { agent_id: none, uuid, operation_id: none },
  },
  { type: 'RECONCILE', reconcile: {} },
  { type: 'RECONCILE_OPERATIONS', reconcile_operations: {} },
  { type: 'MESSAGE', message: { agent_id: none, executor_id: none, data: Buffer.from('x') } },
  { type: 'REQUEST', request: { requests: [] } },
];

describe.each(CONTENT_TYPES)('a call in %s', (contentType) => {
  it.each(CALLS.map((call) => [call.type, call] as const))('%s is answered with 202 and nothing', async (_, call) => {
    const response = await send(call, contentType);
    expect([response.status, await response.text()]).toEqual([202, '']);
  });

  it('UPDATE_FRAMEWORK is answered with 200', async () => {
    const info = { user: 'root', name: 'renamed', id: framework.id };
    const response = await send({ type: 'UPDATE_FRAMEWORK', update_framework: { framework_info: info } }, contentType);
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(served.master.registry.frameworks.get(framework.id.value)?.info.name).toBe('renamed');
  });

  it('UNKNOWN is answered with 501', async () => {
    expect((await send({ type: 'UNKNOWN' }, contentType)).status).toBe(501);
  });

  it('RECONCILE_OPERATIONS has to accept one of the types, other calls need not', async () => {
    const reconcile = { type: 'RECONCILE_OPERATIONS', reconcile_operations: {} } as const;
    const refused = await send(reconcile, contentType, 'text/html');
    expect([refused.status, await refused.text()]).toEqual([
      406,
      "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
    ]);
    expect((await send({ type: 'REVIVE' }, contentType, 'text/html')).status).toBe(202);
  });

  it('opens a stream in the type that is accepted', async () => {
    const info = { user: 'root', name: 'f' };
    const response = await fetch(`http://${served.address}/master/api/v1/scheduler`, {
      method: 'POST',
      headers: { 'Content-Type': contentType, Accept: contentType },
      body: Buffer.from(
        encode(schedulerCallType, { type: 'SUBSCRIBE', subscribe: { framework_info: info } }, contentType),
      ),
    });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, contentType]);
    expect(response.headers.get('mesos-stream-id')).toMatch(/^[\da-f-]{36}$/);
    await response.body?.cancel();
  });
});

describe('a call without sense is answered with 400', () => {
  const id = { value: 'f' };
  it.each([
    ['no type', {}, "Expecting 'type' to be present"],
    ['SUBSCRIBE', { type: 'SUBSCRIBE' }, "Expecting 'subscribe' to be present"],
    [
      'SUBSCRIBE under two ids',
      { type: 'SUBSCRIBE', framework_id: id, subscribe: { framework_info: { user: 'u', name: 'n' } } },
      "'framework_id' differs from 'subscribe.framework_info.id'",
    ],
    ...CALLS.filter(({ type }) => type !== 'REVIVE' && type !== 'SUPPRESS').map(
      ({ type = 'UNKNOWN' }): [string, object, string] => [
        `${type} without a body`,
        { type, framework_id: id },
        `Expecting '${type.toLowerCase()}' to be present`,
      ],
    ),
    ...CALLS.map(({ type = 'UNKNOWN' }): [string, object, string] => [
      `${type} without a framework`,
      { type },
      "Expecting 'framework_id' to be present",
    ]),
    ['TEARDOWN without a framework', { type: 'TEARDOWN' }, "Expecting 'framework_id' to be present"],
    [
      'UPDATE_FRAMEWORK without a body',
      { type: 'UPDATE_FRAMEWORK', framework_id: id },
      "Expecting 'update_framework' to be present",
    ],
    [
      'UPDATE_FRAMEWORK of another',
      { type: 'UPDATE_FRAMEWORK', framework_id: id, update_framework: { framework_info: { user: 'u', name: 'n' } } },
      "'framework_id' differs from 'update_framework.framework_info.id'",
    ],
    [
      'ACKNOWLEDGE with half a uuid',
      {
        type: 'ACKNOWLEDGE',
        framework_id: id,
        acknowledge: { agent_id: id, task_id: id, uuid: Buffer.alloc(8).toString('base64') },
      },
      'Not a valid UUID',
    ],
    [
      'ACKNOWLEDGE_OPERATION_STATUS with half a uuid',
      {
        type: 'ACKNOWLEDGE_OPERATION_STATUS',
        framework_id: id,
        acknowledge_operation_status: { operation_id: id, uuid: '' },
      },
      'Not a valid UUID',
    ],
    [
      'ACKNOWLEDGE_OPERATION_STATUS without an agent',
      {
        type: 'ACKNOWLEDGE_OPERATION_STATUS',
        framework_id: id,
        acknowledge_operation_status: { operation_id: id, uuid: uuid.toString('base64') },
      },
      "Expecting 'agent_id' to be present",
    ],
  ])('%s', async (_, body, why) => {
    const response = await post(served.address, body);
    expect([response.status, await response.text()]).toEqual([400, `Failed to validate scheduler::Call: ${why}`]);
  });

  it('in the order of the checks: what is unknown comes after what is wrong', async () => {
    const call = { type: 'KILL', framework_id: { value: 'nobody' }, kill: { task_id: none } };
    const response = await post(served.address, call);
    expect([response.status, await response.text()]).toEqual([400, 'Framework cannot be found']);
  });
});

describe('UPDATE_FRAMEWORK', () => {
  it.each([
    [
      { role: '-x' },
      {},
      "Supplied FrameworkInfo is not valid: 'FrameworkInfo.role' is not a valid role: Role component '-x' is invalid because it starts with a dash",
    ],
    [{ principal: 'p' }, {}, "FrameworkInfo update is not valid: Changing framework's principal is not allowed."],
    [
      { user: 'other' },
      {},
      "FrameworkInfo update is not valid: Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'root' to 'other'",
    ],
    [
      { checkpoint: true },
      {},
      "FrameworkInfo update is not valid: Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from 'false' to 'true'",
    ],
    [
      {},
      { suppressed_roles: ['web'] },
      "'UpdateFramework' call is not valid: Suppressed roles { web } are not contained in the set of roles",
    ],
  ])('to %j with %j is refused', async (info, rest, text) => {
    const framework_info = { user: 'root', name: 'f', id: framework.id, ...info };
    const response = await framework.call({ type: 'UPDATE_FRAMEWORK', update_framework: { framework_info, ...rest } });
    expect([response.status, await response.text()]).toEqual([400, text]);
  });

  it('tells agents and observers, and rescinds the offers of roles that are given up', async () => {
    await using own = await serveMaster();
    await using multi = await ScriptedFramework.subscribe(own.address, {
      roles: ['web', 'db'],
      capabilities: [{ type: 'MULTI_ROLE' }],
    });
    await using peer = await ScriptedAgent.register(own.address);
    await multi.launch('t1');
    await peer.told('RUN_TASK');
    await multi.call({ type: 'REVIVE' });
    const seen = multi.events.length;
    const offer = (await multi.next('OFFERS', seen - 1)).offers.offers[0];
    const kept = offer.allocation_info.role === 'web' ? 'db' : 'web';
    const updates: (string | undefined)[] = [];
    using _ = own.master.events.observe({ frameworkUpdated: ({ info }) => void updates.push(info.webui_url) });
    const framework_info = {
      user: 'root',
      name: 'scripted',
      id: multi.id,
      roles: [kept],
      capabilities: [{ type: 'MULTI_ROLE' }],
      webui_url: 'http://ui',
    };
    await multi.call({ type: 'UPDATE_FRAMEWORK', update_framework: { framework_info } });
    expect((await multi.next('RESCIND')).rescind.offer_id).toEqual(offer.id);
    expect((await peer.told('UPDATE_FRAMEWORK')).update_framework?.framework_info).toMatchObject({ roles: [kept] });
    expect(updates).toEqual(['http://ui']);
    const again = (
      await multi.next(
        'OFFERS',
        multi.events.findIndex(({ type }) => type === 'RESCIND'),
      )
    ).offers.offers[0];
    expect(again.allocation_info).toEqual({ role: kept });
  });
});

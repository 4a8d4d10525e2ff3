import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { waitUntil } from '@drydock/base/wait-until';
import {
  decode,
  encode,
  masterCallType,
  masterEventType,
  masterResponseType,
  type MasterCall,
  type MasterEvent,
  type MasterResponse,
} from '@drydock/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedAgent, ScriptedFramework, serveMaster, type ServedMaster } from '../testing/scripted-peers.ts';
import { readRecords } from '../testing/read-records.ts';

const CONTENT_TYPES = ['application/json', 'application/x-protobuf'] as const;
type ContentType = (typeof CONTENT_TYPES)[number];

let stack: AsyncDisposableStack;
let served: ServedMaster;
let agent: ScriptedAgent;
let framework: ScriptedFramework;

/** An agent, and a framework in two roles with one running and one acknowledged, finished task. */
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  served = stack.use(await serveMaster());
  agent = stack.use(await ScriptedAgent.register(served.address));
  framework = stack.use(await ScriptedFramework.subscribe(served.address, { role: 'web' }));
  await framework.launch('ended', 'running');
  await agent.told('RUN_TASK');
  await agent.report(framework.id, 'ended', 'TASK_FINISHED');
  const { agent_id, task_id, uuid } = await framework.status('ended', 'TASK_FINISHED');
  await framework.call({ type: 'ACKNOWLEDGE', acknowledge: { agent_id, task_id, uuid } });
  await agent.report(framework.id, 'running', 'TASK_RUNNING');
  await framework.status('running', 'TASK_RUNNING');
  await waitUntil(() => served.master.registry.offers.size === 1, { what: 'an offer of the rest' });
});
afterEach(async () => {
  await stack.disposeAsync();
});

async function post(
  body: string | Uint8Array,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<Response> {
  const init = { method: 'POST', headers, body: Buffer.from(body), ...(signal === undefined ? {} : { signal }) };
  return await fetch(`http://${served.address}/api/v1`, init);
}

async function ask(call: MasterCall, contentType: ContentType = 'application/json'): Promise<MasterResponse> {
  const response = await post(encode(masterCallType, call, contentType), {
    'Content-Type': contentType,
    Accept: contentType,
  });
  const body = Buffer.from(await response.arrayBuffer());
  expect([call.type, response.status, response.headers.get('Content-Type')]).toEqual([call.type, 200, contentType]);
  return decode(masterResponseType, body, contentType);
}

const cpus = (value: number): unknown => expect.objectContaining({ name: 'cpus', scalar: { value } });
const time = { nanoseconds: expect.any(Number) };

describe('POST /api/v1 of the master', () => {
  const expected = (): readonly [call: MasterCall, body: object][] => {
    const ids = { framework_id: framework.id, agent_id: { value: agent.id } };
    const running = { task_id: { value: 'running' }, name: 'running', ...ids, state: 'TASK_RUNNING' };
    const ended = { task_id: { value: 'ended' }, name: 'ended', ...ids, state: 'TASK_FINISHED' };
    const tasks = {
      tasks: [expect.objectContaining({ ...running, status_update_state: 'TASK_RUNNING', resources: [cpus(1)] })],
      completed_tasks: [expect.objectContaining(ended)],
    };
    const agents = {
      agents: [
        {
          agent_info: expect.objectContaining({ hostname: 'agent-host', id: { value: agent.id }, port: 5051 }),
          active: true,
          deactivated: false,
          version: '1.12.0',
          pid: 'slave(1)@127.0.0.1:5051',
          registered_time: time,
          total_resources: [cpus(4), expect.objectContaining({ name: 'mem' })],
          allocated_resources: [cpus(1)],
          offered_resources: [cpus(3), expect.objectContaining({ name: 'mem' })],
        },
      ],
    };
    const frameworks = {
      frameworks: [
        {
          framework_info: expect.objectContaining({ user: 'root', name: 'scripted', role: 'web', id: framework.id }),
          active: true,
          connected: true,
          recovered: false,
          registered_time: time,
          offers: [expect.objectContaining({ framework_id: framework.id, agent_id: { value: agent.id } })],
          allocated_resources: [cpus(1)],
          offered_resources: [cpus(3), expect.objectContaining({ name: 'mem' })],
        },
      ],
    };
    const held = [cpus(4), expect.objectContaining({ name: 'mem' })];
    return [
      [{ type: 'GET_HEALTH' }, { get_health: { healthy: true } }],
      [{ type: 'GET_FLAGS' }, { get_flags: { flags: [{ name: 'cluster', value: 'test' }] } }],
      [{ type: 'GET_VERSION' }, { get_version: { version_info: { version: '1.12.0', build_user: 'builder' } } }],
      [
        { type: 'GET_METRICS', get_metrics: { timeout: { nanoseconds: 5_000_000_000 } } },
        { get_metrics: { metrics: expect.arrayContaining([{ name: 'master/tasks_running', value: 1 }]) } },
      ],
      [{ type: 'GET_LOGGING_LEVEL' }, { get_logging_level: { level: 0 } }],
      [
        { type: 'LIST_FILES', list_files: { path: '/here' } },
        {
          list_files: { file_infos: expect.arrayContaining([expect.objectContaining({ path: '/here/package.json' })]) },
        },
      ],
      [
        { type: 'READ_FILE', read_file: { path: '/here/package.json', offset: 0, length: 1 } },
        { read_file: { size: expect.any(Number), data: Buffer.from('{') } },
      ],
      [
        { type: 'READ_FILE', read_file: { path: '/here/package.json', offset: 1_000_000 } },
        { read_file: { size: expect.any(Number), data: Buffer.alloc(0) } },
      ],
      [
        { type: 'GET_STATE' },
        { get_state: { get_tasks: tasks, get_executors: {}, get_frameworks: frameworks, get_agents: agents } },
      ],
      [{ type: 'GET_AGENTS' }, { get_agents: agents }],
      [{ type: 'GET_FRAMEWORKS' }, { get_frameworks: frameworks }],
      [{ type: 'GET_TASKS' }, { get_tasks: tasks }],
      [{ type: 'GET_EXECUTORS' }, { get_executors: {} }],
      [{ type: 'GET_OPERATIONS' }, { get_operations: {} }],
      [
        { type: 'GET_ROLES' },
        {
          get_roles: {
            roles: [
              { name: '*', weight: 1 },
              { name: 'web', weight: 1, frameworks: [framework.id], resources: held },
            ],
          },
        },
      ],
      [
        { type: 'GET_MASTER' },
        {
          get_master: {
            master_info: expect.objectContaining({ id: served.master.id }),
            start_time: 1,
            elected_time: 1,
          },
        },
      ],
      [{ type: 'GET_WEIGHTS' }, { get_weights: {} }],
      [{ type: 'GET_QUOTA' }, { get_quota: { status: {} } }],
      [{ type: 'GET_MAINTENANCE_STATUS' }, { get_maintenance_status: { status: {} } }],
      [{ type: 'GET_MAINTENANCE_SCHEDULE' }, { get_maintenance_schedule: { schedule: {} } }],
    ];
  };

  it.each(CONTENT_TYPES)('answers every call as %s', async (contentType) => {
    for (const [call, body] of expected()) {
      expect(await ask(call, contentType)).toEqual({ type: call.type, ...body });
    }
  });

  it('sets the logging level for a while', async () => {
    const setLevel: MasterCall = {
      type: 'SET_LOGGING_LEVEL',
      set_logging_level: { level: 2, duration: { nanoseconds: 100_000_000 } },
    };
    const response = await post(JSON.stringify(setLevel), { 'Content-Type': 'application/json' });
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(await ask({ type: 'GET_LOGGING_LEVEL' })).toMatchObject({ get_logging_level: { level: 2 } });
    await waitUntil(async () => (await ask({ type: 'GET_LOGGING_LEVEL' })).get_logging_level?.level === 0, {
      what: 'the level to go back',
    });
  });

  it('tears a framework down', async () => {
    const call = JSON.stringify({ type: 'TEARDOWN', teardown: { framework_id: framework.id } });
    const response = await post(call, { 'Content-Type': 'application/json' });
    expect([response.status, await response.text()]).toEqual([200, '']);
    await agent.told('SHUTDOWN_FRAMEWORK');
    const { get_frameworks: answer } = await ask({ type: 'GET_FRAMEWORKS' });
    expect(answer?.completed_frameworks).toMatchObject([
      { framework_info: { id: framework.id }, active: false, unregistered_time: time },
    ]);
    const again = await post(call, { 'Content-Type': 'application/json' });
    expect([again.status, await again.text()]).toEqual([400, 'No framework found with specified ID']);
  });

  it('marks an agent gone, once and for all', async () => {
    const call = JSON.stringify({ type: 'MARK_AGENT_GONE', mark_agent_gone: { agent_id: { value: agent.id } } });
    for (let time = 0; time < 2; time += 1) {
      const response = await post(call, { 'Content-Type': 'application/json' });
      expect([response.status, await response.text()]).toEqual([200, '']);
    }
    await agent.told('SHUTDOWN');
    // The framework knows nothing of partitions.
    await framework.status('running', 'TASK_LOST');
    expect(await ask({ type: 'GET_AGENTS' })).toEqual({ type: 'GET_AGENTS', get_agents: {} });
  });

  const JSON_TYPE = { 'Content-Type': 'application/json' };
  it.each([
    [{}, '{}', 400, "Expecting 'Content-Type' to be present"],
    [
      { 'Content-Type': 'text/xml' },
      '{}',
      415,
      "Expecting 'Content-Type' of application/json or application/x-protobuf",
    ],
    [JSON_TYPE, '{', 400, expect.stringMatching(/^Failed to parse body into JSON: /)],
    [JSON_TYPE, '[]', 400, 'Failed to convert JSON into Call protobuf: Expecting a JSON object'],
    [{ 'Content-Type': 'application/x-protobuf' }, '{', 400, 'Failed to parse body into Call protobuf'],
    [
      { ...JSON_TYPE, Accept: 'text/html' },
      '{"type":"GET_STATE"}',
      406,
      "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
    ],
    [JSON_TYPE, '{}', 400, "Failed to validate master::Call: Expecting 'type' to be present"],
    [JSON_TYPE, '{"type":"NO_SUCH_CALL"}', 400, "Failed to validate master::Call: Expecting 'type' to be present"],
    [JSON_TYPE, '{"type":"UNKNOWN"}', 501, ''],
    ...['get_metrics', 'set_logging_level', 'list_files', 'read_file', 'teardown', 'mark_agent_gone', 'set_quota'].map(
      (body): [Record<string, string>, string, number, string] => [
        JSON_TYPE,
        JSON.stringify({ type: body.toUpperCase() }),
        400,
        `Failed to validate master::Call: Expecting '${body}' to be present`,
      ],
    ),
    [
      JSON_TYPE,
      '{"type":"READ_FILE","read_file":{"path":"/here"}}',
      400,
      'Failed to convert JSON into Call protobuf: Missing required fields: read_file.offset',
    ],
    [JSON_TYPE, '{"type":"READ_FILE","read_file":{"path":"/here","offset":0}}', 400, 'Cannot read a directory.\n'],
    [JSON_TYPE, '{"type":"READ_FILE","read_file":{"path":"/gone","offset":0}}', 404, ''],
    [JSON_TYPE, '{"type":"LIST_FILES","list_files":{"path":"/here/../.."}}', 404, ''],
    [JSON_TYPE, '{"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent_id":{"value":"S"}}}', 404, ''],
    [JSON_TYPE, '{"type":"UPDATE_QUOTA","update_quota":{"force":true}}', 501, 'Call UPDATE_QUOTA is not implemented'],
    [
      JSON_TYPE,
      '{"type":"DRAIN_AGENT","drain_agent":{"agent_id":{"value":"S"}}}',
      501,
      'Call DRAIN_AGENT is not implemented',
    ],
  ])('refuses %j %s with %i', async (headers, body, status, text) => {
    const response = await post(Buffer.from(body), headers);
    expect([response.status, await response.text()]).toEqual([status, text]);
  });

  it('takes no other method', async () => {
    const response = await fetch(`http://${served.address}/master/api/v1`);
    expect([response.status, response.headers.get('Allow')]).toEqual([405, 'POST']);
  });
});

describe('SUBSCRIBE of the operator API', () => {
  /** Events as they come; the stream ends with the test. */
  async function subscribe(contentType: ContentType): Promise<readonly MasterEvent[]> {
    const abort = new AbortController();
    stack.defer(() => abort.abort());
    const body = encode(masterCallType, { type: 'SUBSCRIBE' }, contentType);
    const response = await post(body, { 'Content-Type': contentType, Accept: contentType }, abort.signal);
    expect([response.status, response.headers.get('Content-Type')]).toEqual([200, contentType]);
    expect(response.headers.get('Mesos-Stream-Id')).toBeNull();
    const events: MasterEvent[] = [];
    void readRecords(response, (record) => void events.push(decode(masterEventType, record, contentType)));
    return events;
  }

  it.each(CONTENT_TYPES)('tells the state first, then every change of it, as %s', async (contentType) => {
    const events = await subscribe(contentType);
    await waitUntil(() => events.length === 2, { what: 'the first events' });
    const { get_state: state } = await ask({ type: 'GET_STATE' }, contentType);
    expect(events).toEqual([
      { type: 'SUBSCRIBED', subscribed: { get_state: state, heartbeat_interval_seconds: 15 } },
      { type: 'HEARTBEAT' },
    ]);

    // The offers of the second agent are for the other framework.
    await framework.call({ type: 'SUPPRESS' });
    const second = stack.use(await ScriptedAgent.register(served.address));
    const agentId = { value: second.id };
    const other = stack.use(await ScriptedFramework.subscribe(served.address, { failover_timeout: 60 }));
    await other.launch('task');
    await second.told('RUN_TASK');
    await second.report(other.id, 'task', 'TASK_RUNNING');
    await other.status('task', 'TASK_RUNNING');
    stack.use(await ScriptedFramework.subscribe(served.address, { id: other.id, failover_timeout: 60 }));
    served.master.frameworks.remove(recordOf(other.id.value));
    await second.link.send({ type: 'UNREGISTER' });
    // The agent comes back at once.
    await waitUntil(() => events.some(({ type }) => type === 'AGENT_REMOVED'), { what: 'the last event' });
    const { id } = other;
    expect(events.slice(2, 10)).toMatchObject([
      { type: 'AGENT_ADDED', agent_added: { agent: { agent_info: { id: agentId }, version: '1.12.0' } } },
      { type: 'FRAMEWORK_ADDED', framework_added: { framework: { framework_info: { id }, recovered: false } } },
      {
        type: 'TASK_ADDED',
        task_added: { task: { task_id: { value: 'task' }, framework_id: id, state: 'TASK_STAGING' } },
      },
      {
        type: 'TASK_UPDATED',
        task_updated: { framework_id: id, status: { task_id: { value: 'task' } }, state: 'TASK_RUNNING' },
      },
      { type: 'FRAMEWORK_UPDATED', framework_updated: { framework: { framework_info: { id } } } },
      { type: 'TASK_UPDATED', task_updated: { framework_id: id, state: 'TASK_KILLED' } },
      { type: 'FRAMEWORK_REMOVED', framework_removed: { framework_info: { id } } },
      { type: 'AGENT_REMOVED', agent_removed: { agent_id: agentId } },
    ]);
  });

  const recordOf = (id: string): Parameters<typeof served.master.frameworks.remove>[0] => {
    const record = served.master.registry.frameworks.get(id);
    if (record === undefined) throw new Error(`framework ${id} is not there`);
    return record;
  };

  it('cuts a peer off that does not read, and goes on for the others', async () => {
    const [host = '', port = ''] = served.address.split(':');
    const slow: Socket = connect(Number(port), host);
    stack.defer(() => void slow.destroy());
    slow.on('error', () => undefined);
    await once(slow, 'connect');
    const body = '{"type":"SUBSCRIBE"}';
    slow.write(
      `POST /api/v1 HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await once(slow, 'readable');
    slow.pause();
    const events = await subscribe('application/json');
    const [task] = [...served.master.registry.frameworks.values()].flatMap(({ tasks }) => [...tasks.values()]);
    if (task === undefined) throw new Error('the task is not there');
    const isGone = once(slow, 'close');
    const message = 'x'.repeat(1024 * 1024);
    // What the kernel takes for a peer that does not read is a matter of the machine: at most 32 MiB here.
    for (let sent = 0; sent < 48; sent += 1) {
      served.master.events.taskUpdated(
        task,
        { task_id: task.info.task_id, state: 'TASK_RUNNING', message },
        'TASK_RUNNING',
      );
      await waitUntil(() => events.length === 3 + sent, { what: `event ${sent}` });
    }
    slow.resume();
    await isGone;
    expect(events.length).toBe(50);
  });
});

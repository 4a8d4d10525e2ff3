import { waitUntil } from '@drydock/base/wait-until';
import { agentCallType, agentResponseType, decode, encode, type AgentCall, type AgentResponse } from '@drydock/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveAgent, type ServedAgent } from '../testing/served-agent.ts';

const CONTENT_TYPES = ['application/json', 'application/x-protobuf'] as const;
type ContentType = (typeof CONTENT_TYPES)[number];

let served: ServedAgent;

beforeEach(async () => {
  served = await serveAgent({ flags: { port: '5051' }, build: { build_user: 'builder' } });
});
afterEach(async () => {
  await served[Symbol.asyncDispose]();
});

async function post(body: string | Uint8Array, headers: Record<string, string>): Promise<Response> {
  return await fetch(`${served.address}/slave(1)/api/v1`, { method: 'POST', headers, body: Buffer.from(body) });
}

async function ask(call: AgentCall, contentType: ContentType = 'application/json'): Promise<AgentResponse> {
  const response = await post(encode(agentCallType, call, contentType), {
    'Content-Type': contentType,
    Accept: contentType,
  });
  const body = Buffer.from(await response.arrayBuffer());
  expect([call.type, response.status, response.headers.get('Content-Type')]).toEqual([call.type, 200, contentType]);
  return decode(agentResponseType, body, contentType);
}

const cpus = (value: number): unknown => expect.objectContaining({ name: 'cpus', scalar: { value } });
const NAME = "Command Executor (Task: t) (Command: sh -c 'sleep 100000...')";

describe('POST /api/v1 of the agent', () => {
  const expected = (): readonly [call: AgentCall, body: object][] => {
    const [run] = served.agent.activeRuns;
    const containerId = run?.containerId;
    const task = {
      name: 'one',
      task_id: { value: 't' },
      framework_id: { value: 'F' },
      agent_id: { value: 'S0' },
      state: 'TASK_RUNNING',
      resources: [cpus(0.5), expect.objectContaining({ name: 'mem' })],
      statuses: expect.arrayContaining([expect.objectContaining({ state: 'TASK_RUNNING' })]),
      status_update_state: 'TASK_RUNNING',
      status_update_uuid: expect.any(Uint8Array),
    };
    const executor = {
      executor_id: { value: 't' },
      framework_id: { value: 'F' },
      name: NAME,
      source: 't',
      resources: task.resources,
    };
    const tasks = { launched_tasks: [task] };
    const executors = { executors: [{ executor_info: executor }] };
    const frameworks = { frameworks: [{ framework_info: { user: 'root', name: 'f', id: { value: 'F' } } }] };
    const containers = {
      containers: [
        {
          framework_id: { value: 'F' },
          executor_id: { value: 't' },
          executor_name: NAME,
          container_id: containerId,
          container_status: { container_id: containerId, executor_pid: 4242 },
          resource_statistics: { timestamp: expect.any(Number), cpus_limit: 0.5, mem_limit_bytes: 32 * 1024 * 1024 },
        },
      ],
    };
    const path = '/frameworks/F/executors/t/runs/latest';
    return [
      [{ type: 'GET_HEALTH' }, { get_health: { healthy: true } }],
      [{ type: 'GET_FLAGS' }, { get_flags: { flags: [{ name: 'port', value: '5051' }] } }],
      [{ type: 'GET_VERSION' }, { get_version: { version_info: { version: '1.12.0', build_user: 'builder' } } }],
      [
        { type: 'GET_METRICS', get_metrics: {} },
        { get_metrics: { metrics: expect.arrayContaining([{ name: 'slave/tasks_running', value: 1 }]) } },
      ],
      [{ type: 'GET_LOGGING_LEVEL' }, { get_logging_level: { level: 0 } }],
      [
        { type: 'LIST_FILES', list_files: { path } },
        {
          list_files: {
            file_infos: ['stderr', 'stdout'].map((name) => ({
              path: `${path}/${name}`,
              nlink: 1,
              size: expect.any(Number),
              mtime: { nanoseconds: expect.any(Number) },
              mode: 0o100644,
              uid: expect.any(String),
              gid: expect.any(String),
            })),
          },
        },
      ],
      [
        { type: 'READ_FILE', read_file: { path: `${path}/stdout`, offset: 0, length: 8 } },
        { read_file: { size: expect.any(Number), data: Buffer.from('Received') } },
      ],
      [
        { type: 'GET_STATE' },
        { get_state: { get_tasks: tasks, get_executors: executors, get_frameworks: frameworks } },
      ],
      [{ type: 'GET_CONTAINERS' }, { get_containers: containers }],
      [
        { type: 'GET_CONTAINERS', get_containers: { show_nested: true, show_standalone: true } },
        { get_containers: containers },
      ],
      [{ type: 'GET_FRAMEWORKS' }, { get_frameworks: frameworks }],
      [{ type: 'GET_EXECUTORS' }, { get_executors: executors }],
      [{ type: 'GET_TASKS' }, { get_tasks: tasks }],
      [
        { type: 'GET_AGENT' },
        {
          get_agent: {
            agent_info: {
              hostname: 'h',
              port: expect.any(Number),
              id: { value: 'S0' },
              resources: expect.arrayContaining([cpus(1.5)]),
              attributes: expect.arrayContaining([{ name: 'disks', type: 'SET', set: { item: ['a', 'b'] } }]),
            },
          },
        },
      ],
      [{ type: 'GET_OPERATIONS' }, { get_operations: {} }],
      [{ type: 'GET_RESOURCE_PROVIDERS' }, { get_resource_providers: {} }],
    ];
  };

  it.each(CONTENT_TYPES)('answers every call as %s', async (contentType) => {
    for (const [call, body] of expected()) {
      expect(await ask(call, contentType)).toEqual({ type: call.type, ...body });
    }
  });

  it('shows a task that ended among the completed ones, and its container until it is cleaned up', async () => {
    served.endContainer();
    await waitUntil(async () => (await ask({ type: 'GET_TASKS' })).get_tasks?.completed_tasks !== undefined, {
      what: 'the end to be acknowledged',
    });
    expect(await ask({ type: 'GET_STATE' })).toMatchObject({
      get_state: {
        get_tasks: { completed_tasks: [{ task_id: { value: 't' }, state: 'TASK_FINISHED' }] },
        get_executors: { completed_executors: [{ executor_info: { name: NAME } }] },
        get_frameworks: { completed_frameworks: [{ framework_info: { name: 'f' } }] },
      },
    });
    expect((await ask({ type: 'GET_CONTAINERS' })).get_containers?.containers?.length).toBe(1);
    served.finishCleanUp();
    await waitUntil(() => served.agent.activeRuns.length === 0, { what: 'the container to be cleaned up' });
    expect(await ask({ type: 'GET_CONTAINERS' })).toEqual({ type: 'GET_CONTAINERS', get_containers: {} });
  });

  const JSON_TYPE = { 'Content-Type': 'application/json' };
  const NESTED = ['launch', 'wait', 'kill', 'remove'].flatMap((verb) => [
    `${verb}_nested_container`,
    `${verb}_container`,
  ]);
  const UNIMPLEMENTED = ['launch_nested_container_session', 'attach_container_input', 'attach_container_output'];
  it.each([
    [{}, '{}', 400, "Expecting 'Content-Type' to be present"],
    [JSON_TYPE, '{}', 400, "Failed to validate agent::Call: Expecting 'type' to be present"],
    [JSON_TYPE, '{"type":"UNKNOWN"}', 501, ''],
    [
      { ...JSON_TYPE, Accept: 'text/html' },
      '{"type":"GET_STATE"}',
      406,
      "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
    ],
    [JSON_TYPE, '{"type":"PRUNE_IMAGES"}', 501, 'Call PRUNE_IMAGES is not implemented'],
    [JSON_TYPE, '{"type":"READ_FILE","read_file":{"path":"/etc/passwd","offset":0}}', 404, ''],
    ...['read_file', 'list_files', 'set_logging_level', 'get_metrics', ...NESTED, ...UNIMPLEMENTED].map(
      (body): [Record<string, string>, string, number, string] => [
        JSON_TYPE,
        JSON.stringify({ type: body.toUpperCase() }),
        400,
        `Failed to validate agent::Call: Expecting '${body}' to be present`,
      ],
    ),
    [
      JSON_TYPE,
      JSON.stringify({ type: 'KILL_NESTED_CONTAINER', kill_nested_container: { container_id: { value: 'c' } } }),
      400,
      "Failed to validate agent::Call: Expecting 'kill_nested_container.container_id.parent' to be present",
    ],
    ...UNIMPLEMENTED.map((body): [Record<string, string>, string, number, string] => [
      JSON_TYPE,
      JSON.stringify({ type: body.toUpperCase(), [body]: {} }),
      501,
      `Call ${body.toUpperCase()} is not implemented`,
    ]),
    ...['launch', 'wait', 'kill', 'remove'].flatMap((verb) => {
      const text = {
        launch: 'Unable to locate executor for parent container p',
        wait: 'Container p/c cannot be found',
        kill: 'Container p/c cannot be found (or is already killed)',
        remove: 'Unable to locate executor for parent container p',
      }[verb];
      return [`${verb}_nested_container`, `${verb}_container`].map(
        (body): [Record<string, string>, string, number, string] => [
          JSON_TYPE,
          JSON.stringify({
            type: body.toUpperCase(),
            [body]: { container_id: { value: 'c', parent: { value: 'p' } } },
          }),
          404,
          text ?? '',
        ],
      );
    }),
    [
      JSON_TYPE,
      JSON.stringify({
        type: 'KILL_NESTED_CONTAINER',
        kill_nested_container: { container_id: { value: 'c', parent: { value: 'p' } }, signal: 1 },
      }),
      400,
      "Expecting 'signal' to be 9 or 15, got 1",
    ],
  ])('refuses %j %s with %i', async (headers, body, status, text) => {
    const response = await post(body, headers);
    expect([response.status, await response.text()]).toEqual([status, text]);
  });
});

/**
 * The endpoints of the agent and the fields of their objects, row by row: what upstream's web UI and scripts look for.
 * @see src/slave/http.cpp, src/webui
 */
import { waitUntil } from '@drydock/base/wait-until';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveAgent, type ServedAgent } from '../testing/served-agent.ts';

const FLAGS = { cgroups_root: `drydock-test-none-${process.pid}`, log_dir: '/var/log', external_log_file: '/journal' };
const BUILD = {
  build_date: '2026-01-02 03:04:05',
  build_time: 1_767_323_045,
  build_user: 'builder',
  git_sha: 'c0ffee',
  git_branch: 'main',
  git_tag: '1.12.0',
};
const VOLUME = {
  container_path: 'data',
  mode: 'RW' as const,
  source: { type: 'DOCKER_VOLUME' as const, docker_volume: { name: 'v' } },
};
const CONTAINER = { type: 'MESOS' as const, volumes: [VOLUME] };
const DISCOVERY = { visibility: 'CLUSTER' as const, name: 'service' };
const LABELS = [{ key: 'k', value: 'v' }];
const RUN = '/frameworks/F/executors/t/runs/latest';

let served: ServedAgent;
beforeAll(async () => {
  served = await serveAgent({
    flags: FLAGS,
    build: BUILD,
    framework: { role: 'web', principal: 'p', hostname: 'f', checkpoint: true, failover_timeout: 60 },
    task: {
      command: { value: 'sleep 1000000000', user: 'nobody' },
      container: CONTAINER,
      discovery: DISCOVERY,
      labels: { labels: LABELS },
    },
  });
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
});

async function request(path: string, init: RequestInit = {}): Promise<Response> {
  return await fetch(`${served.address}${path}`, init);
}

// oxlint-disable-next-line typescript/no-explicit-any -- answers are looked into, as parsed
async function get(path: string, from: ServedAgent = served): Promise<any> {
  return await (await fetch(`${from.address}${path}`)).json();
}

const amounts = (cpus: number, mem = 0, more = {}): object => ({ cpus, gpus: 0, mem, disk: 0, ...more });
const PORTS = { ports: '[31000-31001]' };
const NAME = "Command Executor (Task: t) (Command: sh -c 'sleep 100000...')";
const containerId = (): string => served.agent.activeRuns[0]?.containerId.value ?? '';

describe('endpoints of the agent', () => {
  it.each([
    '/state',
    '/flags',
    '/version',
    '/containers',
    '/monitor/statistics',
    '/containerizer/debug',
    '/metrics/snapshot',
    '/files/debug',
    `/files/browse?path=${RUN}`,
    `/files/read?path=${RUN}/stdout`,
  ])('GET %s answers with JSON, with and without prefix, and as JSONP', async (path) => {
    for (const prefix of ['', '/slave(1)']) {
      const plain = await request(`${prefix}${path}`);
      expect([plain.status, plain.headers.get('Content-Type')]).toEqual([200, 'application/json']);
      const value: unknown = await plain.json();
      const padded = await request(`${prefix}${path}${path.includes('?') ? '&' : '?'}jsonp=angular.callbacks._0`);
      expect([padded.status, padded.headers.get('Content-Type')]).toEqual([200, 'text/javascript']);
      const text = await padded.text();
      expect(text).toMatch(/^angular\.callbacks\._0\([[{].*[\]}]\)$/s);
      const inside: unknown = JSON.parse(text.slice('angular.callbacks._0('.length, -1));
      expect(Object.keys(inside ?? {})).toEqual(Object.keys(value ?? {}));
    }
  });

  it.each([
    ['GET', '/health', 200, ''],
    ['GET', '/logging/toggle', 200, '0\n'],
    ['GET', '/logging/toggle?level=1', 400, "Expecting 'duration=value' in query.\n"],
    ['GET', '/files/browse', 400, "Expecting 'path=value' in query.\n"],
    ['GET', '/files/read', 400, "Expecting 'path=value' in query.\n"],
    ['GET', '/files/download', 400, "Expecting 'path=value' in query.\n"],
    ['GET', `/files/read?path=${RUN}`, 400, 'Cannot read a directory.\n'],
    ['GET', `/files/download?path=${RUN}`, 400, 'Cannot download a directory.\n'],
    ['GET', `/files/read?path=${RUN}/stdout&offset=-2`, 400, 'Negative offset provided: -2.\n'],
    ['GET', `/files/read?path=${RUN}/none`, 404, ''],
    ['GET', '/files/read?path=/slave/log', 404, ''],
    ['GET', '/api/v1', 405, "Expecting one of { 'POST' }, but received 'GET'"],
  ])('%s %s is answered with %i', async (method, path, status, text) => {
    for (const prefix of ['', '/slave(1)']) {
      const response = await request(`${prefix}${path}`, { method });
      expect([response.status, await response.text()]).toEqual([status, text]);
    }
  });

  it('GET /files/download gives a file as it is', async () => {
    const response = await request(`/files/download?path=${RUN}/stdout`);
    expect(response.headers.get('Content-Type')).toBe('application/octet-stream');
    expect(await response.text()).toContain('Starting task t');
  });

  it('shows a sandbox under every name of it', async () => {
    const { agent } = served;
    const directory = `${agent.options.workDir}/slaves/S0/frameworks/F/executors/t/runs`;
    const run = `${directory}/${containerId()}`;
    expect(await get('/files/debug')).toEqual({
      [run]: run,
      [`${directory}/latest`]: run,
      [RUN]: run,
      [`/frameworks/F/executors/t/runs/${containerId()}`]: run,
    });
  });
});

describe('/state of the agent', () => {
  const task = (): Record<string, unknown> => ({
    id: 't',
    name: 'one',
    framework_id: 'F',
    executor_id: '',
    slave_id: 'S0',
    state: 'TASK_RUNNING',
    resources: amounts(0.5, 32),
    role: 'web',
    statuses: [
      {
        state: 'TASK_STARTING',
        timestamp: expect.any(Number),
        container_status: { container_id: { value: containerId() }, executor_pid: 4242 },
      },
      {
        state: 'TASK_RUNNING',
        timestamp: expect.any(Number),
        container_status: { container_id: { value: containerId() }, executor_pid: 4242 },
      },
    ],
    labels: LABELS,
    discovery: DISCOVERY,
    container: CONTAINER,
    user: 'nobody',
  });
  const executor = (): Record<string, unknown> => ({
    id: 't',
    name: NAME,
    source: 't',
    container: containerId(),
    directory: expect.stringMatching(/\/slaves\/S0\/frameworks\/F\/executors\/t\/runs\/[0-9a-f-]{36}$/),
    resources: amounts(0.5, 32),
    role: 'web',
    tasks: [task()],
    queued_tasks: [],
    completed_tasks: [],
  });
  const frameworkRow = (): Record<string, unknown> => ({
    id: 'F',
    name: 'f',
    user: 'root',
    failover_timeout: 60,
    checkpoint: true,
    hostname: 'f',
    principal: 'p',
    role: 'web',
    executors: [executor()],
    completed_executors: [],
  });
  const rows = (): readonly [field: string, expected: unknown][] => [
    ['version', '1.12.0'],
    ['build_date', BUILD.build_date],
    ['build_time', BUILD.build_time],
    ['build_user', BUILD.build_user],
    ['git_sha', BUILD.git_sha],
    ['git_branch', BUILD.git_branch],
    ['git_tag', BUILD.git_tag],
    ['start_time', 1],
    ['id', 'S0'],
    ['pid', served.agent.pid],
    ['hostname', 'h'],
    ['resources', amounts(2, 128, PORTS)],
    ['reserved_resources', { web: amounts(0.5) }],
    ['unreserved_resources', amounts(1.5, 128, PORTS)],
    ['attributes', { rack: 'r1', weight: 1.5, slots: '[1-3]', disks: '{a, b}' }],
    ['master_hostname', 'master-host'],
    ['log_dir', FLAGS.log_dir],
    ['external_log_file', FLAGS.external_log_file],
    ['flags', FLAGS],
    ['frameworks', [frameworkRow()]],
    ['completed_frameworks', []],
  ];

  it('has every field of the table, and no other', async () => {
    expect(await get('/slave(1)/state')).toEqual(Object.fromEntries(rows()));
  });

  it('shows the roles of a framework with several', async () => {
    await using other = await serveAgent({
      framework: { roles: ['db', 'web'], capabilities: [{ type: 'MULTI_ROLE' }] },
    });
    const { frameworks } = await get('/state', other);
    expect(frameworks[0]).toMatchObject({ roles: ['db', 'web'], executors: [{ role: 'db' }] });
    expect(frameworks[0]).not.toHaveProperty('role');
  });

  it('moves an executor whose task ended to the completed ones', async () => {
    await using other = await serveAgent();
    other.endContainer();
    other.finishCleanUp();
    await waitUntil(() => other.agent.completedFrameworks.length === 1, { what: 'the framework to be completed' });
    const { frameworks, completed_frameworks: completed } = await get('/state', other);
    expect(frameworks).toEqual([]);
    expect(completed[0].completed_executors).toMatchObject([
      { id: 't', tasks: [], queued_tasks: [], completed_tasks: [{ id: 't', state: 'TASK_FINISHED' }] },
    ]);
  });
});

describe('containers of the agent', () => {
  const ids = { framework_id: 'F', executor_id: 't', executor_name: NAME, source: 't' };
  const statistics = { timestamp: expect.any(Number), cpus_limit: 0.5, mem_limit_bytes: 32 * 1024 * 1024 };

  it.each([
    [
      '/containers',
      (): unknown => [
        {
          container_id: containerId(),
          ...ids,
          status: { container_id: { value: containerId() }, executor_pid: 4242 },
          statistics,
        },
      ],
    ],
    ['/monitor/statistics', (): unknown => [{ ...ids, statistics }]],
    ['/containerizer/debug', (): unknown => ({ pending: [] })],
  ])('%s has every field of the table, and no other', async (path, expected) => {
    expect(await get(`/slave(1)${path}`)).toEqual(expected());
  });

  it('are pending while they are cleaned up', async () => {
    await using other = await serveAgent();
    const [run] = other.agent.activeRuns;
    other.endContainer();
    await waitUntil(() => run?.tasks[0]?.state === 'TASK_FINISHED', { what: 'the task to end' });
    const pending = [{ operation: 'MesosContainerizer::destroy', args: { containerId: run?.containerId.value } }];
    expect(await get('/containerizer/debug', other)).toEqual({ pending });
  });
});

describe('what the web UI looks for at the agent', () => {
  it.each(['staging', 'starting', 'running', 'killing', 'finished', 'killed', 'failed', 'lost'])(
    'slave/tasks_%s in /metrics/snapshot',
    async (name) => {
      expect(await get('/metrics/snapshot')).toHaveProperty([`slave/tasks_${name}`], expect.any(Number));
    },
  );

  it('asks for the size of a log first, then for pages', async () => {
    const path = `path=${RUN}/stdout`;
    const { offset: size, data } = await get(`/files/read?${path}&offset=-1`);
    expect([size > 0, data]).toEqual([true, '']);
    const page = await get(`/files/read?${path}&offset=0&length=${size}`);
    expect([page.offset, Buffer.byteLength(page.data)]).toEqual([0, size]);
    expect(await get(`/files/read?${path}&offset=${size + 10}`)).toEqual({ offset: size + 10, data: '' });
  });
});

describe('counters of the agent', () => {
  it('do not fall when what they counted is forgotten', async () => {
    await using other = await serveAgent();
    other.endContainer();
    other.finishCleanUp();
    await waitUntil(() => other.agent.activeRuns.length === 0, { what: 'the container to be cleaned up' });
    await waitUntil(() => other.agent.completedFrameworks.length === 1, { what: 'the framework to be completed' });
    other.agent.completedFrameworks[0]?.completed.splice(0);
    expect(await get('/metrics/snapshot', other)).toMatchObject({
      'slave/tasks_finished': 1,
      'slave/executors_terminated': 1,
    });
  });
});

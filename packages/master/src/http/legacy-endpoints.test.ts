/**
 * The endpoints of the master and the fields of their objects, row by row: what upstream's web UI and scripts look for.
 * @see src/master/http.cpp, src/master/readonly_handler.cpp, src/webui
 */
import { waitUntil } from '@drydock/base/wait-until';
import { parseResources, type Attribute } from '@drydock/mesos';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ScriptedAgent, ScriptedFramework, serveMaster, type ServedMaster } from '../testing/scripted-peers.ts';

const FLAGS = { cluster: 'test', log_dir: '/var/log', external_log_file: '/var/log/journal', port: '0' };
const BUILD = {
  build_date: '2026-01-02 03:04:05',
  build_time: 1_767_323_045,
  build_user: 'builder',
  git_sha: 'c0ffee',
  git_branch: 'main',
  git_tag: '1.12.0',
};
const ATTRIBUTES: Attribute[] = [
  { name: 'rack', type: 'TEXT', text: { value: 'r1' } },
  { name: 'weight', type: 'SCALAR', scalar: { value: 1.5 } },
  {
    name: 'slots',
    type: 'RANGES',
    ranges: {
      range: [
        { begin: 1, end: 2 },
        { begin: 4, end: 4 },
      ],
    },
  },
  { name: 'disks', type: 'SET', set: { item: ['a', 'b'] } },
];
const VOLUME = { container_path: 'data', mode: 'RW', source: { type: 'DOCKER_VOLUME', docker_volume: { name: 'v' } } };
const CONTAINER = { type: 'MESOS', volumes: [VOLUME] };
const DISCOVERY = { visibility: 'CLUSTER', name: 'service' };
const LABELS = [{ key: 'k', value: 'v' }];

const stack = new AsyncDisposableStack();
let served: ServedMaster;
let agent: ScriptedAgent;
let framework: ScriptedFramework;

/** Agent and framework are there for the second time; of two tasks one has ended; a second framework was torn down. */
beforeAll(async () => {
  served = stack.use(await serveMaster({ facts: { flags: FLAGS, startTime: 1, build: BUILD } }));
  const info = {
    resources: parseResources('cpus:4;cpus(web):2;mem:1024;ports:[31000-32000]'),
    attributes: ATTRIBUTES,
  };
  const first = await ScriptedAgent.register(served.address, { info, pid: 'slave(1)@127.0.0.1:5051' });
  agent = stack.use(
    await ScriptedAgent.register(served.address, { info, id: first.id, pid: 'slave(1)@127.0.0.1:5051' }),
  );
  await first[Symbol.asyncDispose]();
  const gone = stack.use(await ScriptedFramework.subscribe(served.address, { name: 'gone' }));
  await gone.call({ type: 'TEARDOWN' });
  const about = { role: 'web', principal: 'p', hostname: 'f', webui_url: 'http://f/', checkpoint: true };
  const more = { failover_timeout: 60, capabilities: [{ type: 'PARTITION_AWARE' }] };
  const before = await ScriptedFramework.subscribe(served.address, { ...about, ...more });
  framework = stack.use(await ScriptedFramework.subscribe(served.address, { ...about, ...more, id: before.id }));
  await before[Symbol.asyncDispose]();
  const { offers } = await framework.next('OFFERS');
  const [offer] = offers.offers;
  const tasks = ['ended', 'running'].map((id) => ({
    name: `name of ${id}`,
    task_id: { value: id },
    agent_id: offer.agent_id,
    resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 1 } }],
    command: { value: 'true', user: 'nobody' },
    container: CONTAINER,
    discovery: DISCOVERY,
    labels: { labels: LABELS },
  }));
  const operations = [{ type: 'LAUNCH', launch: { task_infos: tasks } }];
  await framework.call({ type: 'ACCEPT', accept: { offer_ids: [offer.id], operations } });
  await agent.told('RUN_TASK');
  await report('ended', 'TASK_FINISHED');
  const { agent_id, task_id, uuid } = await framework.status('ended', 'TASK_FINISHED');
  await framework.call({ type: 'ACKNOWLEDGE', acknowledge: { agent_id, task_id, uuid } });
  await report('running', 'TASK_RUNNING');
  await framework.status('running', 'TASK_RUNNING');
  await waitUntil(() => served.master.registry.offers.size === 1, { what: 'an offer of the rest' });
});
afterAll(async () => {
  await stack.disposeAsync();
});

async function report(taskId: string, state: 'TASK_RUNNING' | 'TASK_FINISHED'): Promise<void> {
  const status = {
    task_id: { value: taskId },
    state,
    agent_id: { value: agent.id },
    uuid: Buffer.alloc(16, taskId),
    timestamp: 100,
    healthy: true,
    labels: { labels: LABELS },
    container_status: { container_id: { value: 'c' }, executor_pid: 7 },
  };
  await agent.link.send({ type: 'UPDATE_STATUS', update_status: { framework_id: framework.id, status } });
}

async function request(path: string, init: RequestInit = {}): Promise<Response> {
  return await fetch(`http://${served.address}${path}`, { redirect: 'manual', ...init });
}

// oxlint-disable-next-line typescript/no-explicit-any -- answers are looked into, as parsed
async function get(path: string): Promise<any> {
  return await (await request(path)).json();
}

const seconds = expect.any(Number);
const amounts = (cpus: number, mem = 0, more = {}): object => ({ cpus, gpus: 0, mem, disk: 0, ...more });
const PORTS = { ports: '[31000-32000]' };
const id = (suffix: string): unknown => expect.stringMatching(new RegExp(`^[0-9a-f-]{36}${suffix}$`));

describe('endpoints of the master', () => {
  const JSON_ENDPOINTS = [
    '/state',
    '/state-summary',
    '/slaves',
    '/frameworks',
    '/tasks',
    '/roles',
    '/flags',
    '/version',
    '/metrics/snapshot',
    '/maintenance/schedule',
    '/maintenance/status',
    '/quota',
    '/weights',
    '/files/debug',
    '/files/browse?path=/here',
    '/files/read?path=/here/package.json',
  ];
  it.each(JSON_ENDPOINTS)('GET %s answers with JSON, with and without prefix, and as JSONP', async (path) => {
    for (const prefix of ['', '/master']) {
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
    ['GET', '/health', '', 200, ''],
    ['GET', '/logging/toggle', '', 200, '0\n'],
    ['GET', '/logging/toggle?level=1', '', 400, "Expecting 'duration=value' in query.\n"],
    ['GET', '/logging/toggle?duration=1secs', '', 400, "Expecting 'level=value' in query.\n"],
    ['GET', '/logging/toggle?level=-1&duration=1secs', '', 400, "Invalid level '-1'.\n"],
    ['GET', '/logging/toggle?level=x&duration=1secs', '', 400, "Failed to convert 'x' to number.\n"],
    ['GET', '/logging/toggle?level=1&duration=1', '', 400, "Failed to parse the duration '1'.\n"],
    ['POST', '/logging/toggle?level=0&duration=1secs', '', 200, ''],
    ['GET', '/metrics/snapshot?timeout=x', '', 400, "Invalid timeout 'x': expecting a duration such as '5secs'.\n"],
    ['GET', '/files/download?path=/here/none', '', 404, ''],
    ['POST', '/teardown', '', 400, "Missing 'frameworkId' query parameter"],
    ['POST', '/teardown', 'frameworkId=none', 400, 'No framework found with specified ID'],
    ['GET', '/teardown', '', 405, "Expecting one of { 'POST' }, but received 'GET'"],
    ['POST', '/maintenance/schedule', '{}', 501, 'Setting a maintenance schedule is not implemented'],
    ['POST', '/quota', '{}', 501, 'Setting a quota is not implemented'],
    ['PUT', '/weights', '[]', 405, "Expecting one of { 'GET' }, but received 'PUT'"],
    ['GET', '/api/v1', '', 405, "Expecting one of { 'POST' }, but received 'GET'"],
    ['GET', '/api/v1/scheduler', '', 405, "Expecting one of { 'POST' }, but received 'GET'"],
  ])('%s %s %j is answered with %i', async (method, path, body, status, text) => {
    for (const prefix of ['', '/master']) {
      const response = await request(`${prefix}${path}`, { method, ...(method === 'GET' ? {} : { body }) });
      expect([response.status, await response.text()]).toEqual([status, text]);
    }
  });

  it('GET /redirect leads to the leader', async () => {
    const response = await request('/redirect');
    const { port } = served.master.options;
    expect([response.status, response.headers.get('Location')]).toEqual([307, `//localhost:${port}`]);
  });

  it('POST /teardown ends a framework', async () => {
    await using victim = await ScriptedFramework.subscribe(served.address, { name: 'victim' });
    const response = await request('/teardown', { method: 'POST', body: `frameworkId=${victim.id.value}` });
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(served.master.registry.frameworks.has(victim.id.value)).toBe(false);
  });

  it.each([
    ['/maintenance/schedule', { windows: [] }],
    ['/maintenance/status', { draining_machines: [], down_machines: [] }],
    ['/quota', {}],
    ['/weights', []],
    ['/flags', { flags: FLAGS }],
    ['/version', { version: '1.12.0', ...BUILD }],
    ['/files/debug', { '/here': expect.stringContaining('master') }],
  ])('GET %s answers with %j', async (path, expected) => {
    expect(await get(path)).toEqual(expected);
  });
});

describe('/state of the master', () => {
  const rows = (): readonly [field: string, expected: unknown][] => {
    const { port } = served.master.options;
    return [
      ['version', '1.12.0'],
      ['git_sha', BUILD.git_sha],
      ['git_branch', BUILD.git_branch],
      ['git_tag', BUILD.git_tag],
      ['build_date', BUILD.build_date],
      ['build_time', BUILD.build_time],
      ['build_user', BUILD.build_user],
      ['start_time', 1],
      ['elected_time', 1],
      ['id', served.master.id],
      ['pid', `master@127.0.0.1:${port}`],
      ['hostname', 'localhost'],
      ['capabilities', []],
      ['activated_slaves', 1],
      ['deactivated_slaves', 0],
      ['unreachable_slaves', 0],
      ['leader', `master@127.0.0.1:${port}`],
      ['leader_info', { id: served.master.id, pid: `master@127.0.0.1:${port}`, port, hostname: 'localhost' }],
      ['cluster', 'test'],
      ['log_dir', FLAGS.log_dir],
      ['external_log_file', FLAGS.external_log_file],
      ['flags', FLAGS],
      ['slaves', [expect.objectContaining({ id: agent.id })]],
      ['recovered_slaves', []],
      ['frameworks', [expect.objectContaining({ id: framework.id.value })]],
      ['completed_frameworks', expect.arrayContaining([expect.objectContaining({ name: 'gone', active: false })])],
      ['orphan_tasks', []],
      ['unregistered_frameworks', []],
    ];
  };

  it('has every field of the table, and no other', async () => {
    expect(await get('/master/state')).toEqual(Object.fromEntries(rows()));
  });

  it('leaves out what is not known', async () => {
    await using other = await serveMaster({ facts: { flags: {}, build: {} } });
    const state: unknown = await (await fetch(`http://${other.address}/state`)).json();
    for (const field of ['git_sha', 'git_branch', 'git_tag', 'cluster', 'log_dir', 'external_log_file']) {
      expect(state).not.toHaveProperty(field);
    }
  });
});

describe('an object in /state of the master', () => {
  const slave = (): Record<string, unknown> => ({
    id: agent.id,
    hostname: 'agent-host',
    port: 5051,
    attributes: { rack: 'r1', weight: 1.5, slots: '[1-2, 4-4]', disks: '{a, b}' },
    pid: 'slave(1)@127.0.0.1:5051',
    registered_time: seconds,
    reregistered_time: seconds,
    resources: amounts(6, 1024, PORTS),
    used_resources: amounts(1),
    offered_resources: expect.objectContaining({ mem: 1024, ...PORTS }),
    reserved_resources: { web: amounts(2) },
    unreserved_resources: amounts(4, 1024, PORTS),
    active: true,
    deactivated: false,
    version: '1.12.0',
    capabilities: [],
  });
  const task = (name: string, state: string): Record<string, unknown> => ({
    id: name,
    name: `name of ${name}`,
    framework_id: framework.id.value,
    executor_id: '',
    slave_id: agent.id,
    state,
    resources: amounts(1),
    role: 'web',
    statuses: [
      {
        state,
        timestamp: 100,
        labels: LABELS,
        container_status: { container_id: { value: 'c' }, executor_pid: 7 },
        healthy: true,
      },
    ],
    labels: LABELS,
    discovery: DISCOVERY,
    container: CONTAINER,
    user: 'nobody',
  });
  const frameworkRow = (): Record<string, unknown> => ({
    id: framework.id.value,
    name: 'scripted',
    used_resources: amounts(1),
    offered_resources: expect.objectContaining({ mem: 1024 }),
    capabilities: [{ type: 'PARTITION_AWARE' }],
    hostname: 'f',
    webui_url: 'http://f/',
    active: true,
    connected: true,
    recovered: false,
    user: 'root',
    failover_timeout: 60,
    checkpoint: true,
    registered_time: seconds,
    reregistered_time: seconds,
    unregistered_time: 0,
    principal: 'p',
    resources: expect.objectContaining({ mem: 1024 }),
    role: 'web',
    tasks: [task('running', 'TASK_RUNNING')],
    unreachable_tasks: [],
    completed_tasks: [task('ended', 'TASK_FINISHED')],
    offers: [
      {
        id: id('-O\\d+'),
        framework_id: framework.id.value,
        allocation_info: { role: 'web' },
        slave_id: agent.id,
        resources: expect.objectContaining({ mem: 1024 }),
      },
    ],
    executors: [],
  });

  it.each([
    ['slaves[]', (state: { slaves: unknown[] }): unknown => state.slaves[0], slave],
    ['frameworks[]', (state: { frameworks: unknown[] }): unknown => state.frameworks[0], frameworkRow],
  ])('of %s has every field of the table, and no other', async (_, find, expected) => {
    expect(find(await get('/state'))).toEqual(expected());
  });

  it.each([
    ['/slaves', 'slaves', slave],
    ['/frameworks', 'frameworks', frameworkRow],
    ['/tasks?task_id=running', 'tasks', (): unknown => task('running', 'TASK_RUNNING')],
  ])('is the same in %s', async (path, list, expected) => {
    expect((await get(path))[list]).toEqual([expected()]);
  });

  it.each([
    ['id', id('-0001')],
    ['name', 'scripted'],
    ['TASK_RUNNING', 1],
    ['TASK_FINISHED', 1],
    ['slave_ids', expect.arrayContaining([expect.any(String)])],
  ])('is counted in /state-summary: %s', async (field, expected) => {
    const { frameworks } = await get('/state-summary');
    expect(frameworks[0]).toMatchObject({ [field]: expected });
  });
});

describe('what the web UI looks for at the master', () => {
  it.each(['staging', 'starting', 'running', 'killing', 'finished', 'killed', 'failed', 'lost'])(
    'master/tasks_%s in /metrics/snapshot',
    async (name) => {
      expect(await get('/metrics/snapshot')).toHaveProperty([`master/tasks_${name}`], expect.any(Number));
    },
  );

  it('finds lists wherever it joins them', async () => {
    const state = await get('/master/state');
    for (const one of [...state.frameworks, ...state.completed_frameworks]) {
      const lists = [one.tasks, one.unreachable_tasks, one.completed_tasks, one.offers, one.executors];
      expect(lists.every((list) => Array.isArray(list))).toBe(true);
    }
  });
});

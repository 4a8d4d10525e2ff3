import { waitUntil } from '@drydock/base/wait-until';
import type { TaskState } from '@drydock/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedAgent, ScriptedFramework, serveMaster, type ServedMaster } from '../testing/scripted-peers.ts';

let stack: AsyncDisposableStack;
let served: ServedMaster;
let agent: ScriptedAgent;
let framework: ScriptedFramework;

/** One agent; one framework with a task `ended`, finished at 200 and acknowledged, and one `running` since 100. */
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  served = stack.use(await serveMaster());
  agent = stack.use(await ScriptedAgent.register(served.address, { pid: 'slave(1)@127.0.0.1:5051' }));
  framework = stack.use(await ScriptedFramework.subscribe(served.address, { role: 'web', principal: 'p' }));
  await framework.launch('ended', 'running');
  await agent.told('RUN_TASK');
  await report('ended', 'TASK_FINISHED', 200);
  const ended = await framework.status('ended', 'TASK_FINISHED');
  const acknowledge = { agent_id: ended.agent_id, task_id: ended.task_id, uuid: ended.uuid };
  await framework.call({ type: 'ACKNOWLEDGE', acknowledge });
  await report('running', 'TASK_RUNNING', 100);
  await framework.status('running', 'TASK_RUNNING');
  // What is left of the agent is offered again.
  await waitUntil(() => served.master.registry.offers.size === 1, { what: 'an offer of the rest' });
});
afterEach(async () => {
  await stack.disposeAsync();
});

async function report(taskId: string, state: TaskState, timestamp: number): Promise<void> {
  const status = {
    task_id: { value: taskId },
    state,
    agent_id: { value: agent.id },
    source: 'SOURCE_EXECUTOR' as const,
    uuid: Buffer.alloc(16, taskId),
    timestamp,
    healthy: true,
    labels: { labels: [{ key: 'k', value: 'v' }] },
  };
  await agent.link.send({ type: 'UPDATE_STATUS', update_status: { framework_id: framework.id, status } });
}

// oxlint-disable-next-line typescript/no-explicit-any -- answers are looked into, as parsed
async function get(path: string): Promise<any> {
  const response = await fetch(`http://${served.address}${path}`);
  expect([path, response.status]).toEqual([path, 200]);
  return await response.json();
}

const amounts = (cpus: number, mem = 0): unknown => ({ cpus, gpus: 0, mem, disk: 0 });

describe('the read side of the master', () => {
  it.each([
    '/state-summary',
    '/slaves',
    '/frameworks',
    '/tasks',
    '/roles',
    '/maintenance/schedule',
    '/metrics/snapshot',
  ])('answers %s with and without its prefix, and as JSONP', async (path) => {
    const shape = Object.keys(await get(path));
    expect(Object.keys(await get(`/master${path}`))).toEqual(shape);
    const response = await fetch(`http://${served.address}${path}?jsonp=show`);
    expect(response.headers.get('content-type')).toContain('text/javascript');
    expect(await response.text()).toMatch(/^show\(\{.*\}\)$/);
  });

  it('shows agents in /slaves as in /state', async () => {
    const { slaves, recovered_slaves: recovered } = await get('/slaves');
    expect([slaves, recovered]).toEqual([(await get('/state')).slaves, []]);
    expect(slaves).toEqual([
      {
        id: agent.id,
        hostname: 'agent-host',
        port: 5051,
        attributes: {},
        pid: 'slave(1)@127.0.0.1:5051',
        registered_time: expect.any(Number),
        resources: amounts(4, 1024),
        used_resources: amounts(1),
        offered_resources: amounts(3, 1024),
        reserved_resources: {},
        unreserved_resources: amounts(4, 1024),
        active: true,
        deactivated: false,
        version: '1.12.0',
        capabilities: [],
      },
    ]);
  });

  it('shows frameworks in /frameworks as in /state', async () => {
    const shown = await get('/frameworks');
    const state = await get('/state');
    expect(shown).toEqual({
      frameworks: state.frameworks,
      completed_frameworks: [],
      unregistered_frameworks: [],
    });
    const [{ tasks, completed_tasks: completed, ...rest }] = shown.frameworks;
    expect(tasks.map(({ id }: { id: string }) => id)).toEqual(['running']);
    expect(completed.map(({ id }: { id: string }) => id)).toEqual(['ended']);
    expect(rest).toEqual({
      id: framework.id.value,
      name: 'scripted',
      user: 'root',
      role: 'web',
      principal: 'p',
      used_resources: amounts(1),
      offered_resources: amounts(3, 1024),
      resources: amounts(4, 1024),
      capabilities: [],
      hostname: '',
      webui_url: '',
      active: true,
      connected: true,
      recovered: false,
      failover_timeout: 0,
      checkpoint: false,
      registered_time: expect.any(Number),
      unregistered_time: 0,
      unreachable_tasks: [],
      offers: [
        {
          id: expect.stringMatching(/-O\d+$/),
          framework_id: framework.id.value,
          allocation_info: { role: 'web' },
          slave_id: agent.id,
          resources: amounts(3, 1024),
        },
      ],
      executors: [],
    });
  });

  it('moves a framework that is torn down to the completed ones, and keeps its tasks', async () => {
    await framework.call({ type: 'TEARDOWN' });
    const { frameworks, completed_frameworks: completed } = await get('/frameworks');
    expect([frameworks.length, completed[0].id, completed[0].active]).toEqual([0, framework.id.value, false]);
    const { tasks } = await get('/tasks');
    expect(tasks.map(({ state }: { state: string }) => state).toSorted()).toEqual(['TASK_FINISHED', 'TASK_KILLED']);
    const [summary] = (await get('/state-summary')).slaves;
    expect(summary).toMatchObject({ TASK_KILLED: 1, TASK_FINISHED: 1, TASK_RUNNING: 0 });
  });

  it('shows the roles of a framework with several', async () => {
    await using second = await ScriptedFramework.subscribe(served.address, {
      roles: ['db', 'cache'],
      capabilities: [{ type: 'MULTI_ROLE' }],
    });
    const { frameworks } = await get('/frameworks');
    expect(frameworks[1]).toMatchObject({ id: second.id.value, roles: ['db', 'cache'] });
    expect(frameworks[1]).not.toHaveProperty('role');
    const { roles } = await get('/roles');
    expect(roles.map(({ name, frameworks: ids }: { name: string; frameworks: string[] }) => [name, ids])).toEqual([
      ['*', []],
      ['cache', [second.id.value]],
      ['db', [second.id.value]],
      ['web', [framework.id.value]],
    ]);
    expect(roles[3]).toEqual({
      name: 'web',
      weight: 1,
      frameworks: [framework.id.value],
      resources: amounts(4, 1024),
      allocated: amounts(1),
      offered: amounts(3, 1024),
      reserved: {},
    });
  });

  it('shows a role that was given up as long as something runs in it', async () => {
    const info = { user: 'root', name: 'scripted', id: framework.id, role: 'other', principal: 'p' };
    const updated = await framework.call({ type: 'UPDATE_FRAMEWORK', update_framework: { framework_info: info } });
    expect([updated.status, await updated.text()]).toEqual([200, '']);
    const find = (name: string, roles: readonly { name: string }[]): unknown => roles.find((one) => one.name === name);
    expect(find('web', (await get('/roles')).roles)).toMatchObject({
      frameworks: [framework.id.value],
      allocated: amounts(1),
      offered: amounts(0),
    });
    await report('running', 'TASK_FINISHED', 200);
    await waitUntil(async () => (await get('/roles')).roles, {
      what: 'the role to be gone',
      until: (roles) => find('web', roles) === undefined,
    });
  });

  it('counts tasks in /state-summary, by agent and by framework', async () => {
    const counts = { TASK_STAGING: 0, TASK_RUNNING: 1, TASK_FINISHED: 1, TASK_FAILED: 0, TASK_UNREACHABLE: 0 };
    const summary = await get('/state-summary');
    expect(summary).toMatchObject({
      hostname: 'localhost',
      cluster: 'test',
      slaves: [{ id: agent.id, ...counts, framework_ids: [framework.id.value], used_resources: amounts(1) }],
      frameworks: [{ id: framework.id.value, ...counts, slave_ids: [agent.id], used_resources: amounts(1) }],
    });
    expect(summary.frameworks[0]).not.toHaveProperty('tasks');
  });

  it('has no maintenance scheduled', async () => {
    expect(await get('/maintenance/schedule')).toEqual({ windows: [] });
  });

  it('measures agents, frameworks, tasks and resources', async () => {
    const connected = {
      'master/elected': 1,
      'master/slaves_active': 1,
      'master/slaves_connected': 1,
      'master/slaves_inactive': 0,
      'master/frameworks_active': 1,
      'master/frameworks_disconnected': 0,
      'master/outstanding_offers': 1,
      'master/tasks_staging': 0,
      'master/tasks_starting': 0,
      'master/tasks_running': 1,
      'master/tasks_killing': 0,
      'master/tasks_finished': 1,
      'master/tasks_killed': 0,
      'master/tasks_failed': 0,
      'master/tasks_lost': 0,
      'master/cpus_total': 4,
      'master/cpus_used': 1,
      'master/cpus_percent': 0.25,
      'master/mem_total': 1024,
      'master/gpus_percent': 0,
    };
    expect(await get('/metrics/snapshot')).toMatchObject(connected);
    await agent.link.stop();
    await waitUntil(async () => (await get('/metrics/snapshot'))['master/slaves_active'] === 0, {
      what: 'the agent to be counted as disconnected',
    });
    expect(await get('/metrics/snapshot')).toMatchObject({ 'master/slaves_inactive': 1, 'master/cpus_total': 4 });
  });
});

describe('GET /tasks', () => {
  it.each([
    ['', ['ended', 'running']],
    ['?order=desc', ['ended', 'running']],
    ['?order=des', ['ended', 'running']],
    ['?order=asc', ['running', 'ended']],
    ['?limit=1', ['ended']],
    ['?limit=0', []],
    ['?limit=100', ['ended', 'running']],
    ['?offset=1', ['running']],
    ['?offset=2', []],
    ['?order=asc&limit=1&offset=1', ['ended']],
    ['?task_id=ended', ['ended']],
    ['?task_id=unknown', []],
    ['?framework_id=unknown', []],
    ['?framework_id=FRAMEWORK&task_id=running', ['running']],
  ])('answers %j with %j', async (query, expected) => {
    const { tasks } = await get(`/tasks${query.replace('FRAMEWORK', framework.id.value)}`);
    expect(tasks.map(({ id }: { id: string }) => id)).toEqual(expected);
  });

  it('lists a task that has no status yet as the newest', async () => {
    const task = { name: 'fresh', task_id: { value: 'fresh' }, agent_id: { value: agent.id } };
    const resources = [{ name: 'cpus', type: 'SCALAR', scalar: { value: 1 } }];
    const taskInfos = [{ ...task, resources, command: { value: 'true' } }];
    const offerIds = [...served.master.registry.offers.keys()].map((value) => ({ value }));
    const operations = [{ type: 'LAUNCH', launch: { task_infos: taskInfos } }];
    await framework.call({ type: 'ACCEPT', accept: { offer_ids: offerIds, operations } });
    const { tasks } = await get('/tasks');
    expect(tasks.map(({ id, state }: { id: string; state: string }) => [id, state])).toEqual([
      ['fresh', 'TASK_STAGING'],
      ['ended', 'TASK_FINISHED'],
      ['running', 'TASK_RUNNING'],
    ]);
  });

  it('gives a hundred tasks unless it is asked for more', async () => {
    const record = served.master.registry.frameworks.get(framework.id.value);
    const ended = record?.completedTasks[0];
    if (ended === undefined) throw new Error('the task that ended is not remembered');
    record?.completedTasks.push(...Array.from({ length: 100 }, () => ended));
    expect((await get('/tasks')).tasks.length).toBe(100);
    expect((await get('/tasks?limit=1000')).tasks.length).toBe(102);
  });

  it('tells of a task what the reference names', async () => {
    expect((await get('/tasks?task_id=running')).tasks).toEqual([
      {
        id: 'running',
        name: 'running',
        framework_id: framework.id.value,
        executor_id: '',
        slave_id: agent.id,
        state: 'TASK_RUNNING',
        resources: amounts(1),
        role: 'web',
        statuses: [{ state: 'TASK_RUNNING', timestamp: 100, healthy: true, labels: [{ key: 'k', value: 'v' }] }],
      },
    ]);
  });

  it.each([
    ['limit=x', "Expecting 'limit' to be a count, but received 'x'"],
    ['limit=', "Expecting 'limit' to be a count, but received ''"],
    ['limit=-1', "Expecting 'limit' to be a count, but received '-1'"],
    ['limit=1.5', "Expecting 'limit' to be a count, but received '1.5'"],
    ['limit=1e2', "Expecting 'limit' to be a count, but received '1e2'"],
    ['limit=9007199254740992', "Expecting 'limit' to be a count, but received '9007199254740992'"],
    ['offset=-1', "Expecting 'offset' to be a count, but received '-1'"],
    ['order=up', "Expecting 'order' to be one of { 'asc', 'desc' }, but received 'up'"],
  ])('refuses ?%s', async (query, text) => {
    const response = await fetch(`http://${served.address}/tasks?${query}`);
    expect([response.status, await response.text()]).toEqual([400, text]);
  });
});

import { waitUntil } from '@drydock/base/wait-until';
import { formatResources } from '@drydock/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedAgent, ScriptedFramework, serveMaster, type ServedMaster } from '../testing/scripted-peers.ts';

let stack: AsyncDisposableStack;
let served: ServedMaster;
let framework: ScriptedFramework;
let agent: ScriptedAgent;
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  served = stack.use(await serveMaster());
  framework = stack.use(await ScriptedFramework.subscribe(served.address, { failover_timeout: 60 }));
  agent = stack.use(await ScriptedAgent.register(served.address, { resources: 'cpus:4;mem:1024;disk:1024' }));
  await waitUntil(() => agent.link.state === 'registered', { what: 'the link to be up' });
});
afterEach(async () => {
  await stack.disposeAsync();
});

type Json = Record<string, unknown>;
const scalar = (name: string, value: number): Json => ({ name, type: 'SCALAR', scalar: { value } });
const executorId = { value: 'default-executor' };
const anExecutor = (fields: Json = {}): Json => ({
  type: 'DEFAULT',
  executor_id: executorId,
  resources: [scalar('cpus', 0.1), scalar('mem', 32), scalar('disk', 32)],
  ...fields,
});
const aTask = (id: string, fields: Json = {}): Json => ({
  name: id,
  task_id: { value: id },
  agent_id: { value: agent.id },
  command: { value: 'true' },
  resources: [scalar('cpus', 1)],
  ...fields,
});

/** Accepts the newest offer after `from` events with one group; what is left comes back with the next allocation. */
async function launchGroup(tasks: readonly Json[], executor: Json = anExecutor(), from = 0): Promise<void> {
  const offerId = (await framework.next('OFFERS', from)).offers.offers[0].id;
  const operations = [{ type: 'LAUNCH_GROUP', launch_group: { executor, task_group: { tasks } } }];
  const filters = { refuse_seconds: 0 };
  const response = await framework.call({ type: 'ACCEPT', accept: { offer_ids: [offerId], operations, filters } });
  expect(response.status).toBe(202);
}

const used = (): string => formatResources(served.master.registry.agents.get(agent.id)?.used ?? []);
const state = async (): Promise<Json> => {
  const response = await fetch(`http://${served.address}/state`);
  const { frameworks } = (await response.json()) as { frameworks: Json[] };
  return frameworks[0] ?? {};
};
const exited = async (status: number): Promise<void> => {
  const body = { framework_id: framework.id, executor_id: executorId, status };
  await agent.link.send({ type: 'EXECUTOR_EXITED', executor_exited: body });
};

describe('LAUNCH_GROUP', () => {
  it('hands the agent all tasks at once, with the executor that each of them names', async () => {
    await launchGroup([aTask('a'), aTask('b', { resources: [scalar('cpus', 0.5)] })]);
    const { run_task_group: sent } = await agent.told('RUN_TASK_GROUP');
    expect(sent?.framework_info.id).toEqual(framework.id);
    expect(sent?.executor).toMatchObject({
      type: 'DEFAULT',
      executor_id: executorId,
      framework_id: framework.id,
      resources: [{ name: 'cpus', allocation_info: { role: '*' } }, { name: 'mem' }, { name: 'disk' }],
    });
    expect(sent?.task_group.tasks?.map(({ task_id: id, executor }) => [id.value, executor])).toEqual([
      ['a', sent?.executor],
      ['b', sent?.executor],
    ]);
    expect(agent.events.filter(({ type }) => type === 'RUN_TASK')).toEqual([]);
    expect(used()).toBe('cpus:1.6; mem:32; disk:32');
  });

  it('shows the executor wherever the master shows what it knows', async () => {
    await launchGroup([aTask('a')]);
    const seen = framework.events.length;
    expect((await framework.next('OFFERS', seen)).offers.offers[0].executor_ids).toEqual([executorId]);
    expect(await state()).toMatchObject({
      used_resources: { cpus: 1.1, mem: 32, disk: 32 },
      tasks: [{ id: 'a', executor_id: executorId.value, state: 'TASK_STAGING' }],
      executors: [
        {
          executor_id: executorId.value,
          name: '',
          framework_id: framework.id.value,
          command: { argv: [], uris: [] },
          resources: { cpus: 0.1, mem: 32, disk: 32 },
          role: '*',
          type: 'DEFAULT',
          slave_id: agent.id,
        },
      ],
    });
    const response = await fetch(`http://${served.address}/api/v1`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ type: 'GET_EXECUTORS' }),
    });
    expect(await response.json()).toMatchObject({
      get_executors: { executors: [{ executor_info: { executor_id: executorId }, agent_id: { value: agent.id } }] },
    });
    await framework.call({ type: 'RECONCILE', reconcile: {} });
    expect(await framework.status('a', 'TASK_STAGING')).toMatchObject({ executor_id: executorId });
  });

  it('takes the resources of an executor once, however many groups it runs', async () => {
    await launchGroup([aTask('a')]);
    await launchGroup([aTask('b')], anExecutor(), framework.events.length);
    await waitUntil(() => agent.events.filter(({ type }) => type === 'RUN_TASK_GROUP').length === 2, {
      what: 'both groups',
    });
    expect(used()).toBe('cpus:2.1; mem:32; disk:32');
    await launchGroup([aTask('c')], anExecutor({ name: 'other' }), framework.events.length);
    expect((await framework.status('c', 'TASK_ERROR')).message).toMatch(
      /^ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID\./,
    );
  });

  it('hands a kill of one task to the agent as that, and to nobody else', async () => {
    await launchGroup([aTask('a'), aTask('b')]);
    await framework.call({ type: 'KILL', kill: { task_id: { value: 'b' } } });
    expect((await agent.told('KILL_TASK')).kill_task?.task_id).toEqual({ value: 'b' });
    expect(agent.events.filter(({ type }) => type === 'KILL_TASK')).toHaveLength(1);
  });

  it.each<[string, () => [Json[], Json], string]>([
    [
      'a task that is invalid',
      () => [[aTask('a'), aTask('b', { resources: [] })], anExecutor()],
      "Task 'b' is invalid: Task uses no resources",
    ],
    [
      'an id that is there twice',
      () => [[aTask('a'), aTask('a')], anExecutor()],
      "Task 'a' is invalid: Task has duplicate ID: a",
    ],
    [
      'an executor without a type',
      () => [[aTask('a')], anExecutor({ type: undefined })],
      "'ExecutorInfo.type' must be set",
    ],
    [
      'more than is offered',
      () => [[aTask('a', { resources: [scalar('cpus', 3.95)] })], anExecutor()],
      'Total resources cpus:4.05; mem:32; disk:32 required by task group and its executor are more than available cpus:4; mem:1024; disk:1024',
    ],
    [
      'resources of another role',
      () => [[aTask('a', { resources: [{ ...scalar('cpus', 1), allocation_info: { role: 'dev' } }] })], anExecutor()],
      "The resources have multiple allocation roles ('dev' and '*') but only one allocation role is allowed",
    ],
  ])('launches nothing of a group with %s, and says so of each task', async (_, group, message) => {
    const [tasks, executor] = group();
    await launchGroup(tasks, executor);
    const updates = await waitUntil(
      () => {
        const all = framework.events.filter(({ type }) => type === 'UPDATE');
        return all.length === tasks.length ? all : undefined;
      },
      { what: 'an update for each task' },
    );
    expect(updates?.map(({ update }) => [update.status.task_id, update.status.state])).toEqual(
      tasks.map((task) => [task['task_id'], 'TASK_ERROR']),
    );
    for (const { update } of updates ?? []) {
      expect(update.status).toMatchObject({ source: 'SOURCE_MASTER', reason: 'REASON_TASK_GROUP_INVALID', message });
    }
    expect(agent.events.filter(({ type }) => type === 'RUN_TASK_GROUP')).toEqual([]);
    expect(used()).toBe('{}');
    expect(await state()).toMatchObject({ tasks: [], executors: [] });
  });

  it('without tasks does nothing, and the offer comes back', async () => {
    await launchGroup([]);
    const seen = framework.events.length;
    await framework.next('OFFERS', seen);
    expect(agent.events.filter(({ type }) => type === 'RUN_TASK_GROUP')).toEqual([]);
    expect(used()).toBe('{}');
  });
});

describe('an executor', () => {
  beforeEach(async () => {
    await launchGroup([aTask('a')]);
    await agent.told('RUN_TASK_GROUP');
  });

  it('keeps its resources after its last task, until it has exited; then the framework hears of it', async () => {
    await agent.report(framework.id, 'a', 'TASK_FINISHED');
    await framework.status('a', 'TASK_FINISHED');
    expect(used()).toBe('cpus:0.1; mem:32; disk:32');
    await exited(256);
    expect((await framework.next('FAILURE')).failure).toEqual({
      agent_id: { value: agent.id },
      executor_id: executorId,
      status: 256,
    });
    expect(used()).toBe('{}');
    expect(await state()).toMatchObject({ used_resources: { cpus: 0, mem: 0, disk: 0 }, executors: [] });
  });

  it('exits once: what is told of one that nobody knows is nothing', async () => {
    await exited(0);
    await exited(9);
    await framework.call({ type: 'RECONCILE', reconcile: {} });
    await framework.status('a', 'TASK_STAGING');
    expect(framework.events.filter(({ type }) => type === 'FAILURE').map(({ failure }) => failure.status)).toEqual([0]);
    expect(served.master.counters.get('messages_exited_executor')).toBe(2);
    expect(used()).toBe('cpus:1');
  });

  it('goes with its framework', async () => {
    await framework.call({ type: 'TEARDOWN' });
    expect(used()).toBe('{}');
    expect(served.master.registry.agents.get(agent.id)?.executors.size).toBe(0);
  });

  it('goes with its agent', async () => {
    await agent.link.send({ type: 'UNREGISTER' });
    await framework.status('a', 'TASK_LOST');
    const record = served.master.registry.frameworks.get(framework.id.value);
    expect(record?.executors.size).toBe(0);
    expect(await state()).toMatchObject({ used_resources: { cpus: 0, mem: 0, disk: 0 }, executors: [] });
  });

  it('is gone when its agent comes back without it', async () => {
    const { id } = agent;
    const { pid } = served.master.registry.agents.get(id) ?? { pid: '' };
    await agent[Symbol.asyncDispose]();
    const frameworks = [{ user: 'root', name: 'scripted', id: framework.id }];
    const resources = 'cpus:4;mem:1024;disk:1024';
    stack.use(await ScriptedAgent.register(served.address, { id, pid, resources, frameworks }));
    await framework.status('a', 'TASK_LOST');
    expect(used()).toBe('{}');
  });

  it.each(['with its task', 'alone'])(
    'is there when its agent comes %s to a master that knows nothing',
    async (how) => {
      const sent = (await agent.told('RUN_TASK_GROUP')).run_task_group;
      await using other = await serveMaster();
      const executor = sent?.executor ?? { executor_id: executorId };
      const [task] = sent?.task_group.tasks ?? [];
      const frameworks = [{ user: 'root', name: 'scripted', id: framework.id }];
      const known =
        how === 'alone' || task === undefined
          ? []
          : [{ framework_id: framework.id, task, state: 'TASK_RUNNING' as const }];
      await using back = await ScriptedAgent.register(other.address, {
        id: agent.id,
        frameworks,
        tasks: known,
        executors: how === 'alone' ? [{ framework_id: framework.id, executor }] : [],
      });
      const record = other.master.registry.frameworks.get(framework.id.value);
      expect(record?.executors.get(back.id)?.get(executorId.value)?.info).toEqual(executor);
      expect(formatResources(other.master.registry.agents.get(back.id)?.used ?? [])).toBe(
        how === 'alone' ? 'cpus:0.1; mem:32; disk:32' : 'cpus:1.1; mem:32; disk:32',
      );
    },
  );
});

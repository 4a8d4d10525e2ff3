import { waitUntil } from '@drydock/base/wait-until';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from './testing/manual-clock.ts';
import {
  aKnownTask,
  ScriptedAgent,
  ScriptedFramework,
  serveMaster,
  SilentAgent,
  type ServedMaster,
} from './testing/scripted-peers.ts';

const PING_TIMEOUT_MS = 1_000;
const REREGISTER_TIMEOUT_MS = 600_000;

let clock: ManualClock;
let served: ServedMaster;
let stack: AsyncDisposableStack;
beforeEach(async () => {
  clock = new ManualClock();
  stack = new AsyncDisposableStack();
  served = stack.use(
    await serveMaster({
      clock,
      agentPingTimeoutMs: PING_TIMEOUT_MS,
      agentPingTimeoutCountMax: 3,
      agentReregisterTimeoutMs: REREGISTER_TIMEOUT_MS,
      lostAgentCountMax: 2,
    }),
  );
});
afterEach(async () => {
  await stack.disposeAsync();
});

const CAPABLE = { capabilities: [{ type: 'PARTITION_AWARE' }] };
/** A framework with `t1` running on an agent that answers nothing. */
async function aRunningTask(info: Record<string, unknown> = {}): Promise<{
  readonly framework: ScriptedFramework;
  readonly agent: SilentAgent;
}> {
  const framework = stack.use(await ScriptedFramework.subscribe(served.address, { failover_timeout: 3600, ...info }));
  const agent = stack.use(await SilentAgent.register(served.address));
  await agent.told('REGISTERED');
  await framework.launch('t1');
  await agent.told('RUN_TASK');
  const status = { task_id: { value: 't1' }, state: 'TASK_RUNNING' as const, uuid: Buffer.alloc(16, 1) };
  await agent.call({ type: 'UPDATE_STATUS', update_status: { framework_id: framework.id, status } });
  await framework.status('t1', 'TASK_RUNNING');
  return { framework, agent };
}

async function freeze(): Promise<void> {
  for (let count = 0; count < 3; count += 1) await clock.advance(PING_TIMEOUT_MS);
}

describe('an agent that does not answer', () => {
  it('is pinged, and told when it has answered none in a row that it is not wanted any more', async () => {
    const agent = stack.use(await SilentAgent.register(served.address));
    await agent.told('PING');
    await clock.advance(PING_TIMEOUT_MS);
    await clock.advance(PING_TIMEOUT_MS);
    await waitUntil(() => agent.events.filter(({ type }) => type === 'PING').length === 3, { what: 'three pings' });
    expect((await agent.call({ type: 'PONG' })).status).toBe(202);
    await clock.advance(PING_TIMEOUT_MS);
    await clock.advance(PING_TIMEOUT_MS);
    await clock.advance(PING_TIMEOUT_MS);
    expect(served.master.registry.agents.has(agent.id)).toBe(true);
    await clock.advance(PING_TIMEOUT_MS);
    expect(served.master.registry.agents.has(agent.id)).toBe(false);
    await waitUntil(() => agent.isEnded, { what: 'its stream to end' });
    expect((await agent.call({ type: 'PONG' })).status).toBe(400);
    expect(served.master.counters.get('slave_removals/reason_unhealthy')).toBe(1);
  });

  it.each([
    ['with PARTITION_AWARE', CAPABLE, 'TASK_UNREACHABLE' as const],
    ['without', {}, 'TASK_LOST' as const],
  ])('is unreachable: a framework %s hears of its tasks, its offers and it', async (_, info, state) => {
    const { framework, agent } = await aRunningTask(info);
    const before = framework.events.length;
    await framework.call({ type: 'REVIVE' });
    await framework.next('OFFERS', before);
    const seen = framework.events.length;
    await freeze();
    await framework.next('FAILURE', seen);
    const events = framework.events.slice(seen).filter(({ type }) => type !== 'OFFERS');
    expect(events.map(({ type }) => type)).toEqual(['UPDATE', 'RESCIND', 'FAILURE']);
    const unreachableAt = served.master.registry.unreachableAgents.get(agent.id)?.unreachableAt ?? 0;
    expect(events[0]?.update.status).toEqual({
      task_id: { value: 't1' },
      agent_id: { value: agent.id },
      source: 'SOURCE_MASTER',
      state,
      reason: 'REASON_AGENT_REMOVED',
      message: 'health check timed out',
      timestamp: unreachableAt,
      unreachable_time: { nanoseconds: Math.round(unreachableAt * 1e9) },
    });
    expect(events[2]?.failure).toEqual({ agent_id: { value: agent.id } });
    const record = served.master.registry.frameworks.get(framework.id.value);
    expect([record?.tasks.size, record?.unreachableTasks.size, record?.completedTasks.length]).toEqual([0, 1, 0]);
  });

  it.each([
    ['with PARTITION_AWARE', CAPABLE],
    ['without', {}],
  ])('comes back with its tasks: a framework %s hears what they are', async (_, info) => {
    const { framework, agent } = await aRunningTask(info);
    await freeze();
    await framework.next('FAILURE');
    const seen = framework.events.length;
    const again = await SilentAgent.register(served.address, {
      id: agent.id,
      frameworks: [{ user: 'root', name: 'scripted', id: framework.id, ...(info as object) }],
      tasks: [aKnownTask(framework.id, agent.id, 'TASK_RUNNING')],
    });
    stack.use(again);
    expect((await framework.next('UPDATE', seen)).update.status).toMatchObject({
      state: 'TASK_RUNNING',
      source: 'SOURCE_MASTER',
      reason: 'REASON_AGENT_REREGISTERED',
      message: 'Unreachable agent re-reregistered',
    });
    const record = served.master.registry.frameworks.get(framework.id.value);
    expect([record?.tasks.size, record?.unreachableTasks.size, record?.completedTasks.length]).toEqual([1, 0, 0]);
    expect(served.master.registry.unreachableAgents.size).toBe(0);
  });

  it('takes the end of a task that nobody acknowledged with it, and brings it back', async () => {
    const { framework, agent } = await aRunningTask();
    const status = { task_id: { value: 't1' }, state: 'TASK_FINISHED' as const, uuid: Buffer.alloc(16, 2) };
    const update = { type: 'UPDATE_STATUS', update_status: { framework_id: framework.id, status } } as const;
    await agent.call(update);
    await framework.status('t1', 'TASK_FINISHED');
    await freeze();
    await framework.next('FAILURE');
    expect(framework.events.filter(({ update: one }) => one?.status.state === 'TASK_LOST')).toEqual([]);
    const record = served.master.registry.frameworks.get(framework.id.value);
    expect(record?.completedTasks.map((task) => task.status?.state)).toEqual(['TASK_FINISHED']);
    const again = stack.use(
      await SilentAgent.register(served.address, {
        id: agent.id,
        frameworks: [{ user: 'root', name: 'f', id: framework.id }],
        tasks: [aKnownTask(framework.id, agent.id, 'TASK_FINISHED')],
      }),
    );
    await again.told('REGISTERED');
    const seen = framework.events.length;
    await again.call(update);
    const { uuid } = (await framework.next('UPDATE', seen)).update.status;
    const acknowledge = { agent_id: { value: agent.id }, task_id: { value: 't1' }, uuid };
    await framework.call({ type: 'ACKNOWLEDGE', acknowledge });
    await again.told('STATUS_ACKNOWLEDGED');
    expect([record?.tasks.size, record?.completedTasks.length]).toEqual([0, 1]);
  });

  it('that comes back without its task leaves that unknown', async () => {
    const { framework, agent } = await aRunningTask(CAPABLE);
    await freeze();
    stack.use(await SilentAgent.register(served.address, { id: agent.id }));
    const seen = framework.events.length;
    await framework.call({
      type: 'RECONCILE',
      reconcile: { tasks: [{ task_id: { value: 't1' }, agent_id: { value: agent.id } }] },
    });
    expect((await framework.next('UPDATE', seen)).update.status.state).toBe('TASK_GONE');
  });

  it('is one of a bounded number that is remembered, with their tasks', async () => {
    const { framework, agent } = await aRunningTask(CAPABLE);
    await freeze();
    for (let count = 0; count < 2; count += 1) {
      stack.use(await SilentAgent.register(served.address));
      await freeze();
    }
    const { registry } = served.master;
    expect([registry.unreachableAgents.size, registry.unreachableAgents.has(agent.id)]).toEqual([2, false]);
    expect(registry.frameworks.get(framework.id.value)?.unreachableTasks.size).toBe(0);
  });

  it('that answers stays: real agents answer by themselves', async () => {
    const agent = stack.use(await ScriptedAgent.register(served.address));
    for (let count = 0; count < 8; count += 1) {
      const before = served.master.agents.pongCount;
      await clock.advance(PING_TIMEOUT_MS);
      await waitUntil(() => served.master.agents.pongCount > before, { what: 'an answer' });
    }
    expect(served.master.registry.agents.has(agent.id)).toBe(true);
  });
});

describe('an agent whose stream is lost', () => {
  it('keeps its tasks for the time that it has to come back, also those of frameworks without checkpointing', async () => {
    const { framework, agent } = await aRunningTask();
    await agent[Symbol.asyncDispose]();
    await waitUntil(() => served.master.registry.agents.get(agent.id)?.channel === undefined, { what: 'the loss' });
    await clock.advance(PING_TIMEOUT_MS);
    expect(served.master.registry.frameworks.get(framework.id.value)?.tasks.size).toBe(1);
    expect(framework.events.filter(({ type }) => type === 'FAILURE')).toEqual([]);
    const again = stack.use(
      await SilentAgent.register(served.address, {
        id: agent.id,
        frameworks: [{ user: 'root', name: 'f', id: framework.id }],
        tasks: [aKnownTask(framework.id, agent.id, 'TASK_RUNNING')],
      }),
    );
    await again.told('REGISTERED');
    expect(again.id).toBe(agent.id);
    expect(framework.events.filter(({ update }) => update?.status.state === 'TASK_LOST')).toEqual([]);
  });

  it('is unreachable when it does not come back, by pings first', async () => {
    const { framework, agent } = await aRunningTask();
    await agent[Symbol.asyncDispose]();
    await waitUntil(() => served.master.registry.agents.get(agent.id)?.channel === undefined, { what: 'the loss' });
    await freeze();
    expect((await framework.status('t1', 'TASK_LOST')).message).toBe('health check timed out');
  });

  it('is unreachable after --agent_reregister_timeout when pings would take longer', async () => {
    await using slow = await serveMaster({ clock, agentPingTimeoutMs: 900_000, agentReregisterTimeoutMs: 600_000 });
    await using framework = await ScriptedFramework.subscribe(slow.address);
    const agent = await SilentAgent.register(slow.address);
    await framework.launch('t1');
    await agent.told('RUN_TASK');
    await agent[Symbol.asyncDispose]();
    await waitUntil(() => slow.master.registry.agents.get(agent.id)?.channel === undefined, { what: 'the loss' });
    await clock.advance(599_999);
    expect(slow.master.registry.agents.size).toBe(1);
    await clock.advance(1);
    expect((await framework.status('t1', 'TASK_LOST')).message).toBe(
      'agent did not reregister within 10mins after disconnecting',
    );
  });

  it('is asked again to kill what a framework wanted killed meanwhile', async () => {
    const { framework, agent } = await aRunningTask();
    await agent[Symbol.asyncDispose]();
    await waitUntil(() => served.master.registry.agents.get(agent.id)?.channel === undefined, { what: 'the loss' });
    expect((await framework.call({ type: 'KILL', kill: { task_id: { value: 't1' } } })).status).toBe(202);
    const again = stack.use(
      await SilentAgent.register(served.address, {
        id: agent.id,
        frameworks: [{ user: 'root', name: 'f', id: framework.id }],
        tasks: [aKnownTask(framework.id, agent.id, 'TASK_RUNNING')],
      }),
    );
    expect((await again.told('KILL_TASK')).kill_task).toEqual({ framework_id: framework.id, task_id: { value: 't1' } });
  });
});

describe('an agent that leaves', () => {
  it.each([
    ['is told TASK_GONE with PARTITION_AWARE, never TASK_LOST', CAPABLE, 'TASK_GONE' as const],
    ['is told TASK_LOST without', {}, 'TASK_LOST' as const],
  ])('leaves nothing behind: a framework %s', async (_, info, state) => {
    const { framework, agent } = await aRunningTask(info);
    await agent.call({ type: 'UNREGISTER' });
    expect(await framework.status('t1', state)).toMatchObject({
      source: 'SOURCE_MASTER',
      reason: 'REASON_AGENT_REMOVED',
      message: 'Agent agent-host removed: the agent unregistered',
    });
    expect((await framework.next('FAILURE')).failure).toEqual({ agent_id: { value: agent.id } });
    const { registry, counters } = served.master;
    expect([registry.agents.size, registry.unreachableAgents.size]).toEqual([0, 0]);
    expect(registry.frameworks.get(framework.id.value)?.completedTasks).toHaveLength(1);
    expect(counters.get('slave_removals/reason_unregistered')).toBe(1);
  });

  it('is taken in again under its id, with what it has', async () => {
    const { framework, agent } = await aRunningTask();
    await agent.call({ type: 'UNREGISTER' });
    await framework.status('t1', 'TASK_LOST');
    const seen = framework.events.length;
    stack.use(
      await SilentAgent.register(served.address, {
        id: agent.id,
        frameworks: [{ user: 'root', name: 'f', id: framework.id }],
        tasks: [aKnownTask(framework.id, agent.id, 'TASK_RUNNING')],
      }),
    );
    expect((await framework.next('UPDATE', seen)).update.status).toMatchObject({
      state: 'TASK_RUNNING',
      message: 'Unknown agent reregistered',
    });
    const record = served.master.registry.frameworks.get(framework.id.value);
    expect([record?.tasks.size, record?.completedTasks.length]).toEqual([1, 0]);
  });
});

describe('an agent that an operator marks as gone', () => {
  it('is shut down, its tasks are over, and it may not come back', async () => {
    const { framework, agent } = await aRunningTask(CAPABLE);
    expect(served.master.agents.markGone(agent.id)).toBe(true);
    expect((await agent.told('SHUTDOWN')).shutdown).toEqual({ message: 'Agent has been marked gone' });
    expect(await framework.status('t1', 'TASK_GONE_BY_OPERATOR')).toMatchObject({
      reason: 'REASON_AGENT_REMOVED_BY_OPERATOR',
      message: 'Agent has been marked gone',
    });
    const again = stack.use(await SilentAgent.register(served.address, { id: agent.id }));
    expect((await again.told('ERROR')).error).toEqual({ message: 'Agent has been marked gone' });
    await waitUntil(() => again.isEnded, { what: 'its stream to end' });
    expect(served.master.registry.agents.size).toBe(0);
  });

  it('while it is unreachable ends its unreachable tasks', async () => {
    const { framework, agent } = await aRunningTask(CAPABLE);
    await freeze();
    await framework.status('t1', 'TASK_UNREACHABLE');
    expect(served.master.agents.markGone(agent.id)).toBe(true);
    await framework.status('t1', 'TASK_GONE_BY_OPERATOR');
    const record = served.master.registry.frameworks.get(framework.id.value);
    expect([record?.unreachableTasks.size, record?.completedTasks.length]).toEqual([0, 1]);
    expect(served.master.counters.get('tasks_gone_by_operator')).toBe(1);
  });

  it('has to be known', () => {
    expect(served.master.agents.markGone('nobody')).toBe(false);
  });
});

describe('the master', () => {
  it('leaves no timer running when it is disposed', async () => {
    await aRunningTask();
    const framework = await ScriptedFramework.subscribe(served.address, { failover_timeout: 1e8 });
    await framework[Symbol.asyncDispose]();
    await waitUntil(() => served.master.registry.frameworks.get(framework.id.value)?.channel === undefined, {
      what: 'the loss',
    });
    await stack.disposeAsync();
    await clock.advance(0);
    expect(clock.pendingCount).toBe(0);
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.ts';
import {
  ScriptedFramework,
  serveMaster,
  SilentAgent,
  type ScriptedAgentOptions,
  type ServedMaster,
} from '../testing/scripted-peers.ts';

let stack: AsyncDisposableStack;
let clock: ManualClock;
let served: ServedMaster;
const agents: Record<string, string> = {};
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  clock = new ManualClock();
  served = stack.use(await serveMaster({ clock, agentPingTimeoutMs: 1_000, agentPingTimeoutCountMax: 1 }));
  const register = async (options: ScriptedAgentOptions = {}): Promise<SilentAgent> => {
    const agent = stack.use(await SilentAgent.register(served.address, options));
    await agent.told('REGISTERED');
    return agent;
  };
  agents['unreachable'] = (await register()).id;
  await clock.advance(1_000);
  const gone = await register();
  served.master.agents.markGone(gone.id);
  agents['gone'] = gone.id;
  agents['registered'] = (await register()).id;
});
afterEach(async () => {
  await stack.disposeAsync();
});

const CASES = [
  ['registered', 'TASK_GONE', 'Reconciliation: Task is unknown to the agent'],
  ['unreachable', 'TASK_UNREACHABLE', 'Reconciliation: Task is unreachable'],
  ['gone', 'TASK_GONE_BY_OPERATOR', 'Reconciliation: Task is gone'],
  ['never heard of', 'TASK_UNKNOWN', 'Reconciliation: Task is unknown'],
  [undefined, 'TASK_UNKNOWN', 'Reconciliation: Task is unknown'],
] as const;

describe.each([
  ['with PARTITION_AWARE', [{ type: 'PARTITION_AWARE' }]],
  ['without PARTITION_AWARE', []],
])('RECONCILE of a framework %s', (_, capabilities) => {
  it.each(CASES)('of a task on an agent that is %s', async (which, state, message) => {
    await using framework = await ScriptedFramework.subscribe(served.address, { capabilities });
    const agentId = which === undefined ? undefined : { value: agents[which] ?? which };
    const task = { task_id: { value: 't' }, ...(agentId === undefined ? {} : { agent_id: agentId }) };
    await framework.call({ type: 'RECONCILE', reconcile: { tasks: [task] } });
    const { unreachable_time: unreachableTime, ...status } = (await framework.next('UPDATE')).update.status;
    expect(unreachableTime !== undefined).toBe(which === 'unreachable');
    expect(status).toEqual({
      task_id: { value: 't' },
      ...(agentId === undefined ? {} : { agent_id: agentId }),
      state: capabilities.length > 0 ? state : 'TASK_LOST',
      source: 'SOURCE_MASTER',
      reason: 'REASON_RECONCILIATION',
      message,
      timestamp: clock.now() / 1000,
    });
  });
});

describe('RECONCILE', () => {
  it('tells of named tasks in their order, and of all that are there when none is named', async () => {
    await using framework = await ScriptedFramework.subscribe(served.address);
    await framework.launch('a', 'b');
    const names = (from: number): string[] =>
      framework.events.slice(from).map(({ update }) => `${update?.status.task_id.value} ${update?.status.state}`);
    let seen = framework.events.length;
    const tasks = ['b', 'x', 'a'].map((value) => ({ task_id: { value } }));
    await framework.call({ type: 'RECONCILE', reconcile: { tasks } });
    await framework.status('a', 'TASK_STAGING');
    expect(names(seen)).toEqual(['b TASK_STAGING', 'x TASK_LOST', 'a TASK_STAGING']);
    seen = framework.events.length;
    await framework.call({ type: 'RECONCILE', reconcile: { tasks: [] } });
    await framework.next('UPDATE', seen + 1);
    expect(names(seen)).toEqual(['a TASK_STAGING', 'b TASK_STAGING']);
    expect(framework.events.at(-1)?.update.status.message).toBe('Reconciliation: Latest task state');
  });
});

describe('KILL', () => {
  it('of an unknown task reconciles it, with the agent that is named', async () => {
    const capabilities = [{ type: 'PARTITION_AWARE' }];
    await using framework = await ScriptedFramework.subscribe(served.address, { capabilities });
    const agentId = { value: agents['unreachable'] };
    await framework.call({ type: 'KILL', kill: { task_id: { value: 't' }, agent_id: agentId } });
    expect((await framework.status('t', 'TASK_UNREACHABLE')).reason).toBe('REASON_RECONCILIATION');
  });

  it('that names another agent than its own is ignored', async () => {
    await using framework = await ScriptedFramework.subscribe(served.address);
    await framework.launch('t');
    const seen = framework.events.length;
    const kill = { task_id: { value: 't' }, agent_id: { value: 'other' } };
    expect((await framework.call({ type: 'KILL', kill })).status).toBe(202);
    await framework.call({ type: 'RECONCILE', reconcile: {} });
    await framework.next('UPDATE', seen);
    expect(served.master.registry.agents.get(agents['registered'] ?? '')?.killed.size).toBe(0);
  });
});

describe('RECONCILE_OPERATIONS', () => {
  it.each([
    ['registered', 'OPERATION_UNKNOWN', 'Reconciliation: Operation is unknown'],
    ['unreachable', 'OPERATION_UNREACHABLE', 'Reconciliation: Agent is unreachable'],
    ['gone', 'OPERATION_GONE_BY_OPERATOR', 'Reconciliation: Agent marked gone by operator'],
    ['never heard of', 'OPERATION_UNKNOWN', 'Reconciliation: Both operation and agent are unknown'],
    [undefined, 'OPERATION_UNKNOWN', "Reconciliation: Operation is unknown and no 'agent_id' was provided"],
  ])('of an operation on an agent that is %s', async (which, state, message) => {
    await using framework = await ScriptedFramework.subscribe(served.address);
    const agentId = which === undefined ? {} : { agent_id: { value: agents[which] ?? which } };
    const operations = [{ operation_id: { value: 'op' }, ...agentId }];
    await framework.call({ type: 'RECONCILE_OPERATIONS', reconcile_operations: { operations } });
    expect((await framework.next('UPDATE_OPERATION_STATUS')).update_operation_status.status).toEqual({
      state,
      message,
      operation_id: { value: 'op' },
      ...agentId,
    });
  });
});

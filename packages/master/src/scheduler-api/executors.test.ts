import { waitUntil } from '@drydock/base/wait-until';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedAgent, ScriptedFramework, serveMaster, type ServedMaster } from '../testing/scripted-peers.ts';

let stack: AsyncDisposableStack;
let served: ServedMaster;
let framework: ScriptedFramework;
let agent: ScriptedAgent;
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  served = stack.use(await serveMaster());
  framework = stack.use(await ScriptedFramework.subscribe(served.address));
  agent = stack.use(await ScriptedAgent.register(served.address));
  await waitUntil(() => agent.link.state === 'registered', { what: 'the link to be up' });
});
afterEach(async () => {
  await stack.disposeAsync();
});

const data = Buffer.from([0, 255, 10, 0]);
const executorId = { value: 'e1' };

describe('MESSAGE', () => {
  it('goes from a framework to its executor and back, byte for byte', async () => {
    const message = { agent_id: { value: agent.id }, executor_id: executorId, data: data.toString('base64') };
    await framework.call({ type: 'MESSAGE', message });
    expect((await agent.told('MESSAGE')).message).toEqual({
      framework_id: framework.id,
      executor_id: executorId,
      data,
    });
    await agent.link.send({ type: 'MESSAGE', message: { framework_id: framework.id, executor_id: executorId, data } });
    expect((await framework.next('MESSAGE')).message).toEqual(message);
    const { counters } = served.master;
    expect(counters.get('valid_framework_to_executor_messages')).toBe(1);
    expect(counters.get('valid_executor_to_framework_messages')).toBe(1);
  });

  it('to an agent that is not there is dropped', async () => {
    const message = { agent_id: { value: 'nobody' }, executor_id: executorId, data: '' };
    expect((await framework.call({ type: 'MESSAGE', message })).status).toBe(202);
    expect(served.master.counters.get('invalid_framework_to_executor_messages')).toBe(1);
  });

  it('of an executor whose framework is not there is dropped', async () => {
    await agent.link.send({
      type: 'MESSAGE',
      message: { framework_id: { value: 'nobody' }, executor_id: executorId, data },
    });
    expect(served.master.counters.get('invalid_executor_to_framework_messages')).toBe(1);
  });
});

describe('SHUTDOWN', () => {
  it('reaches the agent of the executor', async () => {
    await framework.call({ type: 'SHUTDOWN', shutdown: { executor_id: executorId, agent_id: { value: agent.id } } });
    expect((await agent.told('SHUTDOWN_EXECUTOR')).shutdown_executor).toEqual({
      framework_id: framework.id,
      executor_id: executorId,
    });
  });
});

describe('ACKNOWLEDGE', () => {
  it('reaches the agent also for a task that the master does not know', async () => {
    const uuid = Buffer.alloc(16, 3).toString('base64');
    const acknowledge = { agent_id: { value: agent.id }, task_id: { value: 'x' }, uuid };
    await framework.call({ type: 'ACKNOWLEDGE', acknowledge });
    expect((await agent.told('STATUS_ACKNOWLEDGED')).status_acknowledged?.task_id).toEqual({ value: 'x' });
  });

  it('without the agent is ignored: the task waits for one that arrives', async () => {
    await framework.launch('t1');
    await agent.told('RUN_TASK');
    await agent.report(framework.id, 't1', 'TASK_FINISHED');
    const { uuid } = await framework.status('t1', 'TASK_FINISHED');
    const { id } = agent;
    await agent[Symbol.asyncDispose]();
    await waitUntil(() => served.master.registry.agents.get(id)?.channel === undefined, { what: 'the loss' });
    const acknowledge = { agent_id: { value: id }, task_id: { value: 't1' }, uuid };
    expect((await framework.call({ type: 'ACKNOWLEDGE', acknowledge })).status).toBe(202);
    const record = served.master.registry.frameworks.get(framework.id.value);
    expect([record?.tasks.size, record?.completedTasks.length]).toEqual([1, 0]);
    expect(served.master.counters.get('invalid_status_update_acknowledgements')).toBe(1);
  });
});

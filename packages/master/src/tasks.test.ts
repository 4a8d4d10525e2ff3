import { describe, expect, it } from 'vitest';
import { ScriptedAgent, ScriptedFramework, serveMaster } from './testing/scripted-peers.ts';

describe('a task', () => {
  it('keeps its first status and the newest ones, however often it changes', async () => {
    await using served = await serveMaster();
    await using framework = await ScriptedFramework.subscribe(served.address);
    await using agent = await ScriptedAgent.register(served.address);
    await framework.launch('a');
    await agent.told('RUN_TASK');
    await agent.report(framework.id, 'a', 'TASK_STAGING');
    for (let count = 0; count < 100; count += 1) {
      await agent.report(framework.id, 'a', 'TASK_STARTING');
      await agent.report(framework.id, 'a', 'TASK_RUNNING');
    }
    const task = served.master.registry.frameworks.get(framework.id.value)?.tasks.get('a');
    const states = task?.statuses.map(({ state }) => state) ?? [];
    expect([states.length, ...states.slice(0, 2), ...states.slice(-2)]).toEqual([
      128,
      'TASK_STAGING',
      'TASK_RUNNING',
      'TASK_STARTING',
      'TASK_RUNNING',
    ]);
  });
});

describe('what the master counts', () => {
  it('never falls: ends of tasks are counted when they come, not when they are looked at', async () => {
    await using served = await serveMaster({ completedTaskCountMax: 1, completedFrameworkCountMax: 0 });
    await using framework = await ScriptedFramework.subscribe(served.address);
    await using agent = await ScriptedAgent.register(served.address);
    const metrics = async (): Promise<Record<string, number>> => {
      const response = await fetch(`http://${served.address}/metrics/snapshot`);
      return (await response.json()) as Record<string, number>;
    };
    await framework.launch('a', 'b', 'c', 'd');
    await agent.told('RUN_TASK');
    for (const [id, state] of [
      ['a', 'TASK_FINISHED'],
      ['b', 'TASK_FINISHED'],
      ['c', 'TASK_FAILED'],
    ] as const) {
      await agent.report(framework.id, id, state);
      const { uuid } = await framework.status(id, state);
      // A copy of an end is not another end.
      await agent.report(framework.id, id, state);
      const acknowledge = { agent_id: { value: agent.id }, task_id: { value: id }, uuid };
      await framework.call({ type: 'ACKNOWLEDGE', acknowledge });
    }
    const expected = { 'master/tasks_finished': 2, 'master/tasks_failed': 1, 'master/tasks_killed': 0 };
    expect(await metrics()).toMatchObject({ ...expected, 'master/tasks_staging': 1 });
    await framework.call({ type: 'TEARDOWN' });
    expect(await metrics()).toMatchObject({ ...expected, 'master/tasks_killed': 1, 'master/tasks_staging': 0 });
    expect(served.master.registry.completedFrameworks.size).toBe(0);
  });
});

import { describe, expect, it } from 'vitest';
import { waitUntil } from '@drydock/base/wait-until';
import { ScriptedAgent, ScriptedFramework, serveMaster } from './testing/scripted-peers.ts';

describe('MasterEvents', () => {
  it('tell of agents, frameworks and tasks as they come, change and go, until nobody listens', async () => {
    await using served = await serveMaster();
    const seen: string[] = [];
    const { registry, events } = served.master;
    const observation = events.observe({
      frameworkAdded: ({ id }) => void seen.push(`framework added: ${registry.frameworks.has(id)}`),
      frameworkUpdated: ({ info }) => void seen.push(`framework updated: ${info.webui_url}`),
      frameworkRemoved: ({ id }) => void seen.push(`framework removed: ${registry.completedFrameworks.has(id)}`),
      agentAdded: ({ id, channel }) =>
        void seen.push(`agent added: ${registry.agents.has(id) && channel !== undefined}`),
      agentRemoved: ({ id }) => void seen.push(`agent removed: ${!registry.agents.has(id)}`),
      taskAdded: ({ info }) => void seen.push(`task added: ${info.task_id.value}`),
      taskUpdated: (task, status, state) => {
        expect(task.status).toBe(status);
        seen.push(`task updated: ${task.info.task_id.value} ${state}`);
      },
    });
    const first = await ScriptedFramework.subscribe(served.address, { failover_timeout: 60 });
    const info = { id: first.id, webui_url: 'http://ui', failover_timeout: 60 };
    await using framework = await ScriptedFramework.subscribe(served.address, info);
    const agent = await ScriptedAgent.register(served.address);
    await framework.launch('t1');
    await agent.told('RUN_TASK');
    await agent.report(framework.id, 't1', 'TASK_RUNNING');
    await agent.report(framework.id, 't1', 'TASK_RUNNING');
    await agent.report(framework.id, 't1', 'TASK_FINISHED');
    await framework.status('t1', 'TASK_FINISHED');
    await agent.link.send({ type: 'UNREGISTER' });
    await waitUntil(() => registry.agents.size === 0, { what: 'the agent to be removed' });
    await framework.call({ type: 'TEARDOWN' });
    const expected = [
      'framework added: true',
      'framework updated: http://ui',
      'agent added: true',
      'task added: t1',
      'task updated: t1 TASK_RUNNING',
      'task updated: t1 TASK_FINISHED',
      'agent removed: true',
      'framework removed: true',
    ];
    expect(seen).toEqual(expected);
    await agent[Symbol.asyncDispose]();

    observation[Symbol.dispose]();
    expect(events.isObserved).toBe(false);
    await using _later = await ScriptedFramework.subscribe(served.address);
    expect(seen).toEqual(expected);
  });
});

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitUntil } from '@drydock/base/wait-until';
import { filesRoutes, startHttpService, type AgentApiEvent, type VirtualFiles } from '@drydock/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Agent } from './agent.ts';
import {
  startScriptedWorld,
  type ScriptedContainerizer,
  type ScriptedMaster,
  type ScriptedWorld,
} from './testing/scripted-world.ts';

let world: ScriptedWorld;
let master: ScriptedMaster;
let containerizer: ScriptedContainerizer;
let agent: Agent;
let files: VirtualFiles;
beforeEach(async () => {
  world = await startScriptedWorld();
  ({ master, containerizer, agent, files } = world);
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

describe('Agent', () => {
  it('runs the tasks of a framework that comes back while those of its earlier life are still ending', async () => {
    master.runTask('t');
    expect([(await master.next(0)).state, (await master.next(1)).state]).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
    master.send({ type: 'SHUTDOWN_FRAMEWORK', shutdown_framework: { framework_id: { value: 'F' } } });
    const [first] = containerizer.containers;
    await waitUntil(() => first?.calls.includes('terminate'), { what: 'the first task to be asked to end' });

    master.runTask('t');
    expect([(await master.next(2)).state, (await master.next(3)).state]).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
    first?.end();
    await waitUntil(() => agent.activeRuns.length === 1, { what: 'the first container to be cleaned up' });
    expect(agent.frameworks.map(({ runs }) => [...runs.keys()])).toEqual([['t']]);

    const [, second] = containerizer.containers;
    master.killTask('t');
    await waitUntil(() => second?.calls.includes('terminate'), { what: 'the second task to be asked to end' });
    second?.end();
    expect((await master.next(4)).state).toBe('TASK_KILLED');
    await waitUntil(() => agent.frameworks.length === 0, { what: 'the framework to be completed' });
    expect(agent.completedFrameworks.map(({ completed }) => completed.at(-1)?.tasks[0]?.state)).toEqual([
      'TASK_KILLED',
    ]);
  });

  it("runs everything as its own user without --switch_user, whatever the task's command says", async () => {
    master.runTask('t');
    await master.next(0);
    expect(containerizer.configs).toMatchObject([{ user: 'root', command: { value: 'true', user: 'root' } }]);
  });

  it('shows the newest sandbox of a task that ran again and again', async () => {
    await using service = await startHttpService({ port: 0, prefix: 'slave(1)', routes: filesRoutes(files) });
    for (let round = 0; round < 3; round += 1) {
      master.runTask('t');
      await master.next(3 * round);
      await master.next(3 * round + 1);
      containerizer.containers[round]?.end();
      await master.next(3 * round + 2);
      await waitUntil(() => agent.frameworks.length === 0, { what: 'the framework to be completed' });
    }
    const path = '/frameworks/F/executors/t/runs/latest/stdout';
    const response = await fetch(`http://127.0.0.1:${service.port}/files/download?path=${path}`);
    expect(await response.text()).toContain('Starting task t');
  });

  it('kills a task whose kill comes when its container is forked and nobody supervises it yet', async () => {
    let isAsked = false;
    containerizer.onLaunch = () => {
      const [framework] = agent.frameworks;
      const run = framework?.runs.get('t');
      void run?.kill('t', undefined);
      isAsked = run !== undefined;
    };
    master.runTask('t');
    const status = await master.next(0);
    expect(isAsked).toBe(true);
    expect(status).toMatchObject({
      state: 'TASK_KILLED',
      source: 'SOURCE_AGENT',
      reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
    });
    expect(containerizer.containers.flatMap(({ calls }) => calls)).toEqual([]);
  });
});

describe('what the master says to an agent', () => {
  const ids = { framework_id: { value: 'F' }, executor_id: { value: 't' } };
  const updateFramework: AgentApiEvent = {
    type: 'UPDATE_FRAMEWORK',
    update_framework: { framework_info: { user: 'root', name: 'renamed', id: { value: 'F' } } },
  };

  it('SHUTDOWN_EXECUTOR: ends the executor of a command task, which has the id of the task', async () => {
    master.runTask('t');
    await master.next(0);
    await master.next(1);
    master.send({ type: 'SHUTDOWN_EXECUTOR', shutdown_executor: { ...ids, executor_id: { value: 'other' } } });
    master.send({ type: 'SHUTDOWN_EXECUTOR', shutdown_executor: ids });
    const [container] = containerizer.containers;
    await waitUntil(() => container?.calls.includes('terminate'), { what: 'the task to be asked to end' });
    container?.end();
    expect((await master.next(2)).state).toBe('TASK_KILLED');
  });

  it('MESSAGE: is noted by the command executor, and goes no further', async () => {
    master.runTask('t');
    await master.next(0);
    await master.next(1);
    master.send({ type: 'MESSAGE', message: { ...ids, data: Buffer.from('hello') } });
    const sandbox = agent.frameworks[0]?.runs.get('t')?.sandbox ?? '';
    const stdout = async (): Promise<string> => await readFile(join(sandbox, 'stdout'), 'utf8');
    await waitUntil(async () => (await stdout()).includes('Received MESSAGE event\n'), { what: 'the line' });
    expect(await stdout()).not.toContain('hello');
  });

  it('UPDATE_FRAMEWORK: tells at once what has not been acknowledged', async () => {
    master.runTask('t');
    await waitUntil(() => master.statuses.length === 1, { what: 'the first status' });
    master.send(updateFramework);
    await waitUntil(() => master.statuses.length === 2, { what: 'it again' });
    expect(master.statuses[1]).toEqual(master.statuses[0]);
    expect(agent.frameworks[0]?.info.name).toBe('renamed');
  });

  it('RUN_TASK under the id of one that runs: is an error', async () => {
    master.runTask('t');
    await master.next(0);
    await master.next(1);
    master.runTask('t');
    const status = await waitUntil(() => master.statuses[2], { what: 'the refusal' });
    expect(status).toMatchObject({ state: 'TASK_ERROR', source: 'SOURCE_AGENT', message: 'Task has duplicate ID: t' });
    expect(status).not.toHaveProperty('uuid');
    expect(containerizer.containers).toHaveLength(1);
  });

  it('RUN_TASK under the id of one whose container is being cleaned up: runs', async () => {
    const cleanUp = Promise.withResolvers<void>();
    const { destroy } = containerizer;
    containerizer.destroy = async () => await cleanUp.promise;
    master.runTask('t');
    await master.next(0);
    await master.next(1);
    containerizer.containers[0]?.end();
    expect((await master.next(2)).state).toBe('TASK_FINISHED');
    expect(agent.activeRuns).toHaveLength(1);
    master.runTask('t');
    expect([(await master.next(3)).state, (await master.next(4)).state]).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
    containerizer.destroy = destroy;
    cleanUp.resolve();
  });

  it('RUN_TASK under the id of one whose acknowledged end was not heard of: runs', async () => {
    master.runTask('t');
    await master.next(0);
    await master.next(1);
    containerizer.containers[0]?.end();
    await waitUntil(() => master.statuses[2]?.state === 'TASK_FINISHED', { what: 'the end' });
    master.runTask('t');
    expect([(await master.next(3)).state, (await master.next(4)).state]).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
  });

  it('RUN_TASK while it shuts down: is lost', async () => {
    master.runTask('t');
    await master.next(0);
    await master.next(1);
    const drained = agent.drain();
    master.runTask('t2');
    const status = await waitUntil(() => master.statuses[2], { what: 'the refusal' });
    expect(status).toMatchObject({
      task_id: { value: 't2' },
      state: 'TASK_LOST',
      source: 'SOURCE_AGENT',
      reason: 'REASON_AGENT_REMOVED',
      message: 'Agent is shutting down',
    });
    containerizer.containers[0]?.end();
    await drained;
    expect(agent.state).toBe('stopped');
  });
});

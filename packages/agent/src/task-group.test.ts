import { waitUntil } from '@drydock/base/wait-until';
import type { TaskInfo } from '@drydock/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Agent } from './agent.ts';
import {
  startScriptedWorld,
  type ScriptedContainer,
  type ScriptedContainerizer,
  type ScriptedMaster,
  type ScriptedWorld,
} from './testing/scripted-world.ts';

let world: ScriptedWorld;
let master: ScriptedMaster;
let containerizer: ScriptedContainerizer;
let agent: Agent;
beforeEach(async () => {
  world = await startScriptedWorld();
  ({ master, containerizer, agent } = world);
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

describe('a task group', () => {
  const executor = {
    type: 'DEFAULT' as const,
    executor_id: { value: 'e' },
    shutdown_grace_period: { nanoseconds: 10e6 },
  };
  const aTask = (id: string): TaskInfo => ({
    name: id,
    task_id: { value: id },
    agent_id: { value: 'S0' },
    command: { value: `run ${id}` },
  });
  const runGroup = (...ids: readonly string[]): void =>
    master.send({
      type: 'RUN_TASK_GROUP',
      run_task_group: {
        framework_info: { user: 'root', name: 'f', id: { value: 'F' } },
        executor,
        task_group: { tasks: ids.map(aTask) },
      },
    });
  const containerOf = (id: string): ScriptedContainer | undefined =>
    containerizer.containers[containerizer.configs.findIndex(({ command }) => command.value === `run ${id}`)];
  const acknowledgeAll = (): void => {
    for (const status of master.statuses) master.acknowledge(status);
  };
  /** In their order. */
  const statesOf = (id: string): readonly string[] =>
    master.statuses.filter(({ task_id: taskId }) => taskId.value === id).map(({ state }) => state);
  const running = async (...ids: readonly string[]): Promise<void> => {
    await waitUntil(
      () => ids.every((id) => agent.frameworks[0] !== undefined && statesOf(id).includes('TASK_STARTING')),
      {
        what: 'the tasks to start',
      },
    );
    acknowledgeAll();
    await waitUntil(() => ids.every((id) => statesOf(id).includes('TASK_RUNNING')), { what: 'the tasks to run' });
    acknowledgeAll();
  };
  const overWith = async (count: number): Promise<void> => {
    await waitUntil(
      () => {
        acknowledgeAll();
        return master.exits.length === count;
      },
      { what: 'the executor to end' },
    );
  };

  it('runs in containers nested in that of its executor, which ends with its last task', async () => {
    runGroup('a', 'b');
    await running('a', 'b');
    const [run] = agent.activeRuns;
    expect(containerizer.ids.map(({ parent }) => parent)).toEqual([run?.containerId, run?.containerId]);
    expect(master.statuses[0]).toMatchObject({ executor_id: { value: 'e' }, container_status: {} });
    for (const container of containerizer.containers) container.end();
    await overWith(1);
    expect(statesOf('a').at(-1)).toBe('TASK_FINISHED');
    expect(statesOf('b').at(-1)).toBe('TASK_FINISHED');
    expect(master.exits).toEqual([{ framework_id: { value: 'F' }, executor_id: { value: 'e' }, status: 0 }]);
    await waitUntil(() => agent.frameworks.length === 0, { what: 'the framework to be completed' });
    expect(containerizer.destroyed.at(-1)).toEqual(run?.containerId);
  });

  it('is killed whole when one of its tasks is', async () => {
    runGroup('a', 'b');
    await running('a', 'b');
    master.killTask('a');
    const [a, b] = [containerOf('a'), containerOf('b')];
    await waitUntil(() => a?.calls.includes('terminate'), { what: 'the task to be asked to end' });
    expect(b?.calls).not.toContain('terminate');
    a?.end();
    await waitUntil(() => b?.calls.includes('terminate'), { what: 'the other to be asked, too' });
    b?.end();
    await overWith(1);
    expect([statesOf('a').at(-1), statesOf('b').at(-1)]).toEqual(['TASK_KILLED', 'TASK_KILLED']);
  });

  it('is joined by a further group of its executor, which does not end with it', async () => {
    runGroup('a');
    await running('a');
    runGroup('b');
    await running('b');
    expect(agent.activeRuns).toHaveLength(1);
    containerOf('a')?.end();
    await waitUntil(() => statesOf('a').includes('TASK_FINISHED'), { what: 'the first to end' });
    acknowledgeAll();
    expect(statesOf('b').at(-1)).toBe('TASK_RUNNING');
    expect(master.exits).toEqual([]);
    containerOf('b')?.end();
    await overWith(1);
    expect(statesOf('b').at(-1)).toBe('TASK_FINISHED');
  });

  it('of an executor that goes on may have a task under the id of one that has ended: it is the one that is killed', async () => {
    runGroup('a');
    await running('a');
    runGroup('b');
    await running('b');
    containerOf('b')?.end();
    await waitUntil(() => statesOf('b').includes('TASK_FINISHED'), { what: 'the task to end' });
    acknowledgeAll();
    const of = (id: string): readonly string[] =>
      agent.activeRuns.flatMap(({ tasks }) => tasks.filter((task) => task.id === id).map(({ state }) => state));
    await waitUntil(() => agent.activeRuns[0]?.tasks[1]?.isAcknowledged === true, { what: 'its end to be known' });
    runGroup('b');
    await waitUntil(() => of('b').join() === 'TASK_RUNNING', { what: 'the new one to be the only one' });
    master.killTask('b');
    const newest = containerizer.containers.at(-1);
    await waitUntil(() => newest?.calls.includes('terminate'), { what: 'the new one to be asked to end' });
    newest?.end();
    await waitUntil(
      () => {
        acknowledgeAll();
        return statesOf('b').includes('TASK_KILLED');
      },
      { what: 'the new one to be killed' },
    );
    expect(of('b')).toEqual(['TASK_KILLED']);
    expect(of('a')).toEqual(['TASK_RUNNING']);
    containerOf('a')?.end();
    await overWith(1);
  });

  it('does not run when the container of its executor cannot be prepared', async () => {
    containerizer.launchWithoutProcess = async () => await Promise.reject(new Error('no volume'));
    runGroup('a', 'b');
    await overWith(1);
    expect(master.statuses.map(({ state, reason, message }) => [state, reason, message])).toEqual(
      Array.from({ length: 2 }, () => [
        'TASK_FAILED',
        'REASON_CONTAINER_LAUNCH_FAILED',
        'Failed to launch container: no volume',
      ]),
    );
    expect(containerizer.containers).toEqual([]);
  });

  it('is killed promptly while the container of its executor is prepared', async () => {
    const aborted = Promise.withResolvers<never>();
    containerizer.launchWithoutProcess = async (_id, _config, { signal }) => {
      signal.addEventListener('abort', () => aborted.reject(new Error('aborted')));
      await aborted.promise;
    };
    runGroup('a', 'b');
    await waitUntil(() => agent.activeRuns.length === 1, { what: 'the executor to be launched' });
    master.killTask('a');
    await overWith(1);
    expect(master.statuses.map(({ state }) => state)).toEqual(['TASK_KILLED', 'TASK_KILLED']);
  });

  it('has the master told of the end of its executor until the master takes that', async () => {
    master.refusedExitCount = 1;
    runGroup('a');
    await running('a');
    containerOf('a')?.end();
    await overWith(1);
    expect(master.refusedExitCount).toBe(0);
  });

  it('is shut down with the grace period of its executor', async () => {
    runGroup('a');
    await running('a');
    master.send({
      type: 'SHUTDOWN_EXECUTOR',
      shutdown_executor: { framework_id: { value: 'F' }, executor_id: { value: 'e' } },
    });
    // SIGKILL, which ends a scripted container, comes after the executor's 10 ms; the agent's would be a minute.
    await overWith(1);
    expect(containerOf('a')?.calls).toContain('terminate');
    expect(statesOf('a').at(-1)).toBe('TASK_KILLED');
  });

  it('with the id of a task that runs is refused, and its executor is over', async () => {
    master.runTask('a');
    await master.next(0);
    await master.next(1);
    runGroup('a', 'b');
    await waitUntil(() => master.exits.length === 1, { what: 'the executor to be over' });
    const refused = master.statuses.filter(({ state }) => state === 'TASK_ERROR');
    expect(refused.map(({ message }) => message)).toEqual(Array.from({ length: 2 }, () => 'Task has duplicate ID: a'));
    expect(master.exits).toEqual([{ framework_id: { value: 'F' }, executor_id: { value: 'e' }, status: -1 }]);
  });
});

import { waitUntil } from '@drydock/base/wait-until';
import { WaitFor, type WaitCondition } from '@drydock/cluster';
import {
  MesosClusterContainers,
  type ContainerAgent,
  type StartedContainersCluster,
} from '@drydock/cluster/containers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { logsOf } from '../testing/logs-of.ts';
import { PinnedTasks } from '../testing/pinned-tasks.ts';
import { assertNothingLeft, aVolume } from '../testing/test-cluster.ts';

/** Programs and hosts that die and come back. */
let cluster: StartedContainersCluster;
let agent: ContainerAgent;
let tasks: PinnedTasks;

const DRIVER = 'convoy-0.5-devicemapper';

beforeAll(async () => {
  cluster = await new MesosClusterContainers()
    .withAgents(2)
    .withDriver(DRIVER)
    .withLogsDirectory(logsOf('failures'))
    .start();
  [agent] = cluster.agents as [ContainerAgent];
});
afterAll(async () => {
  await cluster.stop();
});
beforeEach(async () => {
  tasks = await PinnedTasks.subscribe(cluster, { failover_timeout: 600 });
});
afterEach(async () => {
  await tasks[Symbol.asyncDispose]();
  await assertNothingLeft(cluster);
});

const volumes = [aVolume({ driver: DRIVER, name: 'kept' })];
/** Runs until somebody leaves a file for it, then says what it finds. */
const waiting = (name: string): { name: string; command: string; volumes: typeof volumes } => ({
  name,
  command: `until [ -e go ]; do sleep 0.1; done; echo ${name} >>/data/log; cat /data/log`,
  volumes,
});
/** Lets a waiting task go on, through its sandbox. */
const letGo = async (name: string, sandbox?: string): Promise<void> => {
  const directory = sandbox ?? (await cluster.sandbox({ id: name })).directory;
  expect(await agent.exec(['touch', `${directory}/go`])).toMatchObject({ exitCode: 0 });
};
/** Calls of a driver, since it or its host was started. */
const countOf = async (method: string): Promise<number> =>
  (await agent.driver(DRIVER).requests()).filter((one) => one.method === `VolumeDriver.${method}`).length;

/** Whether the agent has nothing more to tell of a task. */
const isSettled = (id: string): WaitCondition =>
  WaitFor.state<AgentState>(`nothing to tell of ${id}`, ({ frameworks, completed_frameworks }) =>
    [...frameworks, ...completed_frameworks].some(({ completed_executors }) =>
      completed_executors.some((executor) => executor.id === id),
    ),
  );
interface AgentState {
  readonly frameworks: readonly AgentFramework[];
  readonly completed_frameworks: readonly AgentFramework[];
}
interface AgentFramework {
  readonly completed_executors: readonly { readonly id: string }[];
}

describe('a cluster whose parts fail', { tags: ['docker'] }, () => {
  it('keeps tasks and volumes when an agent is killed; updates are told until they are acknowledged, and not after', async () => {
    const { framework } = tasks;
    await tasks.launch(agent, waiting('k1'));
    await tasks.running('k1');
    const id = await agent.id();
    const mounts = await countOf('Mount');
    const { directory } = await cluster.sandbox({ id: 'k1' });
    framework.acknowledges = false;
    await agent.kill('SIGKILL');
    // It ends while there is no agent.
    await letGo('k1', directory);
    await agent.restart();
    expect(await agent.id()).toBe(id);
    const told = (): number => framework.statesOf('k1').filter((state) => state === 'TASK_FINISHED').length;
    // At the latest 10 s after the first time. @see src/slave/constants.hpp, STATUS_UPDATE_RETRY_INTERVAL_MIN
    await waitUntil(() => told() >= 2, { what: 'the end of k1 to be told again', timeoutMs: 40_000 });
    await framework.acknowledgeAll();
    await agent.waitFor(isSettled('k1'));
    expect((await tasks.end('k1')).stdout).toContain('\nk1\n');
    expect(await countOf('Mount')).toBe(mounts);
    await cluster.waitUntilIdle();
    expect(await countOf('Unmount')).toBe(1);
  });

  it('keeps tasks, volumes and frameworks when the master is restarted', async () => {
    await tasks.launch(agent, waiting('m1'));
    await tasks.running('m1');
    const id = await agent.id();
    await cluster.master.kill('SIGKILL');
    await cluster.master.restart();
    await tasks.framework.subscribe({
      failover_timeout: 600,
      checkpoint: true,
      capabilities: [{ type: 'PARTITION_AWARE' }],
    });
    await cluster.master.waitFor(WaitFor.metric('master/slaves_active', (count) => count === 2));
    expect(await agent.id()).toBe(id);
    expect(await cluster.task({ id: 'm1' }).state()).toBe('TASK_RUNNING');
    await letGo('m1');
    expect(await tasks.end('m1')).toMatchObject({ state: 'TASK_FINISHED', stdout: expect.stringContaining('\nm1\n') });
  });

  it('keeps tasks and their volumes when a driver is killed, and uses the next one', async () => {
    await tasks.launch(agent, waiting('d1'));
    await tasks.running('d1');
    const driver = agent.driver(DRIVER);
    await driver.kill('SIGKILL');
    const refused = await tasks.run(agent, {
      ...waiting('d2'),
      command: 'true',
      volumes: [aVolume({ driver: DRIVER, name: 'other' })],
    });
    expect(refused).toMatchObject({ state: 'TASK_FAILED', message: expect.stringContaining(DRIVER) });
    await driver.restart();
    await letGo('d1');
    expect(await tasks.end('d1')).toMatchObject({ state: 'TASK_FINISHED', stdout: expect.stringContaining('\nd1\n') });
    const next = await tasks.run(agent, { name: 'd3', command: 'cat /data/log', volumes });
    expect(next).toMatchObject({ state: 'TASK_FINISHED', stdout: expect.stringContaining('\nd1\n') });
  });

  it('tells the end of tasks that a reboot of their host ended; the volumes are as they were', async () => {
    await tasks.launch(agent, { ...waiting('r1'), command: 'echo r1 >>/data/log; sync; exec sleep 600' });
    await tasks.running('r1');
    await waitUntil(async () => (await agent.exec(['grep', '-c', DRIVER, '/proc/mounts'])).stdout.trim() !== '0', {
      what: 'the volume to be mounted',
    });
    await agent.reboot();
    expect((await tasks.end('r1')).state).not.toBe('TASK_FINISHED');
    const next = await tasks.run(agent, { name: 'r2', command: 'cat /data/log', volumes });
    expect(next).toMatchObject({ state: 'TASK_FINISHED', stdout: expect.stringContaining('\nr1\n') });
  });
});

import { waitUntil } from '@drydock/base/wait-until';
import { WaitFor, type WaitCondition } from '@drydock/cluster';
import { MesosClusterContainers } from '@drydock/cluster/containers';
import { describe, expect, it } from 'vitest';
import { containersWorld } from '../testing/containers-world.ts';
import { aVolume } from '../testing/test-cluster.ts';

/** Programs and hosts that die and come back. */
const DRIVER = 'convoy-0.5-devicemapper';
const world = containersWorld('failures', new MesosClusterContainers().withAgents(2).withDriver(DRIVER), {
  failover_timeout: 600,
});

const volumes = [aVolume({ driver: DRIVER, name: 'kept' })];
/** Runs until somebody leaves a file for it, then says what it finds. */
const waiting = (name: string): { name: string; command: string; volumes: typeof volumes } => ({
  name,
  command: `until [ -e go ]; do sleep 0.1; done; echo ${name} >>/data/log; cat /data/log`,
  volumes,
});
/** Calls of a driver, since it or its host was started. */
const countOf = async (method: string): Promise<number> =>
  (await world.agent(0).driver(DRIVER).requests()).filter((one) => one.method === `VolumeDriver.${method}`).length;

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
    const { framework } = world.tasks;
    await world.tasks.launch(world.agent(0), waiting('k1'));
    await world.tasks.running('k1');
    const id = await world.agent(0).id();
    const mounts = await countOf('Mount');
    const { directory } = await world.cluster.sandbox({ id: 'k1' });
    framework.acknowledges = false;
    await world.agent(0).kill('SIGKILL');
    // It ends while there is no world.agent(0).
    await world.letGo('k1', directory);
    await world.agent(0).restart();
    expect(await world.agent(0).id()).toBe(id);
    const told = (): number => framework.statesOf('k1').filter((state) => state === 'TASK_FINISHED').length;
    // At the latest 10 s after the first time. @see src/slave/constants.hpp, STATUS_UPDATE_RETRY_INTERVAL_MIN
    await waitUntil(() => told() >= 2, { what: 'the end of k1 to be told again', timeoutMs: 40_000 });
    await framework.acknowledgeAll();
    await world.agent(0).waitFor(isSettled('k1'));
    expect((await world.tasks.end('k1')).stdout).toContain('\nk1\n');
    expect(await countOf('Mount')).toBe(mounts);
    await world.cluster.waitUntilIdle();
    expect(await countOf('Unmount')).toBe(1);
  });

  it('keeps tasks, volumes and frameworks when the master is restarted', async () => {
    await world.tasks.launch(world.agent(0), waiting('m1'));
    await world.tasks.running('m1');
    const id = await world.agent(0).id();
    await world.cluster.master.kill('SIGKILL');
    await world.cluster.master.restart();
    await world.tasks.framework.subscribe({
      failover_timeout: 600,
      checkpoint: true,
      capabilities: [{ type: 'PARTITION_AWARE' }],
    });
    await world.cluster.master.waitFor(WaitFor.metric('master/slaves_active', (count) => count === 2));
    expect(await world.agent(0).id()).toBe(id);
    expect(await world.cluster.task({ id: 'm1' }).state()).toBe('TASK_RUNNING');
    await world.letGo('m1');
    expect(await world.tasks.end('m1')).toMatchObject({
      state: 'TASK_FINISHED',
      stdout: expect.stringContaining('\nm1\n'),
    });
  });

  it('keeps tasks and their volumes when a driver is killed, and uses the next one', async () => {
    await world.tasks.launch(world.agent(0), waiting('d1'));
    await world.tasks.running('d1');
    const driver = world.agent(0).driver(DRIVER);
    await driver.kill('SIGKILL');
    const refused = await world.tasks.run(world.agent(0), {
      ...waiting('d2'),
      command: 'true',
      volumes: [aVolume({ driver: DRIVER, name: 'other' })],
    });
    expect(refused).toMatchObject({ state: 'TASK_FAILED', message: expect.stringContaining(DRIVER) });
    await driver.restart();
    await world.letGo('d1');
    expect(await world.tasks.end('d1')).toMatchObject({
      state: 'TASK_FINISHED',
      stdout: expect.stringContaining('\nd1\n'),
    });
    const next = await world.tasks.run(world.agent(0), { name: 'd3', command: 'cat /data/log', volumes });
    expect(next).toMatchObject({ state: 'TASK_FINISHED', stdout: expect.stringContaining('\nd1\n') });
  });

  it('tells the end of tasks that a reboot of their host ended; the volumes are as they were', async () => {
    await world.tasks.launch(world.agent(0), {
      ...waiting('r1'),
      command: 'echo r1 >>/data/log; sync; exec sleep 600',
    });
    await world.tasks.running('r1');
    await waitUntil(
      async () => (await world.agent(0).exec(['grep', '-c', DRIVER, '/proc/mounts'])).stdout.trim() !== '0',
      {
        what: 'the volume to be mounted',
      },
    );
    await world.agent(0).reboot();
    expect((await world.tasks.end('r1')).state).not.toBe('TASK_FINISHED');
    const next = await world.tasks.run(world.agent(0), { name: 'r2', command: 'cat /data/log', volumes });
    expect(next).toMatchObject({ state: 'TASK_FINISHED', stdout: expect.stringContaining('\nr1\n') });
  });
});

import { waitUntil } from '@drydock/base/wait-until';
import { WaitFor } from '@drydock/cluster';
import { MesosClusterContainers } from '@drydock/cluster/containers';
import '@drydock/cluster/vitest';
import { describe, expect, it } from 'vitest';
import { containersWorld } from '../testing/containers-world.ts';
import { aVolume } from '../testing/test-cluster.ts';

/** Hosts that do not hear of each other for a while. An agent is unreachable after two pings of 2 s. */
const DRIVER = 'convoy-0.5-vfs';
const world = containersWorld(
  'partitions',
  new MesosClusterContainers()
    .withAgents(2)
    .withDriver(DRIVER)
    .withMasterFlags('--agent_ping_timeout=2secs', '--max_agent_ping_timeouts=2'),
  { failover_timeout: 600 },
);
const volumes = [aVolume({ driver: DRIVER, name: 'v1' })];
const endless = (name: string): { name: string; command: string; volumes: typeof volumes } => ({
  name,
  command: 'until [ -e go ]; do sleep 0.1; done; echo went on',
  volumes,
});

const activeAgents = (wanted: number): Promise<void> =>
  world.cluster.master.waitFor(WaitFor.metric('master/slaves_active', (count) => count === wanted));

describe('a cluster with a broken network', { tags: ['docker'] }, () => {
  it('goes on after a short partition as if there had been none', async () => {
    await world.tasks.launch(world.agent(0), endless('short'));
    await world.tasks.running('short');
    {
      await using _partition = await world.agent(0).partition();
      // It ends while nobody hears of it.
      await world.letGo('short');
      await world.agent(0).waitFor(WaitFor.log(/Handling a status update .*taskId="short" state="TASK_FINISHED"/));
      expect(world.tasks.framework.statesOf('short')).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
    }
    expect(await world.tasks.end('short')).toMatchObject({ state: 'TASK_FINISHED' });
    expect(world.tasks.framework.statesOf('short')).not.toContain('TASK_UNREACHABLE');
  });

  it('says that tasks are unreachable in a long one, and takes them back after it', async () => {
    await world.tasks.launch(world.agent(0), endless('long'));
    await world.tasks.running('long');
    const id = await world.agent(0).id();
    {
      await using _partition = await world.agent(0).partition();
      await world.tasks.framework.status('long', 'TASK_UNREACHABLE');
      await activeAgents(1);
      // It runs on, as its agent knows.
      const { directory } = await world.cluster.sandbox({ id: 'long' });
      expect(await world.agent(0).exec(['test', '-d', directory])).toMatchObject({ exitCode: 0 });
    }
    await activeAgents(2);
    expect(await world.agent(0).id()).toBe(id);
    const from = world.tasks.framework.events.length;
    await world.tasks.framework.call({ type: 'RECONCILE', reconcile: { tasks: [{ task_id: { value: 'long' } }] } });
    await world.tasks.framework.status('long', 'TASK_RUNNING', from);
    await world.letGo('long');
    expect(await world.tasks.end('long')).toMatchObject({
      state: 'TASK_FINISHED',
      stdout: expect.stringContaining('\nwent on\n'),
    });
  });

  it('tells a framework that was cut off for a short while what it has missed', async () => {
    const launched = await world.cluster.launch({ name: 'cut-off', command: 'until [ -e go ]; do sleep 0.1; done' });
    await expect(launched.task).toReach('TASK_RUNNING');
    {
      await using _partition = await world.cluster.frameworks.partition();
      await world.letGo('cut-off');
      await expect(launched.task).toReach('TASK_FINISHED');
    }
    expect((await launched.ended).states).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
  });

  it('takes a paused host for an unreachable one, and takes it back', async () => {
    await world.tasks.launch(world.agent(0), endless('paused'));
    await world.tasks.running('paused');
    await world.agent(0).pause();
    await world.tasks.framework.status('paused', 'TASK_UNREACHABLE');
    await world.agent(0).resume();
    await activeAgents(2);
    await waitUntil(async () => await world.cluster.task({ id: 'paused' }).state(), {
      what: 'the task to run again',
      until: (state) => state === 'TASK_RUNNING',
      timeoutMs: 30_000,
    });
    await world.letGo('paused');
    expect(await world.tasks.end('paused')).toMatchObject({ state: 'TASK_FINISHED' });
  });
});

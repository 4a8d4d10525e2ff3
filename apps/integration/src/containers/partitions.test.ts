import { waitUntil } from '@drydock/base/wait-until';
import { WaitFor } from '@drydock/cluster';
import {
  MesosClusterContainers,
  type ContainerAgent,
  type StartedContainersCluster,
} from '@drydock/cluster/containers';
import '@drydock/cluster/vitest';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { logsOf } from '../testing/logs-of.ts';
import { PinnedTasks } from '../testing/pinned-tasks.ts';
import { assertNothingLeft, aVolume } from '../testing/test-cluster.ts';

/** Hosts that do not hear of each other for a while. An agent is unreachable after two pings of 2 s. */
let cluster: StartedContainersCluster;
let agent: ContainerAgent;
let tasks: PinnedTasks;

const DRIVER = 'convoy-0.5-vfs';
const volumes = [aVolume({ driver: DRIVER, name: 'v1' })];
const endless = (name: string): { name: string; command: string; volumes: typeof volumes } => ({
  name,
  command: 'until [ -e go ]; do sleep 0.1; done; echo went on',
  volumes,
});

beforeAll(async () => {
  cluster = await new MesosClusterContainers()
    .withAgents(2)
    .withDriver(DRIVER)
    .withMasterFlags('--agent_ping_timeout=2secs', '--max_agent_ping_timeouts=2')
    .withLogsDirectory(logsOf('partitions'))
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

const goOn = async (name: string): Promise<void> => {
  const { directory } = await cluster.sandbox({ id: name });
  expect(await agent.exec(['touch', `${directory}/go`])).toMatchObject({ exitCode: 0 });
};
const activeAgents = (wanted: number): Promise<void> =>
  cluster.master.waitFor(WaitFor.metric('master/slaves_active', (count) => count === wanted));

describe('a cluster with a broken network', { tags: ['docker'] }, () => {
  it('goes on after a short partition as if there had been none', async () => {
    await tasks.launch(agent, endless('short'));
    await tasks.running('short');
    {
      await using _partition = await agent.partition();
      // It ends while nobody hears of it.
      await goOn('short');
      await agent.waitFor(WaitFor.log(/Handling a status update .*taskId="short" state="TASK_FINISHED"/));
      expect(tasks.framework.statesOf('short')).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
    }
    expect(await tasks.end('short')).toMatchObject({ state: 'TASK_FINISHED' });
    expect(tasks.framework.statesOf('short')).not.toContain('TASK_UNREACHABLE');
  });

  it('says that tasks are unreachable in a long one, and takes them back after it', async () => {
    await tasks.launch(agent, endless('long'));
    await tasks.running('long');
    const id = await agent.id();
    {
      await using _partition = await agent.partition();
      await tasks.framework.status('long', 'TASK_UNREACHABLE');
      await activeAgents(1);
      // It runs on, as its agent knows.
      const { directory } = await cluster.sandbox({ id: 'long' });
      expect(await agent.exec(['test', '-d', directory])).toMatchObject({ exitCode: 0 });
    }
    await activeAgents(2);
    expect(await agent.id()).toBe(id);
    const from = tasks.framework.events.length;
    await tasks.framework.call({ type: 'RECONCILE', reconcile: { tasks: [{ task_id: { value: 'long' } }] } });
    await tasks.framework.status('long', 'TASK_RUNNING', from);
    await goOn('long');
    expect(await tasks.end('long')).toMatchObject({
      state: 'TASK_FINISHED',
      stdout: expect.stringContaining('\nwent on\n'),
    });
  });

  it('tells a framework that was cut off for a short while what it has missed', async () => {
    const launched = await cluster.launch({ name: 'cut-off', command: 'until [ -e go ]; do sleep 0.1; done' });
    await expect(launched.task).toReach('TASK_RUNNING');
    {
      await using _partition = await cluster.frameworks.partition();
      const { directory } = await cluster.sandbox({ id: 'cut-off' });
      for (const { host } of cluster.agents)
        await host.exec(['sh', '-c', `[ ! -d ${directory} ] || touch ${directory}/go`]);
      await expect(launched.task).toReach('TASK_FINISHED');
    }
    expect((await launched.ended).states).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
  });

  it('takes a paused host for an unreachable one, and takes it back', async () => {
    await tasks.launch(agent, endless('paused'));
    await tasks.running('paused');
    await agent.pause();
    await tasks.framework.status('paused', 'TASK_UNREACHABLE');
    await agent.resume();
    await activeAgents(2);
    await waitUntil(async () => await cluster.task({ id: 'paused' }).state(), {
      what: 'the task to run again',
      until: (state) => state === 'TASK_RUNNING',
      timeoutMs: 30_000,
    });
    await goOn('paused');
    expect(await tasks.end('paused')).toMatchObject({ state: 'TASK_FINISHED' });
  });
});

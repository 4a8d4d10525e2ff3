import { waitUntil } from '@drydock/base/wait-until';
import {
  MesosClusterContainers,
  type ContainerAgent,
  type StartedContainersCluster,
} from '@drydock/cluster/containers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LastingFramework } from '../testing/lasting-framework.ts';
import { logsOf } from '../testing/logs-of.ts';
import { PinnedTasks } from '../testing/pinned-tasks.ts';
import { assertNothingLeft, aVolume } from '../testing/test-cluster.ts';

/** Frameworks that go, come back and change their minds, while volumes are in use. */
let cluster: StartedContainersCluster;
let agent: ContainerAgent;

const DRIVER = 'convoy-0.5-vfs';

beforeAll(async () => {
  cluster = await new MesosClusterContainers().withDriver(DRIVER).withLogsDirectory(logsOf('frameworks')).start();
  [agent] = cluster.agents as [ContainerAgent];
});
afterAll(async () => {
  await cluster.stop();
});
afterEach(async () => {
  await agent.driver(DRIVER).faults('');
  await assertNothingLeft(cluster);
});

const volumes = [aVolume({ driver: DRIVER, name: 'v1' })];
const hasAsked = async (method: string, name: string): Promise<void> => {
  await waitUntil(async () => await agent.driver(DRIVER).requests(), {
    what: `the driver to be asked for ${method} of ${name}`,
    until: (requests) => requests.some((one) => one.method === `VolumeDriver.${method}` && one.request.Name === name),
    timeoutMs: 30_000,
    intervalMs: 100,
  });
};

describe('frameworks with volumes', { tags: ['docker'] }, () => {
  it('fail over: the next instance has the tasks, the one before is told', async () => {
    await using first = await PinnedTasks.subscribe(cluster, { failover_timeout: 600 });
    await first.launch(agent, { name: 'f1', command: 'until [ -e go ]; do sleep 0.1; done', volumes });
    await first.running('f1');
    const id = await cluster.task({ id: 'f1' }).frameworkId();
    await using second = new LastingFramework(new URL(cluster.master.url).host);
    await second.subscribe({ id: { value: id }, failover_timeout: 600, checkpoint: true }, { value: id });
    expect(await first.framework.next('ERROR')).toMatchObject({ error: { message: 'Framework failed over' } });
    const { directory } = await cluster.sandbox({ id: 'f1' });
    await agent.exec(['touch', `${directory}/go`]);
    await second.status('f1', 'TASK_FINISHED');
    await second.call({ type: 'TEARDOWN' });
    first.isTornDown = true;
  });

  it('are torn down in the middle of a launch, while the driver takes its time', async () => {
    await agent.driver(DRIVER).faults('mount[slow]: delay(2000ms)');
    const tasks = await PinnedTasks.subscribe(cluster);
    await tasks.launch(agent, {
      name: 't1',
      command: 'sleep 600',
      volumes: [aVolume({ driver: DRIVER, name: 'slow' })],
    });
    await hasAsked('Mount', 'slow');
    await tasks[Symbol.asyncDispose]();
    await cluster.waitUntilIdle();
    expect(await cluster.task({ id: 't1' }).state()).toBe('TASK_KILLED');
  });

  it('kill a task while its driver hangs in Mount', async () => {
    await agent.driver(DRIVER).faults('mount[hung]: 1*hang');
    await using tasks = await PinnedTasks.subscribe(cluster);
    await tasks.launch(agent, { name: 'h1', command: 'true', volumes: [aVolume({ driver: DRIVER, name: 'hung' })] });
    await hasAsked('Mount', 'hung');
    expect(await tasks.kill('h1')).toMatchObject({ state: 'TASK_KILLED', stdout: '' });
  });
});

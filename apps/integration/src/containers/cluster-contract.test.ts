import { readdir, rm } from 'node:fs/promises';
import { runOrThrow } from '@drydock/base/subprocess';
import { MesosClusterLocal, WaitFor, type MesosCluster } from '@drydock/cluster';
import { MesosClusterContainers } from '@drydock/cluster/containers';
import '@drydock/cluster/vitest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { logsOf } from '../testing/logs-of.ts';
import { aVolume } from '../testing/test-cluster.ts';

/** What tests say to a cluster means the same to both kinds. */
const DRIVER = 'my-driver';
const PROFILE = 'convoy-0.5-vfs';
const kinds = [
  { kind: 'of local processes', builder: () => new MesosClusterLocal() },
  { kind: 'in containers', builder: () => new MesosClusterContainers() },
] as const;

describe.each(kinds)('a cluster $kind', { tags: ['docker', 'root'] }, ({ kind, builder }) => {
  let cluster: MesosCluster;
  const logs = logsOf(`contract-${kind.replaceAll(' ', '-')}`);
  const volumes = JSON.stringify([aVolume({ driver: DRIVER })]);

  beforeAll(async () => {
    await rm(logs, { recursive: true, force: true });
    cluster = await builder().withAgents(2).withDriver(PROFILE, { name: DRIVER }).withLogsDirectory(logs).start();
  });
  afterAll(async () => {
    await cluster.stop();
  });

  it('says why it does not start, and leaves nothing of it', async () => {
    const hosts = async (): Promise<string> => await runOrThrow(['docker', 'ps', '--all', '--quiet']);
    const before = await hosts();
    await expect(builder().withMasterFlags('--no_such_flag=1').start()).rejects.toThrow('no_such_flag');
    await expect(builder().withDriver('no-such-profile').start()).rejects.toThrow('no-such-profile');
    expect(await hosts()).toBe(before);
  });

  it('runs a task and gives its states, message and output', async () => {
    const task = await cluster.execute({ name: 'runs', command: 'echo hello; touch /data/file', volumes });
    expect(task.states).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
    expect(task.message).toBe('Command exited with status 0');
    expect(task.stdout).toContain('\nhello\n');
    expect(await (await cluster.sandbox({ id: 'runs' })).stdout()).toBe(task.stdout);
    await expect(cluster.task({ id: 'runs' })).toReach('TASK_FINISHED');
  });

  it('says of a task that ended otherwise how it went', async () => {
    await cluster.execute({ name: 'fails', command: 'exit 3' });
    await expect(expect(cluster.task({ id: 'fails' })).toReach('TASK_FINISHED')).rejects.toThrow(
      'Expected task fails to reach TASK_FINISHED; it went TASK_STARTING, TASK_RUNNING, TASK_FAILED',
    );
  });

  it('runs a task in the background and cancels it', async () => {
    const launched = await cluster.launch({ name: 'background', command: 'exec sleep 600', volumes });
    await expect(launched.task).toReach('TASK_RUNNING');
    await launched.cancel();
    await expect(launched.task).toReach('TASK_KILLED');
    await cluster.waitUntilIdle();
    await expect(cluster).toHaveNoLeaks();
  });

  it('tells what a driver was asked, and has it misbehave', async () => {
    const [agent] = cluster.agents;
    const driver = agent?.driver(DRIVER);
    for (const one of cluster.agents) await one.driver(DRIVER).faults('mount: error(no room)');
    const task = await cluster.execute({ name: 'refused', command: 'true', volumes });
    expect(task.states).toEqual(['TASK_FAILED']);
    expect(task.message).toContain('no room');
    for (const one of cluster.agents) await one.driver(DRIVER).faults('');
    const requests = (await Promise.all(cluster.agents.map(async (one) => await one.driver(DRIVER).requests()))).flat();
    expect(requests.map(({ method }) => method)).toContain('VolumeDriver.Mount');
    expect(await driver?.misuses()).toEqual([]);
    expect(() => agent?.driver('nobody')).toThrow(`one of ${DRIVER}; got 'nobody'`);
  });

  it('kills and restarts a driver', async () => {
    for (const { driver } of cluster.agents.map((agent) => ({ driver: agent.driver(DRIVER) }))) {
      await driver.kill();
      await driver.restart();
    }
    expect((await cluster.execute({ name: 'again', command: 'true', volumes })).message).toContain('status 0');
  });

  it('waits for state, log and metrics', async () => {
    await cluster.master.waitFor(WaitFor.metric('master/slaves_active', (count) => count === 2));
    await cluster.master.waitFor(
      WaitFor.state<{ slaves: unknown[] }>('two agents', ({ slaves }) => slaves.length === 2),
    );
    await cluster.master.waitFor(WaitFor.log(/Master listens/));
    await expect(cluster.master.waitFor(WaitFor.log(/never said/), { timeoutMs: 100 })).rejects.toThrow(
      'Waited 100 ms for master to have a log line that matches /never said/',
    );
  });

  it('kills and restarts an agent, and the master', async () => {
    const [agent] = cluster.agents;
    if (agent === undefined) throw new Error('There are two agents');
    const id = await agent.id();
    await agent.kill();
    await agent.restart();
    expect(await agent.id()).toBe(id);
    await cluster.master.kill('SIGTERM');
    await cluster.master.restart();
    await cluster.master.waitFor(WaitFor.metric('master/slaves_active', (count) => count === 2));
    expect((await cluster.execute({ name: 'after', command: 'true', volumes })).message).toContain('status 0');
  });

  it('lets an agent stand still and go on', async () => {
    const [agent] = cluster.agents;
    await agent?.pause();
    await agent?.resume();
    expect(await agent?.metrics()).toHaveProperty(['slave/registered'], 1);
    await cluster.waitUntilIdle();
    await expect(cluster).toHaveNoLeaks();
  });

  it('keeps its logs when it is stopped, and is stopped once', async () => {
    await cluster.stop();
    await cluster.stop();
    expect((await readdir(logs)).length).toBeGreaterThanOrEqual(3);
  });
});

import { waitUntil } from '@drydock/base/wait-until';
import type { LocalCluster } from '@drydock/cluster';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { assertNothingLeft, aVolume, startTestCluster, startTestDriver } from './testing/test-cluster.ts';

let cluster: LocalCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
}, 60_000);
afterAll(async () => {
  await cluster.stop();
}, 60_000);
afterEach(async () => {
  await assertNothingLeft(cluster);
});

const tags = ['root'];
/** Kills the agent with SIGKILL and starts it again. */
const killAndRestart = async (): Promise<void> => {
  const [agent] = cluster.agents;
  if (agent === undefined) throw new Error('The cluster has an agent');
  agent.daemon.kill('SIGKILL');
  await cluster.restartAgent(agent);
};

describe('an agent that is killed and started again', { tags }, () => {
  it('ends the containers that it finds, has their volumes unmounted once, and runs new tasks', async () => {
    const driver = await startTestDriver(cluster, 'recovered', { profile: 'convoy-0.5-devicemapper' });
    const volumes = JSON.stringify([aVolume({ driver: 'recovered' })]);
    const ending = new AbortController();
    const tasks = ['one', 'two'].map(
      async (name) =>
        await cluster.execute({ name, command: `touch /data/${name}; sleep 600`, volumes, signal: ending.signal }),
    );
    const [agent] = cluster.agents;
    await waitUntil(
      async () =>
        (await cluster.exec(['sh', '-c', `cat ${agent?.checkpointDir}/*/volumes | grep -c '"mounted"'`])).stdout,
      { what: 'both containers to hold the volume', until: (text) => text.trim() === '2' },
    );

    await killAndRestart();
    // Who waits for the tasks is told to give up.
    ending.abort();
    await Promise.all(tasks);
    await assertNothingLeft(cluster);

    const next = await cluster.execute({ name: 'next', command: 'ls /data', volumes });
    expect(next.states.at(-1)).toBe('TASK_FINISHED');
    expect(next.stdout.split('\n')).toContain('lost+found');
    const calls = await driver.stopAndListCalls();
    const unmounts = calls.filter((method) => method === 'VolumeDriver.Unmount');
    // One for the two that were found, one for the next.
    expect(unmounts).toHaveLength(2);
  });

  it('gives a volume to a task again that its driver may have been asked for when it was killed', async () => {
    const driver = await startTestDriver(cluster, 'asked');
    const ending = new AbortController();
    const volumes = JSON.stringify([aVolume({ driver: 'asked' })]);
    const task = cluster.execute({ name: 'killed', command: 'true', volumes, signal: ending.signal });
    const [agent] = cluster.agents;
    await waitUntil(
      async () =>
        (await cluster.exec(['sh', '-c', `cat ${agent?.checkpointDir}/*/volumes`])).stdout.includes('"asked"'),
      { what: 'the container to be prepared' },
    );
    await killAndRestart();
    ending.abort();
    await task;
    // With dvdcli nobody can tell a volume that does not exist from one that is mounted: it takes five attempts.
    await waitUntil(async () => (await cluster.leaks()).length === 0, {
      what: 'the checkpoint to be removed',
      timeoutMs: 40_000,
    });

    const next = await cluster.execute({ name: 'next', command: 'true', volumes });
    expect(next.states.at(-1)).toBe('TASK_FINISHED');
    const calls = await driver.stopAndListCalls();
    expect(calls.slice(-2)).toEqual(['VolumeDriver.Get', 'VolumeDriver.Unmount']);
  });
});

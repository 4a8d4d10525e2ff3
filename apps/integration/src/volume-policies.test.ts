import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findProfile } from '@drydock/fake-drivers';
import { waitUntil } from '@drydock/base/wait-until';
import type { LocalCluster } from '@drydock/cluster';
import { describe, expect, it } from 'vitest';
import { launchAll } from './testing/launch-all.ts';
import { assertNothingLeft, aVolume, startTestCluster, startTestDriver } from './testing/test-cluster.ts';

const tags = ['root'];
const volumes = (driver: string): string => JSON.stringify([aVolume({ driver })]);

// oxlint-disable-next-line typescript/no-explicit-any -- answers are looked into, as parsed
async function get(cluster: LocalCluster, path: string): Promise<any> {
  const response = await fetch(`http://${cluster.agents[0]?.address}${path}`, { signal: AbortSignal.timeout(5_000) });
  expect([path, response.status]).toEqual([path, 200]);
  return await response.json();
}

/** What the agent counted of drivers. */
async function volumeMetrics(cluster: LocalCluster): Promise<Record<string, unknown>> {
  const metrics = Object.entries(await get(cluster, '/metrics/snapshot'));
  const prefix = 'containerizer/mesos/';
  return Object.fromEntries(
    metrics.filter(([name]) => name.startsWith(prefix)).map(([name, value]) => [name.slice(prefix.length), value]),
  );
}

describe('an unmount that the driver refuses', { tags }, () => {
  it('is shown by the agent and tried again until it is done', async () => {
    await using cluster = await startTestCluster();
    const driver = await startTestDriver(cluster, 'refusing', {
      profile: 'convoy-0.5-devicemapper',
      faults: 'unmount: error(device is busy)',
    });
    const task = await cluster.execute({ command: 'touch /data/file', volumes: volumes('refusing') });
    expect(task.states.at(-1)).toBe('TASK_FINISHED');
    await waitUntil(async () => await volumeMetrics(cluster), {
      what: 'the clean-up to fail',
      until: (metrics) => metrics['container_destroy_errors'] === 1,
    });
    const [container, ...others] = await get(cluster, '/containers');
    expect(others).toEqual([]);
    // Its image's root file system waits for nothing.
    expect(await readdir(join(cluster.agents[0]?.workDir ?? '', 'provisioner/containers'))).toEqual([]);
    expect(container).toEqual({
      container_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      framework_id: task.frameworkId,
      executor_id: 'test',
      executor_name: "Command Executor (Task: test) (Command: sh -c 'touch /data/...')",
      source: 'test',
      pending_unmounts: [
        {
          driver: 'refusing',
          name: 'v1',
          failed_count: expect.any(Number),
          error: expect.stringContaining('device is busy'),
        },
      ],
    });
    expect(container.pending_unmounts[0].failed_count).toBeGreaterThanOrEqual(1);
    const metrics = await volumeMetrics(cluster);
    expect(metrics).toMatchObject({ 'docker_volume/pending_unmounts': 1, 'docker_volume/mounts': 1 });
    expect(metrics['docker_volume/unmount_errors']).toBeGreaterThanOrEqual(1);

    await driver.useFaults('');
    await assertNothingLeft(cluster);
    const after = await volumeMetrics(cluster);
    expect(after).toMatchObject({
      container_destroy_errors: 1,
      'docker_volume/pending_unmounts': 0,
      'docker_volume/mount_errors': 0,
      'docker_volume/unmount_errors': Number(after['docker_volume/unmounts']) - 1,
    });
    const calls = await driver.stopAndListCalls();
    expect(calls.filter((method) => method === 'VolumeDriver.Unmount')).toHaveLength(
      Number(after['docker_volume/unmounts']),
    );
  });
});

describe('--docker_volume_mount_counting', { tags }, () => {
  const PROFILES = { 'not at all': 'convoy-0.5-devicemapper', names: 'glusterfs-calavera', ids: 'rclone-id' } as const;

  it.each([
    { counting: 'per_container', counts: 'not at all' },
    { counting: 'per_container', counts: 'names' },
    { counting: 'first_container', counts: 'not at all' },
    { counting: 'first_container', counts: 'names' },
    { counting: 'first_container', counts: 'ids' },
  ] as const)('$counting, with a driver that counts $counts', { timeout: 60_000 }, async ({ counting, counts }) => {
    const profile = PROFILES[counts];
    const mountCount = counting === 'per_container' ? 2 : 1;
    await using cluster = await startTestCluster({ agentFlags: [`--docker_volume_mount_counting=${counting}`] });
    const driver = await startTestDriver(cluster, 'counted', { profile });
    const value = JSON.stringify([withExampleOptions(profile, aVolume({ driver: 'counted' }))]);
    // Each waits for the other's file, so both hold the volume at the same time.
    const meet = (mine: string, other: string): string =>
      `touch /data/${mine}; until [ -e /data/${other} ]; do sleep 0.05; done`;
    const tasks = await Promise.all([
      cluster.execute({ command: meet('a', 'b'), name: 'one', volumes: value }),
      cluster.execute({ command: meet('b', 'a'), name: 'two', volumes: value }),
    ]);
    expect(tasks.map(({ states }) => states.at(-1))).toEqual(['TASK_FINISHED', 'TASK_FINISHED']);
    await cluster.waitUntilIdle();
    expect(await cluster.leaks()).toEqual([]);
    expect(await volumeMetrics(cluster)).toEqual({
      container_destroy_errors: 0,
      'docker_volume/mounts': mountCount,
      'docker_volume/mount_errors': 0,
      'docker_volume/unmounts': 1,
      'docker_volume/unmount_errors': 0,
      'docker_volume/pending_unmounts': 0,
    });
    const calls = await driver.stopAndListCalls();
    const countOf = (method: string): number => calls.filter((call) => call === `VolumeDriver.${method}`).length;
    // Two and one: to a driver that counts names the volume stays in use, as with upstream.
    expect([countOf('Mount'), countOf('Unmount')]).toEqual([mountCount, 1]);
  });

  it('per_container, with a driver that counts ids: the second container at a time is refused', async () => {
    await using cluster = await startTestCluster();
    const driver = await startTestDriver(cluster, 'counted', { profile: PROFILES.ids });
    const value = JSON.stringify([withExampleOptions(PROFILES.ids, aVolume({ driver: 'counted' }))]);
    const ending = new AbortController();
    const resources = ['--resources=cpus:0.1;mem:32'];
    const first = cluster.execute({
      command: 'exec sleep 3600',
      volumes: value,
      flags: resources,
      signal: ending.signal,
    });
    await waitUntil(async () => (await volumeMetrics(cluster))['docker_volume/mounts'] === 1, {
      what: 'the first mount',
    });
    const second = await cluster.execute({ command: 'true', volumes: value, flags: resources });
    expect(second.states).toEqual(['TASK_FAILED']);
    // Nobody sends an id, so to the driver they are one.
    expect(second.message).toContain('volume is already mounted by this id');
    ending.abort();
    await first;
    await assertNothingLeft(cluster);
    expect((await driver.stopAndListCalls()).filter((method) => method === 'VolumeDriver.Unmount')).toHaveLength(1);
  });
});

/** The volume with the options that its driver needs to make it. */
function withExampleOptions(profile: string, volume: Record<string, unknown>): Record<string, unknown> {
  const source = volume['source'] as { readonly docker_volume: object };
  const parameter = Object.entries(findProfile(profile).exampleOptions).map(([key, value]) => ({ key, value }));
  const docker_volume = { ...source.docker_volume, driver_options: { parameter } };
  return { ...volume, source: { ...source, docker_volume } };
}

describe('--docker_volume_explicit_create', { tags }, () => {
  it.each(['dvdcli', 'plugin'])('fails a task whose volume nobody has made, and makes none (%s)', async (client) => {
    const agentFlags = ['--docker_volume_explicit_create', `--docker_volume_client=${client}`];
    await using cluster = await startTestCluster({ agentFlags });
    const driver = await startTestDriver(cluster, 'explicit');
    const refused = await cluster.execute({ command: 'true', volumes: volumes('explicit') });
    expect(refused.states).toEqual(['TASK_FAILED']);
    expect(refused.message).toContain('Could not find volume v1');
    const made = await cluster.run('dvdcli', ['create', '--volumedriver=explicit', '--volumename=v1']);
    expect(made).toMatchObject({ exitCode: 0 });
    const task = await cluster.execute({ command: 'true', volumes: volumes('explicit') });
    expect(task.states.at(-1)).toBe('TASK_FINISHED');
    await assertNothingLeft(cluster);
    const calls = await driver.stopAndListCalls();
    expect(calls.filter((call) => call === 'VolumeDriver.Create')).toHaveLength(1);
  });
});

describe('--docker_volume_chown', { tags }, () => {
  it.each([
    ['gives the volume to the user of the task', ['--docker_volume_chown'], 'TASK_FINISHED'],
    ["is off unless asked for: the volume stays root's", [], 'TASK_FAILED'],
  ])('%s', async (_title, agentFlags, state) => {
    await using cluster = await startTestCluster({ agentFlags });
    const driver = await startTestDriver(cluster, 'owned');
    const [status] = await launchAll(
      cluster.master,
      [
        {
          name: 'write',
          task_id: { value: 'write' },
          resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 } }],
          command: {
            user: 'nobody',
            value:
              '[ "$(id -un)" = nobody ] && touch /data/mine && [ "$(stat -c %U /data /data/mine | uniq)" = nobody ]',
          },
          container: {
            type: 'MESOS',
            mesos: { image: { type: 'DOCKER', docker: { name: 'ubuntu:14.04' } } },
            volumes: JSON.parse(volumes('owned')),
          },
        },
      ],
      { contentType: 'application/json' },
    );
    expect(status?.state).toBe(state);
    await assertNothingLeft(cluster);
    expect((await driver.stopAndListCalls()).at(-1)).toBe('VolumeDriver.Unmount');
  });
});

/** A cluster file system that nobody here wrote, Debian's GlusterFS, behind drivers that mount it for real. */
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { waitUntil } from '@drydock/base/wait-until';
import type { LocalCluster } from '@drydock/cluster';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { StartedGluster } from './testing/started-gluster.ts';
import { aVolume, startTestCluster } from './testing/test-cluster.ts';

const tags = ['gluster'];

interface World {
  readonly cluster: LocalCluster;
  readonly gluster: StartedGluster;
}

/** A cluster with an agent, a gluster cluster, and a driver `gluster` that mounts its volumes. */
async function startWorld(profile: string, agentFlags: readonly string[]): Promise<World> {
  const cluster = await startTestCluster({ agentFlags });
  try {
    const gluster = await StartedGluster.start(cluster);
    const servers = profile === 'glusterfs-calavera' ? [`--servers=${gluster.host}`] : [];
    await gluster.startDriver('gluster', [`--profile=${profile}`, ...servers]);
    return { cluster, gluster };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

async function stopWorld({ cluster, gluster }: World): Promise<void> {
  await cluster.stop();
  const left = await gluster.processes();
  if (left.length > 0) throw new Error(`Left behind: ${JSON.stringify(left)}`);
}

/** Of gluster, in the namespace that driver, agent and containers share. */
async function mountsOf({ cluster }: World): Promise<readonly string[]> {
  const { stdout } = await cluster.exec(['cat', '/proc/self/mountinfo']);
  return stdout.split('\n').filter((line) => line.includes(' - fuse.glusterfs '));
}

async function assertWorldIsClean(world: World): Promise<void> {
  await world.cluster.waitUntilIdle();
  const mounts = await mountsOf(world);
  if (mounts.length > 0) throw new Error(`Left mounted: ${mounts.join(', ')}`);
  // The client of a mount ends a moment after it.
  await waitUntil(async () => await world.cluster.leaks(), {
    what: 'nothing to be left',
    until: (leaks) => leaks.length === 0,
  });
}

/** For --volumes: a volume at /data. sapk's plugin is told at its creation what it is. */
function ofSapk(name: string, voluri: string): string {
  const volume = aVolume({ driver: 'gluster', name });
  const source = volume['source'] as { readonly docker_volume: object };
  const driver_options = { parameter: [{ key: 'voluri', value: voluri }] };
  return JSON.stringify([
    { ...volume, source: { ...source, docker_volume: { ...source.docker_volume, driver_options } } },
  ]);
}

describe.each([
  // It counts by name, so that many Mounts want many Unmounts: Mesos has one, hence the agent's mode.
  { profile: 'glusterfs-calavera', client: 'dvdcli', flags: ['--docker_volume_mount_counting=first_container'] },
  { profile: 'glusterfs-sapk', client: 'the agent itself', flags: ['--docker_volume_client=plugin'] },
])('GlusterFS behind $profile, called by $client', { tags }, ({ profile, flags }) => {
  let world: World;
  let cluster: LocalCluster;
  let gluster: StartedGluster;
  beforeAll(async () => {
    world = await startWorld(profile, flags);
    ({ cluster, gluster } = world);
  }, 60_000);
  afterAll(async () => await stopWorld(world), 60_000);
  afterEach(async () => await assertWorldIsClean(world));

  /** For --volumes: a gluster volume at /data, which has calavera's as its name. */
  const onGluster = (name: string): string =>
    profile === 'glusterfs-calavera'
      ? JSON.stringify([aVolume({ driver: 'gluster', name })])
      : ofSapk(name, `${gluster.host}:${name}`);

  const mounts = async (): Promise<readonly string[]> => await mountsOf(world);

  /** How often the driver was told to unmount the volume. */
  const countUnmounts = async (name: string): Promise<number> => {
    const socket = ['--unix-socket', '/run/docker/plugins/gluster.sock'];
    const { stdout } = await cluster.exec(['curl', '--silent', ...socket, 'http://driver/drydock/requests']);
    const { requests } = JSON.parse(stdout) as {
      requests: { method: string; request: { Name: string }; outcome: string }[];
    };
    const unmounts = requests.filter(
      ({ method, request }) => method === 'VolumeDriver.Unmount' && request.Name === name,
    );
    expect(unmounts.filter(({ outcome }) => outcome !== 'done')).toEqual([]);
    return unmounts.length;
  };

  /** What tasks wrote to it; the rest is gluster's. */
  const filesOn = async (brick: string): Promise<readonly string[]> =>
    (await readdir(brick)).filter((name) => !name.startsWith('.glusterfs')).sort();

  const isThere = async (path: string): Promise<boolean> =>
    await access(path).then(
      () => true,
      () => false, // not yet
    );

  it("carries the document's story, and the data are on the brick", async () => {
    const [brick = ''] = await gluster.createVolume('story');
    const volumes = onGluster('story');
    const touch = await cluster.execute({ command: 'touch /data/myfile', volumes });
    expect([touch.states.at(-1), touch.message]).toEqual(['TASK_FINISHED', 'Command exited with status 0']);
    expect(await filesOn(brick)).toEqual(['myfile']);
    await cluster.waitUntilIdle();
    expect([await countUnmounts('story'), await mounts()]).toEqual([1, []]);
    const list = await cluster.execute({ command: 'ls /data', volumes });
    expect(list.states.at(-1)).toBe('TASK_FINISHED');
    expect(list.stdout.split('\n')).toContain('myfile');
    await cluster.waitUntilIdle();
    expect(await countUnmounts('story')).toBe(2);
  });

  it('is shared by two tasks, mounted once, and unmounted once, after the last', async () => {
    const [brick = ''] = await gluster.createVolume('shared');
    const volumes = onGluster('shared');
    const first = cluster.execute({
      name: 'first',
      command: 'touch /data/first; until [ -e /data/end ]; do sleep 0.05; done; touch /data/last',
      volumes,
    });
    await waitUntil(async () => await isThere(join(brick, 'first')), { what: 'the first task to hold the volume' });
    const second = await cluster.execute({ name: 'second', command: 'ls /data; touch /data/second', volumes });
    expect([second.states.at(-1), second.stdout]).toEqual(['TASK_FINISHED', expect.stringContaining('first')]);
    expect(await countUnmounts('shared')).toBe(0);
    expect((await mounts()).filter((line) => line.includes(`${gluster.host}:/shared`))).not.toEqual([]);
    const third = await cluster.execute({ name: 'third', command: 'touch /data/end', volumes });
    expect([third.states.at(-1), (await first).states.at(-1)]).toEqual(['TASK_FINISHED', 'TASK_FINISHED']);
    expect(await filesOn(brick)).toEqual(['end', 'first', 'last', 'second']);
    await cluster.waitUntilIdle();
    expect(await countUnmounts('shared')).toBe(1);
  });

  it('goes on when one of two replicas dies', async () => {
    const [dying = '', staying = ''] = await gluster.createVolume('replicated', { bricks: 2 });
    const volumes = onGluster('replicated');
    const task = cluster.execute({
      command: 'touch /data/before; until [ -e /data/end ]; do sleep 0.05; done; touch /data/after',
      volumes,
    });
    for (const brick of [dying, staying]) {
      await waitUntil(async () => await isThere(join(brick, 'before')), { what: `the task to write to ${brick}` });
    }
    await gluster.killBrick(dying);
    const other = await cluster.execute({ name: 'other', command: 'touch /data/end', volumes });
    expect([other.states.at(-1), (await task).states.at(-1)]).toEqual(['TASK_FINISHED', 'TASK_FINISHED']);
    expect([await filesOn(staying), await filesOn(dying)]).toEqual([['after', 'before', 'end'], ['before']]);
    // Nor does a mount of its own need both.
    await cluster.waitUntilIdle();
    const list = await cluster.execute({ name: 'list', command: 'ls /data', volumes });
    expect([list.states.at(-1), list.stdout]).toEqual(['TASK_FINISHED', expect.stringContaining('after')]);
  });

  it('fails tasks when the only brick dies, lets go of the volume, and has it again with the brick', async () => {
    const [brick = ''] = await gluster.createVolume('single');
    const volumes = onGluster('single');
    const holder = cluster.execute({ name: 'holder', command: 'while touch /data/beat; do sleep 0.05; done', volumes });
    await waitUntil(async () => await isThere(join(brick, 'beat')), { what: 'the task to write' });
    await gluster.killBrick(brick);
    const { stderr, states } = await holder;
    expect([states.at(-1), stderr]).toEqual([
      'TASK_FINISHED',
      expect.stringContaining('Transport endpoint is not connected'),
    ]);
    await cluster.waitUntilIdle();
    expect([await countUnmounts('single'), await mounts()]).toEqual([1, []]);

    const late = await cluster.execute({ name: 'late', command: 'true', volumes });
    expect(late.states).toEqual(['TASK_FAILED']);
    expect(late.message).toContain(`Failed to mount ${gluster.host}:/single: Failed to execute: mount [-t glusterfs `);
    expect(await mounts()).toEqual([]);
    // sapk's plugin names a mountpoint whether or not it has mounted, and says no to the unmount of what it has not: the
    // agent lets go of such a volume after 15 s.
    await cluster.waitUntilIdle();

    await gluster.restartBricks('single');
    const again = await cluster.execute({ name: 'again', command: 'ls /data', volumes });
    expect([again.states.at(-1), again.stdout]).toEqual(['TASK_FINISHED', expect.stringContaining('beat')]);
  });

  it('fails a task whose volume the cluster does not have, with what mount(8) and its client said', async () => {
    const task = await cluster.execute({ command: 'true', volumes: onGluster('nowhere') });
    expect(task.states).toEqual(['TASK_FAILED']);
    expect(task.message).toContain(`Failed to mount ${gluster.host}:/nowhere: Failed to execute: mount [-t glusterfs `);
    expect(task.message).toContain("failed to get the 'volume file' from server");
  });
});

describe('GlusterFS behind glusterfs-sapk', { tags }, () => {
  it('mounts a directory of a volume, and fails for one that is not there, which mount(8) takes', async () => {
    const world = await startWorld('glusterfs-sapk', []);
    const { cluster, gluster } = world;
    await using _stopped = { [Symbol.asyncDispose]: async () => await stopWorld(world) };
    const [brick = ''] = await gluster.createVolume('tree');
    const make = await cluster.execute({
      command: 'mkdir /data/branch',
      volumes: ofSapk('tree', `${gluster.host}:tree`),
    });
    expect(make.states.at(-1)).toBe('TASK_FINISHED');
    const branch = ofSapk('branch', `${gluster.host}:tree/branch`);
    const touch = await cluster.execute({ command: 'touch /data/leaf', volumes: branch });
    expect([touch.states.at(-1), await readdir(join(brick, 'branch'))]).toEqual(['TASK_FINISHED', ['leaf']]);
    const nowhere = ofSapk('nowhere', `${gluster.host}:tree/nowhere`);
    const task = await cluster.execute({ command: 'touch /data/lost', volumes: nowhere });
    expect(task.states).toEqual(['TASK_FAILED']);
    expect(task.message).toContain(`Failed to mount ${gluster.host}:/tree/nowhere: `);
    expect(task.message).toMatch(/subdirectory for mount \\?"\/nowhere\\?" is not found/);
    await assertWorldIsClean(world);
  });
});

import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { waitUntil } from '@drydock/base/wait-until';
import { LocalCluster, STANDIN_IMAGES_DIRECTORY } from '@drydock/cluster';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertNothingLeft, aVolume } from './testing/test-cluster.ts';

/** Debian's rclone as a volume driver that nobody here wrote: FUSE mounts of a directory. */
const tags = ['fuse'];

/** A cluster with rclone as the driver of that name, over a directory `remote`. */
async function startRcloneCluster(
  options: { readonly compat?: string; readonly flags?: readonly string[] } = {},
): Promise<{ readonly cluster: LocalCluster; readonly remote: string }> {
  const cluster = await LocalCluster.create({
    imagesDirectory: STANDIN_IMAGES_DIRECTORY,
    env: { ...process.env, DVDCLI_COMPAT: options.compat },
  });
  await cluster.startMaster();
  await cluster.startAgent({ flags: options.flags ?? [] });
  const directory = join(cluster.directory, 'rclone');
  for (const name of ['remote', 'mounts', 'cache']) await mkdir(join(directory, name), { recursive: true });
  await cluster.startPlugin('rclone', [
    'rclone',
    'serve',
    'docker',
    '--no-spec',
    '--socket-addr=/run/docker/plugins/rclone.sock',
    `--base-dir=${join(directory, 'mounts')}`,
    `--config=${join(directory, 'rclone.conf')}`,
    `--cache-dir=${join(directory, 'cache')}`,
  ]);
  return { cluster, remote: join(directory, 'remote') };
}

/** A volume over the remote directory; rclone needs to be told at its creation. */
function onRemote(remote: string, name: string, path = '/tmp/myvolume'): string {
  const volume = aVolume({ driver: 'rclone', name, path });
  const source = volume['source'] as { readonly docker_volume: object };
  const parameter = [
    { key: 'remote', value: remote },
    // What others write to the remote directory is seen at once.
    { key: 'dir-cache-time', value: '1ms' },
  ];
  const docker_volume = { ...source.docker_volume, driver_options: { parameter } };
  return JSON.stringify([{ ...volume, source: { ...source, docker_volume } }]);
}

describe.each([
  ['dvdcli', []],
  ['the agent itself', ['--docker_volume_client=plugin']],
])('rclone as the driver, through %s', { tags }, (_, flags) => {
  let cluster: LocalCluster;
  let remote: string;
  beforeAll(async () => {
    ({ cluster, remote } = await startRcloneCluster({ flags }));
  }, 60_000);
  afterAll(async () => {
    await cluster.stop();
  }, 60_000);

  it('carries the story, without lost+found', async () => {
    const volumes = onRemote(remote, 'myvolume');
    const touch = await cluster.execute({ command: 'touch /tmp/myvolume/myfile', volumes });
    expect([touch.states.at(-1), touch.message]).toEqual(['TASK_FINISHED', 'Command exited with status 0']);
    expect(await readdir(remote)).toEqual(['myfile']);
    const list = await cluster.execute({ command: 'ls /tmp/myvolume', volumes });
    expect(list.states.at(-1)).toBe('TASK_FINISHED');
    expect(list.stdout.split('\n')).toContain('myfile');
    expect(list.stdout).not.toContain('lost+found');
    await assertNothingLeft(cluster);
  });

  it('refuses the second of two containers on one volume, since it counts ids and gets none', async () => {
    const volumes = onRemote(remote, 'shared', '/data');
    const first = cluster.execute({
      name: 'first',
      command: 'touch /data/first; until [ -e /data/second ]; do sleep 0.05; done',
      volumes,
    });
    const hasFirst = async (): Promise<boolean> => (await readdir(remote)).includes('first');
    await waitUntil(hasFirst, { what: 'the first task to hold the volume' });
    const second = await cluster.execute({ name: 'second', command: 'touch /data/second', volumes });
    expect(second.states.at(-1)).toBe('TASK_FAILED');
    expect(second.message).toContain('volume is already mounted by this id');
    // The first one's volume is still there: it sees what is written to the remote.
    await cluster.exec(['touch', join(remote, 'second')]);
    expect((await first).states.at(-1)).toBe('TASK_FINISHED');
    await assertNothingLeft(cluster);
  });
});

describe('rclone as the driver, counted for the first container only', { tags }, () => {
  it('is shared by containers', async () => {
    const { cluster, remote } = await startRcloneCluster({ flags: ['--docker_volume_mount_counting=first_container'] });
    await using _stopped = cluster;
    const volumes = onRemote(remote, 'shared', '/data');
    const meet = (mine: string, other: string): string =>
      `touch /data/${mine}; until [ -e /data/${other} ]; do sleep 0.05; done`;
    const tasks = await Promise.all([
      cluster.execute({ name: 'one', command: meet('a', 'b'), volumes }),
      cluster.execute({ name: 'two', command: meet('b', 'a'), volumes }),
    ]);
    expect(tasks.map(({ states }) => states.at(-1))).toEqual(['TASK_FINISHED', 'TASK_FINISHED']);
    await assertNothingLeft(cluster);
  });
});

describe('rclone as the driver, through dvdcli 0.1', { tags }, () => {
  it('is written to once, and never unmounted: that dvdcli creates a volume before it unmounts it', async () => {
    const { cluster, remote } = await startRcloneCluster({ compat: '0.1' });
    await using _stopped = cluster;
    const volumes = onRemote(remote, 'myvolume');
    const touch = await cluster.execute({ command: 'touch /tmp/myvolume/myfile', volumes });
    expect(touch.states.at(-1)).toBe('TASK_FINISHED');
    const list = await cluster.execute({ command: 'ls /tmp/myvolume', volumes });
    expect(list.states.at(-1)).toBe('TASK_FAILED');
    expect(list.message).toContain('volume already exists');
  });
});

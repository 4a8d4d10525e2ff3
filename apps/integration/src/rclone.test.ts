import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { waitUntil } from '@drydock/base/wait-until';
import type { DaemonProcess, LocalCluster } from '@drydock/cluster';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { assertNothingLeft, aVolume, startTestCluster } from './testing/test-cluster.ts';

/** Debian's rclone as a volume driver that nobody here wrote: FUSE mounts of a directory. */
let cluster: LocalCluster;
let rclone: DaemonProcess;
let remote: string;
beforeAll(async () => {
  cluster = await startTestCluster();
  const directory = join(cluster.directory, 'rclone');
  remote = join(directory, 'remote');
  for (const name of ['remote', 'mounts', 'cache']) await mkdir(join(directory, name), { recursive: true });
  const socket = '/run/docker/plugins/rclone.sock';
  const argv = ['rclone', 'serve', 'docker', `--socket-addr=${socket}`, `--base-dir=${join(directory, 'mounts')}`];
  const config = `--config=${join(directory, 'rclone.conf')}`;
  rclone = await cluster.startProgram('rclone', [
    ...argv,
    config,
    `--cache-dir=${join(directory, 'cache')}`,
    '--no-spec',
  ]);
  await waitUntil(
    async () => {
      await rclone.assertRunning();
      return (await cluster.exec(['test', '-S', socket])).exitCode === 0;
    },
    { what: 'rclone to serve' },
  );
}, 60_000);
afterAll(async () => {
  await cluster.stop();
}, 60_000);
afterEach(async () => {
  await assertNothingLeft(cluster);
});

/** A volume over the remote directory; rclone needs to be told at its creation. */
const onRemote = (name: string, path = '/tmp/myvolume'): string => {
  const volume = aVolume({ driver: 'rclone', name, path });
  const source = volume['source'] as { readonly docker_volume: object };
  const parameter = [
    { key: 'remote', value: remote },
    // What others write to the remote directory is seen at once.
    { key: 'dir-cache-time', value: '1ms' },
  ];
  const driver_options = { parameter };
  return JSON.stringify([
    { ...volume, source: { ...source, docker_volume: { ...source.docker_volume, driver_options } } },
  ]);
};

describe('rclone as the driver', { tags: ['fuse'] }, () => {
  it('carries the story, without lost+found', async () => {
    const touch = await cluster.execute({ command: 'touch /tmp/myvolume/myfile', volumes: onRemote('myvolume') });
    expect([touch.states.at(-1), touch.message]).toEqual(['TASK_FINISHED', 'Command exited with status 0']);
    expect(await readdir(remote)).toEqual(['myfile']);
    const list = await cluster.execute({ command: 'ls /tmp/myvolume', volumes: onRemote('myvolume') });
    expect(list.states.at(-1)).toBe('TASK_FINISHED');
    expect(list.stdout.split('\n')).toContain('myfile');
    expect(list.stdout).not.toContain('lost+found');
  });

  it('refuses the second of two containers on one volume, since it counts ids and dvdcli sends none', async () => {
    const volumes = onRemote('shared', '/data');
    const first = cluster.execute({
      name: 'first',
      command: 'touch /data/first; until [ -e /data/second ]; do sleep 0.05; done',
      volumes,
    });
    await waitUntil(async () => (await readdir(remote)).includes('first'), {
      what: 'the first task to hold the volume',
    });
    const second = await cluster.execute({ name: 'second', command: 'touch /data/second', volumes });
    expect(second.states.at(-1)).toBe('TASK_FAILED');
    expect(second.message).toContain('volume is already mounted by this id');
    // The first one's volume is still there: it sees what is written to the remote.
    await cluster.exec(['touch', join(remote, 'second')]);
    expect((await first).states.at(-1)).toBe('TASK_FINISHED');
  });
});

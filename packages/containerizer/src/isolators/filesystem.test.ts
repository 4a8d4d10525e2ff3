import { describe, expect, it } from 'vitest';
import type { ContainerConfig } from '@drydock/isolator';
import type { ContainerInfo } from '@drydock/mesos';
import { LinuxFilesystemIsolator } from './filesystem-linux.ts';
import { PosixFilesystemIsolator } from './filesystem-posix.ts';

const id = { value: 'c' };
const config = (container: ContainerInfo): ContainerConfig => ({
  command: { value: 'true' },
  container,
  resources: [],
  sandboxDirectory: '/sandbox',
  user: 'root',
});
const hostVolume: ContainerInfo = {
  type: 'MESOS',
  volumes: [{ container_path: '/data', host_path: '/', mode: 'RW' }],
};
const image: ContainerInfo = { type: 'MESOS', mesos: { image: { type: 'DOCKER', docker: { name: 'ubuntu' } } } };

describe('PosixFilesystemIsolator', () => {
  it.each([
    ['a Docker container', { type: 'DOCKER' }, 'Can only prepare filesystems for a MESOS container'],
    ['an image', image, 'Container root filesystems not supported'],
    ['a volume', hostVolume, 'Volumes in ContainerInfo is not supported'],
  ] satisfies readonly [string, ContainerInfo, string][])('refuses %s', async (_title, container, message) => {
    await expect(new PosixFilesystemIsolator().prepare(id, config(container))).rejects.toThrow(message);
  });
});

describe('LinuxFilesystemIsolator', () => {
  it('refuses a volume that nobody would mount', { tags: ['root'] }, async () => {
    await expect(new LinuxFilesystemIsolator().prepare(id, config(hostVolume))).rejects.toThrow(
      "The volume for container path '/data' is not supported: only 'source.docker_volume' is",
    );
  });

  it('refuses a Docker container and leaves an image alone', { tags: ['root'] }, async () => {
    const isolator = new LinuxFilesystemIsolator();
    await expect(isolator.prepare(id, config({ type: 'DOCKER' }))).rejects.toThrow('Can only prepare filesystems');
    await expect(isolator.prepare(id, config(image))).resolves.toBeUndefined();
  });
});

/** Containers with Docker volumes that are real mounts: the real isolator, over a driver that mounts tmpfs. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLogger } from '@drydock/base/log';
import { systemClock, systemFiles, systemRandom } from '@drydock/base/ports';
import { runOrThrow } from '@drydock/base/subprocess';
import { DockerVolumeIsolator, systemMounts } from '@drydock/isolator';
import { rootContainer, type ContainerID, type ContainerInfo } from '@drydock/mesos';
import { sandboxBelow } from '../container-ids.ts';
import type { MesosContainerizer } from '../containerizer.ts';
import type { CommandConfig } from '../launch-info.ts';
import { createTestContainerizer } from './test-containerizer.ts';

export interface VolumeContainers {
  readonly containerizer: MesosContainerizer;
  readonly isolator: DockerVolumeIsolator;
  /** What the driver was asked for, `mount shared`. */
  readonly driverCalls: readonly string[];
}

export async function createVolumeContainers(base: string, cgroupsRoot: string): Promise<VolumeContainers> {
  const driverCalls: string[] = [];
  const mountpointOf = (name: string): string => join(base, 'mounts', name);
  const isolator = await DockerVolumeIsolator.create({
    client: {
      mount: async ({ name }) => {
        driverCalls.push(`mount ${name}`);
        const mountpoint = mountpointOf(name);
        await mkdir(mountpoint, { recursive: true });
        if (!(await isMounted(base, name))) await runOrThrow(['mount', '-t', 'tmpfs', 'tmpfs', mountpoint]);
        return mountpoint;
      },
      unmount: async ({ name }) => {
        driverCalls.push(`unmount ${name}`);
        await runOrThrow(['umount', mountpointOf(name)]);
      },
      inspect: async ({ name }) => ((await isMounted(base, name)) ? { mountpoint: mountpointOf(name) } : {}),
    },
    checkpointDir: join(base, 'checkpoints'),
    sandboxDirectory: '/mnt/mesos/sandbox',
    bootId: 'boot',
    files: systemFiles,
    mounts: systemMounts,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  });
  const createIsolator = async (): Promise<DockerVolumeIsolator> => await Promise.resolve(isolator);
  const containerizer = await createTestContainerizer({ base, backend: 'overlay', cgroupsRoot, createIsolator });
  return { containerizer, isolator, driverCalls };
}

export async function isMounted(base: string, name: string): Promise<boolean> {
  return (await readFile('/proc/self/mountinfo', 'utf8')).includes(` ${join(base, 'mounts', name)} `);
}

export function sandboxOf(base: string, id: ContainerID): string {
  return sandboxBelow(join(base, `sandbox-${rootContainer(id).value}`), id);
}

/** A volume appears as `data` in the sandbox. */
export async function configOf(
  base: string,
  id: ContainerID,
  options: { readonly command?: string; readonly volume?: string; readonly hasImage?: boolean },
): Promise<CommandConfig> {
  const { command = 'true', volume, hasImage = false } = options;
  const sandboxDirectory = sandboxOf(base, id);
  await mkdir(sandboxDirectory, { recursive: true });
  const container: ContainerInfo = {
    type: 'MESOS',
    ...(hasImage ? { mesos: { image: { type: 'DOCKER', docker: { name: 'ubuntu:14.04' } } } } : {}),
    ...(volume === undefined
      ? {}
      : {
          volumes: [
            {
              container_path: 'data',
              mode: 'RW',
              source: { type: 'DOCKER_VOLUME', docker_volume: { driver: 'tmpfs', name: volume } },
            },
          ],
        }),
  };
  return { command: { value: command }, container, resources: [], sandboxDirectory, user: 'root' };
}

/** The message of what an action is refused with. */
export async function refusalOf(action: Promise<unknown>): Promise<string> {
  try {
    await action;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return 'not refused';
}

/**
 * `filesystem/posix`: containers that use the host's file system as it is. Added when `--isolation` names no other.
 * @see src/slave/containerizer/mesos/isolators/filesystem/posix.cpp
 */
import type { ContainerConfig, Isolator } from '@drydock/isolator';
import type { ContainerID } from '@drydock/mesos';
import { FilesystemError } from './filesystem-linux.ts';

export class PosixFilesystemIsolator implements Isolator {
  readonly name = 'filesystem/posix';
  readonly supportsNesting = true;

  async recover(): Promise<void> {
    // Nothing is kept between launches.
  }

  async prepare(_containerId: ContainerID, config: ContainerConfig): Promise<undefined> {
    const { container } = config;
    if (container === undefined) return;
    if (container.type !== 'MESOS') throw new FilesystemError('Can only prepare filesystems for a MESOS container');
    if (container.mesos?.image !== undefined) throw new FilesystemError('Container root filesystems not supported');
    if ((container.volumes ?? []).length > 0) throw new FilesystemError('Volumes in ContainerInfo is not supported');
  }

  async cleanup(): Promise<void> {
    // Nothing was made.
  }
}

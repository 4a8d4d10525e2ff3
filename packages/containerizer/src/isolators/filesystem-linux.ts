/**
 * `filesystem/linux`: containers with a root file system and with volumes. The mounts that every container has (proc,
 * dev, sys, the sandbox at `--sandbox_directory`) are part of the runtime's configuration (`launcher/oci-config.ts`), so
 * this isolator contributes none; it refuses what containers here cannot have.
 * @see src/slave/containerizer/mesos/isolators/filesystem/linux.cpp
 */
import { DomainError } from '@drydock/base/errors';
import type { ContainerConfig, Isolator } from '@drydock/isolator';
import type { ContainerID } from '@drydock/mesos';

/** The container asks for a file system that it cannot have. */
export class FilesystemError extends DomainError<'FILESYSTEM_FAILED'> {
  readonly code = 'FILESYSTEM_FAILED';
}

export class LinuxFilesystemIsolator implements Isolator {
  readonly name = 'filesystem/linux';
  readonly supportsNesting = true;

  /** @throws FilesystemError when this process is not root */
  constructor() {
    if (process.getuid?.() !== 0) throw new FilesystemError("'filesystem/linux' isolator requires root privileges");
  }

  async recover(): Promise<void> {
    // Nothing is kept between launches: a container's mounts live and die with its mount namespace.
  }

  async prepare(_containerId: ContainerID, config: ContainerConfig): Promise<undefined> {
    const { container } = config;
    if (container === undefined) return;
    if (container.type !== 'MESOS') throw new FilesystemError('Can only prepare filesystems for a MESOS container');
    // DEVIATION: upstream's isolators skip a volume that none of them knows, and the task runs without it.
    for (const volume of container.volumes ?? []) {
      if (volume.source?.docker_volume === undefined) {
        throw new FilesystemError(
          `The volume for container path '${volume.container_path}' is not supported: only 'source.docker_volume' is`,
        );
      }
    }
  }

  async cleanup(): Promise<void> {
    // Nothing was made.
  }
}

/**
 * What survives the agent: `<checkpoint dir>/<container id>/volumes`, a JSON file that upstream can read
 * (`{"volumes":[{"driver","name"}]}`); our own fields beside these are ignored there.
 * @see src/slave/containerizer/mesos/isolators/docker/volume/state.proto
 */
import { join } from 'node:path';
import { writeFileAtomic } from '@drydock/base/atomic-file';
import { DomainError, messageOf } from '@drydock/base/errors';
import type { FileSystemPort, RandomPort } from '@drydock/base/ports';
import type { ContainerID } from '@drydock/mesos';
import type { RequestedVolume } from './requested-volumes.ts';

export class VolumeCheckpointError extends DomainError<'VOLUME_CHECKPOINT_FAILED'> {
  readonly code = 'VOLUME_CHECKPOINT_FAILED';
}

export interface VolumeCheckpointsOptions {
  /** `--docker_volume_checkpoint_dir`; made if missing. */
  readonly directory: string;
  readonly files: FileSystemPort;
  readonly random: RandomPort;
}

/** The checkpoint directory. */
export class VolumeCheckpoints {
  readonly #directory: string;
  readonly #files: FileSystemPort;
  readonly #random: RandomPort;

  constructor(options: VolumeCheckpointsOptions) {
    this.#directory = options.directory;
    this.#files = options.files;
    this.#random = options.random;
  }

  /** Makes the root directory. @throws VolumeCheckpointError */
  async open(): Promise<void> {
    await this.#orThrow(
      `Failed to create docker volume information root directory at '${this.#directory}'`,
      this.#files.ensureDirectory(this.#directory),
    );
  }

  /**
   * Records, durably, that the container is about to hold `volumes`. Refuses an id whose directory is already there: it
   * belongs to another container.
   * @throws VolumeCheckpointError
   */
  async write(containerId: ContainerID, volumes: readonly RequestedVolume[]): Promise<void> {
    const directory = this.#directoryOf(containerId);
    const failure = `Failed to create the container directory at '${directory}'`;
    if ((await this.#orThrow(failure, this.#files.kindOf(directory))) !== undefined) {
      throw new VolumeCheckpointError(`${failure}: it belongs to another container`);
    }
    await this.#orThrow(failure, this.#files.ensureDirectory(directory));
    const record = {
      volumes: volumes.map(({ key, options }) => ({
        driver: key.driver,
        name: key.name,
        ...(options.length === 0 ? {} : { options }),
      })),
      container_id: containerId,
    };
    const path = join(directory, 'volumes');
    const text = `${JSON.stringify(record)}\n`;
    await this.#orThrow(`Failed to checkpoint docker volumes at '${path}'`, this.#writeIn(directory, path, text));
  }

  /** Forgets the container; one that was never recorded is fine. @throws VolumeCheckpointError */
  async remove(containerId: ContainerID): Promise<void> {
    const directory = this.#directoryOf(containerId);
    await this.#orThrow(
      `Failed to remove the checkpoint directory at '${directory}'`,
      this.#files.remove(directory).then(async () => await this.#files.syncDirectory(this.#directory)),
    );
  }

  /** Leaves no directory behind when it fails: nobody would own it. */
  async #writeIn(directory: string, path: string, text: string): Promise<void> {
    try {
      await writeFileAtomic(path, text, { files: this.#files, random: this.#random });
      // The container's directory itself is new: its name is durable only with its parent.
      await this.#files.syncDirectory(this.#directory);
    } catch (error) {
      await this.#files.remove(directory);
      throw error;
    }
  }

  #directoryOf(containerId: ContainerID): string {
    return join(this.#directory, containerId.value);
  }

  async #orThrow<T>(what: string, effect: Promise<T>): Promise<T> {
    try {
      return await effect;
    } catch (error) {
      throw new VolumeCheckpointError(`${what}: ${messageOf(error)}`, { cause: error });
    }
  }
}

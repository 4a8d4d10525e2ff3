/**
 * What survives the agent: `<checkpoint dir>/<container id>/volumes`, a JSON file that upstream can read
 * (`{"volumes":[{"driver","name"}]}`); our own fields beside these are ignored there.
 *
 * It is written before any driver is called and again when all volumes of the container are mounted, each time by
 * replacement and with fsync, and it is removed when every volume of the container is surely let go of. So a volume that
 * may be mounted is always in some checkpoint.
 * @see src/slave/containerizer/mesos/isolators/docker/volume/state.proto
 */
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '@drydock/base/atomic-file';
import { assert, DomainError, messageOf, systemCodeOf } from '@drydock/base/errors';
import type { FileSystemPort, RandomPort } from '@drydock/base/ports';
import type { ContainerID } from '@drydock/mesos';
import { CheckpointCorruptError, parseCheckpoint } from './parse-checkpoint.ts';
import type { DriverOption, VolumeKey } from './volume-key.ts';
import type { MountedAt } from './volume-in-use.ts';

export class VolumeCheckpointError extends DomainError<'VOLUME_CHECKPOINT_FAILED'> {
  readonly code = 'VOLUME_CHECKPOINT_FAILED';
}

/** One volume of a container, as far as a checkpoint tells. */
export interface CheckpointedVolume {
  readonly key: VolumeKey;
  readonly options: readonly DriverOption[];
  /** `mounting`: the driver may have been asked. `mounted`: the container may have been launched with it. */
  readonly phase: 'mounting' | 'mounted';
  /** Set with `mounted`, except by upstream, which does not say. */
  readonly at?: MountedAt;
}

export interface Checkpoint {
  /** Upstream tells only the last part, the name of the directory. */
  readonly containerId: ContainerID;
  readonly volumes: readonly CheckpointedVolume[];
  /** Of the start of the machine at which it was written; undefined for upstream's. */
  readonly bootId?: string;
}

/** What lies in the checkpoint directory under one name. */
export type CheckpointEntry =
  | {
      readonly kind: 'checkpoint';
      readonly name: string;
      readonly checkpoint: Checkpoint;
      readonly notes: readonly string[];
    }
  /** The directory of a container without a file, or with an empty one: its writer was interrupted. */
  | { readonly kind: 'empty'; readonly name: string }
  | { readonly kind: 'corrupt'; readonly name: string; readonly reason: string }
  /** No directory, hence none of ours. */
  | { readonly kind: 'foreign'; readonly name: string };

export interface VolumeCheckpointsOptions {
  /** `--docker_volume_checkpoint_dir`; made if missing. */
  readonly directory: string;
  readonly bootId: string;
  readonly files: FileSystemPort;
  readonly random: RandomPort;
}

/** Reads of a recovery that are under way at once. */
const READ_COUNT_MAX = 32;

/** The checkpoint directory. */
export class VolumeCheckpoints {
  readonly #options: VolumeCheckpointsOptions;
  readonly #directory: string;
  readonly #files: FileSystemPort;

  constructor(options: VolumeCheckpointsOptions) {
    this.#options = options;
    this.#directory = options.directory;
    this.#files = options.files;
  }

  /** Where files go that cannot be understood: beside the checkpoint directory, which upstream reads as a whole. */
  get quarantineDirectory(): string {
    return `${this.#directory}.quarantine`;
  }

  /** Makes the root directory. @throws VolumeCheckpointError */
  async open(): Promise<void> {
    await this.#orThrow(
      `Failed to create docker volume information root directory at '${this.#directory}'`,
      this.#ensureDurable(this.#directory),
    );
  }

  /**
   * Records, durably, that the container is about to hold `volumes`. Refuses an id whose directory is already there: it
   * belongs to another container.
   * @throws VolumeCheckpointError
   */
  async create(containerId: ContainerID, volumes: readonly CheckpointedVolume[]): Promise<void> {
    const directory = this.#directoryOf(containerId);
    const failure = `Failed to create the container directory at '${directory}'`;
    if ((await this.#orThrow(failure, this.#files.kindOf(directory))) !== undefined) {
      throw new VolumeCheckpointError(`${failure}: it belongs to another container`);
    }
    await this.#orThrow(failure, this.#files.ensureDirectory(directory));
    const path = join(directory, 'volumes');
    const writing = this.#createIn(directory, path, this.#textOf(containerId, volumes));
    await this.#orThrow(`Failed to checkpoint docker volumes at '${path}'`, writing);
  }

  /** Records, durably, what is known now; the container's directory exists, or is made again. @throws VolumeCheckpointError */
  async replace(containerId: ContainerID, volumes: readonly CheckpointedVolume[]): Promise<void> {
    const directory = this.#directoryOf(containerId);
    const path = join(directory, 'volumes');
    const writing = async (): Promise<void> => {
      await this.#ensureDurable(directory);
      await this.#write(path, this.#textOf(containerId, volumes));
    };
    await this.#orThrow(`Failed to checkpoint docker volumes at '${path}'`, writing());
  }

  /** Forgets the container; one that was never recorded is fine. @throws VolumeCheckpointError */
  async remove(containerId: ContainerID): Promise<void> {
    const directory = this.#directoryOf(containerId);
    await this.#orThrow(
      `Failed to remove the checkpoint directory at '${directory}'`,
      this.#files.remove(directory).then(async () => await this.#files.syncDirectory(this.#directory)),
    );
  }

  /** Everything in the directory, by name. @throws VolumeCheckpointError when it cannot be listed or a file not be read */
  async readAll(): Promise<readonly CheckpointEntry[]> {
    const failure = `Unable to list docker volume checkpoint directory '${this.#directory}'`;
    const names = await this.#orThrow(failure, this.#files.list(this.#directory));
    const entries: CheckpointEntry[] = [];
    const rest = names.entries();
    const readSome = async (): Promise<void> => {
      // All readers take from the same iterator, each name once.
      for (const [index, name] of rest) entries[index] = await this.#read(name);
    };
    await Promise.all(Array.from({ length: READ_COUNT_MAX }, readSome));
    return entries;
  }

  /** Takes a file away that cannot be understood, and keeps it; gives where. @throws VolumeCheckpointError */
  async quarantine(name: string): Promise<string> {
    const target = join(this.quarantineDirectory, `${name}.${this.#options.random.hex(4)}`);
    const moving = async (): Promise<void> => {
      await this.#ensureDurable(this.quarantineDirectory);
      await this.#files.rename(join(this.#directory, name), target);
      await this.#files.syncDirectory(this.#directory);
    };
    await this.#orThrow(`Failed to quarantine '${join(this.#directory, name)}'`, moving());
    return target;
  }

  async #read(name: string): Promise<CheckpointEntry> {
    const path = join(this.#directory, name, 'volumes');
    let text: string;
    try {
      text = await this.#files.readText(path);
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return { kind: 'empty', name };
      if (systemCodeOf(error) === 'ENOTDIR') return { kind: 'foreign', name };
      return {
        kind: 'corrupt',
        name,
        reason: `Failed to read docker volumes checkpoint file '${path}': ${messageOf(error)}`,
      };
    }
    if (text === '') return { kind: 'empty', name };
    try {
      return { kind: 'checkpoint', name, ...parseCheckpoint(text, name) };
    } catch (error) {
      if (error instanceof CheckpointCorruptError)
        return { kind: 'corrupt', name, reason: `${path}: ${error.message}` };
      throw error;
    }
  }

  #textOf(containerId: ContainerID, volumes: readonly CheckpointedVolume[]): string {
    const text = `${JSON.stringify({
      volumes: volumes.map(({ key, options, phase, at }) => ({
        driver: key.driver,
        name: key.name,
        ...(options.length === 0 ? {} : { options }),
        phase,
        ...(at === undefined ? {} : { mountpoint: at.mountpoint, is_mount_point: at.isMountPoint }),
      })),
      container_id: containerId,
      boot_id: this.#options.bootId,
    })}\n`;
    const { checkpoint } = parseCheckpoint(text, containerId.value);
    assert(checkpoint.volumes.length === volumes.length, 'what is written can be read again');
    return text;
  }

  /** A new directory's name is durable only with its parent. */
  async #ensureDurable(path: string): Promise<void> {
    if ((await this.#files.kindOf(path)) !== undefined) return await this.#files.ensureDirectory(path);
    await this.#ensureDurable(dirname(path));
    await this.#files.ensureDirectory(path);
    await this.#files.syncDirectory(dirname(path));
  }

  /** Leaves no directory behind when it fails: nobody would own it. */
  async #createIn(directory: string, path: string, text: string): Promise<void> {
    try {
      await this.#write(path, text);
      // The container's directory itself is new: its name is durable only with its parent.
      await this.#files.syncDirectory(dirname(directory));
    } catch (error) {
      await this.#files.remove(directory);
      throw error;
    }
  }

  async #write(path: string, text: string): Promise<void> {
    const { files, random } = this.#options;
    await writeFileAtomic(path, text, { files, random });
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

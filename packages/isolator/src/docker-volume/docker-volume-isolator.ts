import { assert, messageOf } from '@drydock/base/errors';
import type { Logger } from '@drydock/base/log';
import type { ClockPort, FileSystemPort, RandomPort } from '@drydock/base/ports';
import { containerKey, containerText, type ContainerID } from '@drydock/mesos';
import type { ContainerConfig, ContainerLaunchInfo, ContainerMount, ContainerState, Isolator } from '../isolator.ts';
import { forEachDeepestFirst } from '../deepest-first.ts';
import { ContainerRecords } from './container-records.ts';
import type { DriverClient } from './driver-client.ts';
import type { MountTablePort } from './mount-table.ts';
import { orderTargets, prepareMountTarget } from './mount-target.ts';
import { planRecovery } from './recovery-plan.ts';
import { requestedVolumes, type RequestedVolume } from './requested-volumes.ts';
import { Retries } from './retries.ts';
import { VolumeCheckpoints, type CheckpointedVolume } from './volume-checkpoint.ts';
import { conflictingOption, type MountedAt } from './volume-in-use.ts';
import { volumeId } from './volume-key.ts';
import { VolumeOperations, type DriverCallCounts, type MountCounting } from './volume-operations.ts';
import { VolumeReleases, type PendingRelease } from './volume-releases.ts';
import { DockerVolumesFailedError } from './docker-volumes-failed-error.ts';

export interface DockerVolumeIsolatorOptions {
  readonly client: DriverClient;
  /** `--docker_volume_checkpoint_dir`. */
  readonly checkpointDir: string;
  /** `--sandbox_directory`: the sandbox as a container with a rootfs sees it. */
  readonly sandboxDirectory: string;
  /** `--docker_volume_mount_counting`; default `per_container`. */
  readonly counting?: MountCounting;
  /** `--docker_volume_chown`: finds a user's ids; absent = volumes keep their owner. */
  readonly findOwner?: (user: string) => Promise<{ readonly uid: number; readonly gid: number }>;
  /** For how long a clean-up waits for a driver before it goes on in the background. Default 60 s. */
  readonly cleanupWaitMs?: number;
  /** Of `/proc/sys/kernel/random/boot_id`. */
  readonly bootId: string;
  readonly files: FileSystemPort;
  readonly mounts: MountTablePort;
  readonly clock: ClockPort;
  readonly random: RandomPort;
  readonly logger: Logger;
}

export interface DockerVolumeStatus {
  readonly volumeCount: number;
  readonly counts: DriverCallCounts;
  readonly pending: readonly PendingRelease[];
}

/**
 * The `docker/volume` isolator: mounts Docker volumes through their drivers on the host and hands them to the container
 * as bind mounts; unmounts a volume when its last container is gone.
 * @see src/slave/containerizer/mesos/isolators/docker/volume/isolator.cpp
 */
export class DockerVolumeIsolator implements Isolator, AsyncDisposable {
  readonly name = 'docker/volume';
  readonly supportsNesting = true;

  readonly #options: DockerVolumeIsolatorOptions;
  readonly #checkpoints: VolumeCheckpoints;
  readonly #logger: Logger;
  readonly #records = new ContainerRecords();
  readonly #operations: VolumeOperations;
  readonly #retries: Retries;
  readonly #releases: VolumeReleases;
  /** Volumes that were given to a user since they were mounted. */
  readonly #owned = new Set<string>();

  private constructor(options: DockerVolumeIsolatorOptions, checkpoints: VolumeCheckpoints) {
    this.#options = options;
    this.#checkpoints = checkpoints;
    this.#logger = options.logger;
    this.#retries = new Retries({ clock: options.clock, logger: options.logger });
    this.#operations = new VolumeOperations({
      client: options.client,
      counting: options.counting ?? 'per_container',
      files: options.files,
      mounts: options.mounts,
      clock: options.clock,
      logger: options.logger,
      stopSignal: this.#retries.signal,
      onLateMountPossible: (key) => this.#releases.watchForLateMount(key),
      isLateMountPossible: (key) => this.#releases.isWatched(key),
      onUnmounted: (key) => void this.#owned.delete(volumeId(key)),
    });
    this.#releases = new VolumeReleases({
      operations: this.#operations,
      records: this.#records,
      retries: this.#retries,
      checkpoints,
      clock: options.clock,
      logger: options.logger,
      ...(options.cleanupWaitMs === undefined ? {} : { waitMs: options.cleanupWaitMs }),
    });
  }

  /** @throws VolumeCheckpointError when the checkpoint directory cannot be made */
  static async create(options: DockerVolumeIsolatorOptions): Promise<DockerVolumeIsolator> {
    const { checkpointDir: directory, bootId, files, random } = options;
    const checkpoints = new VolumeCheckpoints({ directory, bootId, files, random });
    await checkpoints.open();
    return new DockerVolumeIsolator(options, checkpoints);
  }

  /** Ends what goes on in the background; volumes and checkpoints stay as they are. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#retries[Symbol.asyncDispose]();
  }

  get status(): DockerVolumeStatus {
    return {
      volumeCount: this.#operations.entries().size,
      counts: this.#operations.counts,
      pending: this.#releases.pending,
    };
  }

  /**
   * Counts the references of all checkpoints first, and only then cleans up after containers that nobody else knows; waits
   * for that as long as every clean-up does.
   * @throws VolumeCheckpointError when the checkpoint directory cannot be listed
   */
  async recover(running: readonly ContainerState[], orphans: readonly ContainerID[]): Promise<void> {
    const { bootId } = this.#options;
    const plan = planRecovery({ entries: await this.#checkpoints.readAll(), running, orphans, bootId });
    for (const note of plan.notes) this.#logger.warning('Recovering docker volumes', { note });
    for (const { name, reason } of plan.corrupt) await this.#quarantine(name, reason);
    for (const { id, volumes } of plan.containers) this.#records.add(id, volumes);
    for (const { key, volume } of plan.volumes) this.#operations.restore(key, volume);
    for (const { id, volumes } of plan.toWrite) await this.#checkpoints.replace(id, volumes);
    for (const name of plan.toRemove) await this.#releases.removeCheckpoint({ value: name });
    this.#logger.info('Recovered docker volumes', {
      containerCount: plan.containers.length,
      volumeCount: plan.volumes.length,
      unknownCount: plan.unknown.length,
    });
    await forEachDeepestFirst(plan.unknown, async (id) => {
      try {
        await this.cleanup(id, { signal: this.#retries.signal });
      } catch (error) {
        this.#logger.error('Failed to clean up after an unknown container', { containerId: containerText(id), error });
      }
    });
  }

  async prepare(
    containerId: ContainerID,
    config: ContainerConfig,
    { signal }: { signal: AbortSignal },
  ): Promise<ContainerLaunchInfo | undefined> {
    const holder = containerKey(containerId);
    assert(this.#records.get(holder) === undefined, `container ${holder} is prepared once`);
    const volumes = requestedVolumes(containerId, config.container);
    if (volumes.length === 0) return undefined;
    this.#assertCanJoin(volumes);
    const targets = await this.#prepareTargets(volumes, config);
    await this.#checkpoints.create(containerId, volumes.map(toMounting));
    await this.#claim(containerId, volumes);

    const mounting = volumes.map(
      async ({ key, options }) => await this.#operations.mount(key, options, { holder, signal }),
    );
    const outcomes = await Promise.allSettled(mounting);
    throwFailures(outcomes);
    const places = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    signal.throwIfAborted();
    await this.#checkpoints.replace(
      containerId,
      volumes.map((volume, index) => toMounted(volume, places[index])),
    );
    await this.#giveToUser(volumes, places, config.user);
    const mounts = volumes.map((volume, index): ContainerMount => {
      const [place, target] = [places[index], targets[index]];
      assert(place !== undefined && target !== undefined, 'one place and one target per volume');
      return { source: place.mountpoint, target, isReadOnly: volume.isReadOnly };
    });
    return { mounts: orderTargets(mounts) };
  }

  /** @throws DockerVolumesFailedError; what failed is tried again in the background */
  async cleanup(containerId: ContainerID, { signal }: { signal: AbortSignal }): Promise<void> {
    const holder = containerKey(containerId);
    const record = this.#records.get(holder);
    const [child] = this.#records.childrenOf(holder);
    if (child !== undefined) {
      throw new DockerVolumesFailedError(
        `Failed to clean up container ${containerText(containerId)}: it has child container ${containerText(child.id)} which is not cleaned up yet`,
      );
    }
    if (record === undefined) return;
    if (record.state === 'held') {
      this.#records.release(holder);
      for (const { key } of record.volumes) this.#operations.release(key, holder);
    }
    throwFailures(
      await Promise.allSettled(
        [...record.unresolved.values()].map(async (key) => await this.#releases.letGo(key, signal)),
      ),
    );
    if (record.unresolved.size === 0) await this.#releases.forget(record);
  }

  /** Claims in one step; nobody else's claim can come between the look and the claim. */
  async #claim(containerId: ContainerID, volumes: readonly RequestedVolume[]): Promise<void> {
    const holder = containerKey(containerId);
    try {
      this.#assertCanJoin(volumes);
    } catch (error) {
      await this.#checkpoints.remove(containerId);
      throw error;
    }
    this.#records.add(containerId, volumes);
    for (const { key, options } of volumes) this.#operations.claim(key, holder, options);
    // From here on this container's checkpoint covers them for those that are gone.
    for (const { key } of volumes) await this.#releases.resolve(key);
  }

  #assertCanJoin(volumes: readonly RequestedVolume[]): void {
    for (const { key, options } of volumes) {
      const conflict = conflictingOption(this.#operations.get(key), options);
      if (conflict === undefined) continue;
      throw new DockerVolumesFailedError(
        `Docker volume '${key.name}' of driver '${key.driver}' is in use without the option ` +
          `'${conflict.key}=${conflict.value}' that is asked for: expected the options that it was mounted with, or none`,
      );
    }
  }

  async #prepareTargets(volumes: readonly RequestedVolume[], config: ContainerConfig): Promise<readonly string[]> {
    const targets: string[] = [];
    for (const { containerPath } of volumes) {
      const target = await prepareMountTarget(containerPath, {
        hasRootfs: config.image !== undefined,
        sandboxDirectory: config.sandboxDirectory,
        sandboxInContainer: this.#options.sandboxDirectory,
        others: targets,
        files: this.#options.files,
      });
      targets.push(target);
    }
    return targets;
  }

  /**
   * `--docker_volume_chown`, the mountpoint only.
   * DEVIATION: upstream does it for each container, read-only ones too; here a volume is given away once, to the user of
   * the first container that may write to it.
   */
  async #giveToUser(volumes: readonly RequestedVolume[], places: readonly MountedAt[], user: string): Promise<void> {
    const { findOwner, files } = this.#options;
    if (findOwner === undefined || user === 'root') return;
    for (const [index, { key, isReadOnly }] of volumes.entries()) {
      const place = places[index];
      if (isReadOnly || place === undefined || this.#owned.has(volumeId(key))) continue;
      try {
        await files.setOwner(place.mountpoint, await findOwner(user));
      } catch (error) {
        throw new DockerVolumesFailedError(
          `Failed to set '${user}' as the docker volume '${place.mountpoint}' owner: ${messageOf(error)}`,
          { cause: error },
        );
      }
      this.#owned.add(volumeId(key));
    }
  }

  async #quarantine(name: string, reason: string): Promise<void> {
    const where = await this.#checkpoints.quarantine(name);
    this.#logger.error('Put away a docker volume checkpoint that cannot be understood', { name, reason, where });
  }
}

function toMounting({ key, options }: RequestedVolume): CheckpointedVolume {
  return { key, options, phase: 'mounting' };
}

function toMounted({ key, options }: RequestedVolume, at: MountedAt | undefined): CheckpointedVolume {
  return { key, options, phase: 'mounted', ...(at === undefined ? {} : { at }) };
}

function throwFailures(outcomes: readonly PromiseSettledResult<unknown>[]): void {
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [messageOf(outcome.reason)] : []));
  if (failures.length > 0) throw new DockerVolumesFailedError(failures.join('\n'));
}

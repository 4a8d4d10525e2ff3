/**
 * Letting go of volumes after their containers: in the foreground for so long, then in the background until it is done,
 * and the checkpoints of containers that wait for nothing any more are removed.
 */
import type { Logger } from '@drydock/base/log';
import type { ClockPort } from '@drydock/base/ports';
import { containerText, type ContainerID } from '@drydock/mesos';
import type { ContainerRecord, ContainerRecords } from './container-records.ts';
import { DockerVolumesFailedError } from './docker-volumes-failed-error.ts';
import type { Retries } from './retries.ts';
import type { VolumeCheckpoints } from './volume-checkpoint.ts';
import { isDue } from './volume-in-use.ts';
import { volumeId, type VolumeKey } from './volume-key.ts';
import type { VolumeOperations } from './volume-operations.ts';

/** An unmount, or without `volume` the removal of a checkpoint, that goes on after its containers are gone. */
export interface PendingRelease {
  readonly containerIds: readonly ContainerID[];
  readonly volume?: VolumeKey;
  /** Attempts that failed; it is tried again. */
  readonly failedCount: number;
  /** Of the last one. */
  readonly error?: string;
  /** Of the first one, milliseconds since the epoch. */
  readonly since?: number;
}

export interface VolumeReleasesOptions {
  readonly operations: VolumeOperations;
  readonly records: ContainerRecords;
  readonly retries: Retries;
  readonly checkpoints: VolumeCheckpoints;
  readonly clock: ClockPort;
  readonly logger: Logger;
  /** For how long `letGo` waits for a driver. Default 60 s. */
  readonly waitMs?: number;
}

const WAIT_MS = 60_000;
/** After so many failures a driver is left alone with a volume that is probably not mounted. */
const ATTEMPT_COUNT_MIN = 5;
/** When a driver is looked at again that was given up on while it mounted. */
const LATE_MOUNT_PAUSES_MS = [5_000, 60_000, 300_000, 1_800_000] as const;

const CHECKPOINT_PREFIX = 'checkpoint ';

export class VolumeReleases {
  readonly #options: VolumeReleasesOptions;
  readonly #forgetting = new WeakMap<ContainerRecord, Promise<void>>();
  /** Failed unmounts of a volume in a row, whoever they were for. */
  readonly #failedCounts = new Map<string, number>();
  /** Volumes whose drivers are looked at again. */
  readonly #watched = new Map<string, AbortController>();

  constructor(options: VolumeReleasesOptions) {
    this.#options = options;
  }

  get pending(): readonly PendingRelease[] {
    const retried = new Map(this.#options.retries.pending.map((retry) => [retry.key, retry]));
    const waiting = [...this.#options.records.waiting()].map(([id, records]): PendingRelease => {
      const volume = records[0]?.volumes.find(({ key }) => volumeId(key) === id)?.key;
      const containerIds = records.map((record) => record.id);
      const { failedCount, error, since } = retried.get(id) ?? {};
      return {
        containerIds,
        failedCount: failedCount ?? 0,
        ...(volume === undefined ? {} : { volume }),
        ...(error === undefined || since === undefined ? {} : { error, since }),
      };
    });
    const checkpoints = [...retried.values()]
      .filter(({ key }) => key.startsWith(CHECKPOINT_PREFIX))
      .map(({ key, ...rest }) => ({ containerIds: [{ value: key.slice(CHECKPOINT_PREFIX.length) }], ...rest }));
    return [...waiting, ...checkpoints];
  }

  /** Resolves when the volume is let go of for the containers that are gone; waits only so long. */
  async letGo(key: VolumeKey, signal: AbortSignal): Promise<void> {
    const { clock, waitMs = WAIT_MS } = this.#options;
    const unmounting = this.#unmountOrRetry(key, AbortSignal.any([signal, this.#options.retries.signal]));
    const waiting = new AbortController();
    const late = clock.sleep(waitMs, { signal: waiting.signal }).then(
      () => true,
      () => false,
    );
    const isLate = await Promise.race([unmounting.then(() => false), late]).finally(() => waiting.abort());
    if (!isLate) return;
    unmounting.catch((error: unknown) =>
      this.#options.logger.error('Failed to unmount docker volume', { ...key, error }),
    );
    throw new DockerVolumesFailedError(
      `The unmount of docker volume '${key.name}' of driver '${key.driver}' takes longer than ${waitMs} ms and goes on in the background`,
    );
  }

  async #unmountOrRetry(key: VolumeKey, signal: AbortSignal): Promise<void> {
    try {
      await this.#unmountAndResolve(key, signal);
    } catch (error) {
      this.#countFailure(key);
      this.#retryUnmount(key, error);
      throw error;
    }
  }

  #retryUnmount(key: VolumeKey, error: unknown): void {
    this.#options.retries.start(volumeId(key), error, async (signal) => {
      // Somebody holds it now: its own clean-up unmounts it.
      if ((this.#options.operations.get(key)?.holders.size ?? 0) > 0) return true;
      try {
        await this.#unmountAndResolve(key, signal);
      } catch (failure) {
        if (this.#countFailure(key) < ATTEMPT_COUNT_MIN || signal.aborted) throw failure;
        if (!this.#options.operations.abandon(key, failure)) throw failure;
        this.#options.logger.error('Gave up to unmount a docker volume that is probably not mounted', {
          ...key,
          error: failure,
        });
        this.#failedCounts.delete(volumeId(key));
        await this.resolve(key);
      }
      return true;
    });
  }

  #countFailure(key: VolumeKey): number {
    const count = (this.#failedCounts.get(volumeId(key)) ?? 0) + 1;
    this.#failedCounts.set(volumeId(key), count);
    return count;
  }

  async #unmountAndResolve(key: VolumeKey, signal: AbortSignal): Promise<void> {
    await this.#options.operations.unmount(key, signal);
    // Who claimed it meanwhile has not settled it yet.
    if (this.#options.operations.get(key)?.state !== 'uncertain') this.#failedCounts.delete(volumeId(key));
    await this.resolve(key);
  }

  /**
   * If the volume is unmounted, or somebody holds it whose checkpoint covers it, those that are gone need not remember it.
   * Otherwise an unmount is under way for the last one that left, and its end resolves all.
   */
  async resolve(key: VolumeKey): Promise<void> {
    const volume = this.#options.operations.get(key);
    if (volume !== undefined && volume.holders.size === 0) return;
    for (const record of this.#options.records.resolve(volumeId(key))) await this.forget(record);
  }

  /** Every volume of a container that is gone is let go of. Several may find out at the same time. */
  async forget(record: ContainerRecord): Promise<void> {
    if (this.#options.records.remove(record)) this.#forgetting.set(record, this.removeCheckpoint(record.id));
    await this.#forgetting.get(record);
  }

  async removeCheckpoint(id: ContainerID): Promise<void> {
    try {
      await this.#options.checkpoints.remove(id);
    } catch (error) {
      this.#options.logger.error('Failed to remove a checkpoint', { containerId: containerText(id), error });
      this.#options.retries.start(`${CHECKPOINT_PREFIX}${id.value}`, error, async () => {
        await this.#options.checkpoints.remove(id);
        return true;
      });
    }
  }

  /** Looks at a driver again that was given up on while it mounted; from now on if it was to be looked at already. */
  watchForLateMount(key: VolumeKey): void {
    const id = volumeId(key);
    this.#watched.get(id)?.abort();
    const watching = new AbortController();
    this.#watched.set(id, watching);
    void this.#lookAgain(key, AbortSignal.any([watching.signal, this.#options.retries.signal])).finally(() => {
      if (this.#watched.get(id) === watching) this.#watched.delete(id);
    });
  }

  isWatched(key: VolumeKey): boolean {
    return this.#watched.has(volumeId(key));
  }

  async #lookAgain(key: VolumeKey, signal: AbortSignal): Promise<void> {
    for (const pauseMs of LATE_MOUNT_PAUSES_MS) {
      try {
        await this.#options.clock.sleep(pauseMs, { signal });
        await this.#options.operations.unmountLate(key, this.#options.retries.signal);
      } catch (error) {
        const { logger, operations, retries } = this.#options;
        const volume = operations.get(key);
        if (!retries.signal.aborted && volume !== undefined && isDue(volume)) {
          logger.warning('Failed to unmount a docker volume that was mounted late', { ...key, error });
          this.#countFailure(key);
          this.#retryUnmount(key, error);
        }
        if (signal.aborted) return;
      }
    }
  }
}

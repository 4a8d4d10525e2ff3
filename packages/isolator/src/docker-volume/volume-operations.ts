/**
 * The volumes of this host and what is done to them: one operation in flight per volume, in the order asked for; each
 * begins and ends with an event of the state machine in `volume-in-use.ts`.
 */
import { assert, assertNever, DomainError, messageOf } from '@drydock/base/errors';
import { KeyedSequencer } from '@drydock/base/keyed-sequencer';
import type { Logger } from '@drydock/base/log';
import type { ClockPort, FileSystemPort } from '@drydock/base/ports';
import { DriverCallError, type DriverClient } from './driver-client.ts';
import type { MountTablePort } from './mount-table.ts';
import { checkMountpoint } from './mountpoint.ts';
import { decide, isDue, isNeverSeen, type MountedAt, type VolumeEvent, type VolumeInUse } from './volume-in-use.ts';
import { volumeId, type DriverOption, type VolumeKey } from './volume-key.ts';

/**
 * `--docker_volume_mount_counting`. `per_container`: as upstream, every container's prepare has the driver mount, and the
 * last clean-up has it unmount once. `first_container`: the driver mounts for the first holder only, so that one that
 * counts is balanced.
 */
export type MountCounting = 'per_container' | 'first_container';

export interface VolumeOperationsOptions {
  readonly client: DriverClient;
  readonly counting: MountCounting;
  readonly files: FileSystemPort;
  readonly mounts: MountTablePort;
  readonly clock: ClockPort;
  readonly logger: Logger;
  /** A volume may be mounted later than its driver was waited for; somebody should look again. */
  readonly onLateMountPossible: (key: VolumeKey) => void;
  /** Whether somebody will look again. */
  readonly isLateMountPossible: (key: VolumeKey) => boolean;
  /** The volume is surely not mounted any more. */
  readonly onUnmounted: (key: VolumeKey) => void;
  /** Aborts when everything stops. */
  readonly stopSignal: AbortSignal;
}

/** A volume may still be mounted by an earlier container, and neither the mount table nor its driver says what is true. */
export class VolumeUncertainError extends DomainError<'VOLUME_UNCERTAIN'> {
  readonly code = 'VOLUME_UNCERTAIN';
}

/** Calls since the agent started. */
export interface DriverCallCounts {
  readonly mounts: number;
  readonly mountErrors: number;
  readonly unmounts: number;
  readonly unmountErrors: number;
}

/** No driver is expected to unmount later than this after it was given up on. */
const UNMOUNT_MS_MAX = 30 * 60_000;

export class VolumeOperations {
  readonly #options: VolumeOperationsOptions;
  readonly #volumes = new Map<string, VolumeInUse>();
  readonly #sequencer = new KeyedSequencer<string>();
  /** When an unmount of a volume ended without a clear answer, milliseconds since the epoch. */
  readonly #unclearAt = new Map<string, number>();
  readonly #startedAt: number;
  #counts: DriverCallCounts = { mounts: 0, mountErrors: 0, unmounts: 0, unmountErrors: 0 };

  constructor(options: VolumeOperationsOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
  }

  get counts(): DriverCallCounts {
    return this.#counts;
  }

  /** Volumes with an operation in flight or waiting. */
  get busyCount(): number {
    return this.#sequencer.size;
  }

  get(key: VolumeKey): VolumeInUse | undefined {
    return this.#volumes.get(volumeId(key));
  }

  /** By id, for those who look. */
  entries(): ReadonlyMap<string, VolumeInUse> {
    return this.#volumes;
  }

  claim(key: VolumeKey, holder: string, options: readonly DriverOption[]): void {
    this.#apply(key, { event: 'claim', holder, options, mayMountLate: this.#options.isLateMountPossible(key) });
  }

  release(key: VolumeKey, holder: string): void {
    this.#apply(key, { event: 'release', holder });
  }

  /** What an earlier agent knew; before any operation. */
  restore(key: VolumeKey, volume: VolumeInUse): void {
    assert(!this.#volumes.has(volumeId(key)), 'a volume is restored once');
    this.#volumes.set(volumeId(key), volume);
  }

  /**
   * Mounts for a holder that claimed the volume, and gives where it is.
   * @throws DriverCallError, MountpointInvalidError, VolumeUncertainError
   */
  async mount(
    key: VolumeKey,
    options: readonly DriverOption[],
    { holder, signal }: { readonly holder: string; readonly signal: AbortSignal },
  ): Promise<MountedAt> {
    const mounting = async (): Promise<MountedAt> => {
      if (this.#require(key).state === 'uncertain') await this.#settle(key, signal);
      const shared = await this.#sharedMount(key);
      return shared ?? (await this.#mountNow(key, options, holder, signal));
    };
    return await this.#sequencer.run(volumeId(key), mounting, { signal });
  }

  /**
   * Unmounts if nobody holds the volume, now and when its turn comes; waits for nothing when somebody does.
   * @throws DriverCallError
   */
  async unmount(key: VolumeKey, signal: AbortSignal): Promise<void> {
    const volume = this.get(key);
    // Held, or an operation that is under way for somebody else decides.
    if (volume === undefined || volume.holders.size > 0) return;
    const unmounting = async (): Promise<void> => {
      const now = this.get(key);
      if (now === undefined || !isDue(now)) return;
      if (await this.#isSurelyGone(key, now)) return this.#apply(key, { event: 'absent' });
      await this.#unmountNow(key, signal);
    };
    await this.#sequencer.run(volumeId(key), unmounting, { signal });
  }

  /**
   * Forgets a volume that is surely or probably not mounted and whose driver does not want to hear of it; gives whether it
   * did so. Those that may be mounted late are looked at again.
   */
  abandon(key: VolumeKey, failure: unknown): boolean {
    const volume = this.get(key);
    if (volume?.state !== 'uncertain' || !isDue(volume)) return false;
    if (volume.doubt !== 'reboot' && !(isNeverSeen(volume) && isRefusal(failure))) return false;
    this.#apply(key, { event: 'absent' });
    return true;
  }

  /** Has the driver unmount what it mounted after it was given up on. @throws DriverCallError */
  async unmountLate(key: VolumeKey, signal: AbortSignal): Promise<void> {
    const looking = async (): Promise<void> => {
      if (this.get(key) !== undefined) return;
      const seen = await this.#inspect(key);
      if (seen !== 'unknown' && seen.mountpoint === undefined) return;
      // Somebody claimed it meanwhile, and will have it unmounted.
      if (this.get(key) !== undefined) return;
      this.#options.logger.warning('A docker volume may have been mounted late', { ...key });
      const reason = 'its driver was given up on while it mounted';
      const known = { holders: new Set<string>(), options: [], mayMountLate: false };
      this.restore(key, { state: 'uncertain', at: undefined, doubt: 'late', reason, ...known });
      await this.#unmountNow(key, signal);
    };
    await this.#sequencer.run(volumeId(key), looking, { signal });
  }

  /** The mount that others have already, where one is enough for all. */
  async #sharedMount(key: VolumeKey): Promise<MountedAt | undefined> {
    const volume = this.#require(key);
    if (this.#options.counting === 'per_container' || volume.state !== 'mounted' || volume.at === undefined) {
      return undefined;
    }
    const { mountpoint, isMountPoint } = volume.at;
    const isThere = isMountPoint
      ? await this.#options.mounts.isMountPoint(mountpoint)
      : (await this.#options.files.kindOf(mountpoint)) === 'directory';
    return isThere ? volume.at : undefined;
  }

  async #mountNow(
    key: VolumeKey,
    options: readonly DriverOption[],
    holder: string,
    signal: AbortSignal,
  ): Promise<MountedAt> {
    const { client, logger } = this.#options;
    logger.info('Mounting docker volume', { containerId: holder, ...key });
    this.#counts = { ...this.#counts, mounts: this.#counts.mounts + 1 };
    try {
      const at = await checkMountpoint(key, await client.mount(key, options, { signal }), this.#options);
      this.#apply(key, { event: 'mounted', at });
      return at;
    } catch (error) {
      this.#counts = { ...this.#counts, mountErrors: this.#counts.mountErrors + 1 };
      await this.#afterFailedMount(key, holder, error);
      throw error;
    }
  }

  /** Only a clear no of the driver means that nothing is mounted; a refused mount may still have happened in part. */
  async #afterFailedMount(key: VolumeKey, holder: string, error: unknown): Promise<void> {
    const outcome = error instanceof DriverCallError ? error.outcome : 'unclear';
    const isOthers = this.#require(key).state === 'mounted';
    if (outcome === 'unclear') return this.#apply(key, { event: 'unclear', reason: messageOf(error) });
    if (outcome === 'rejected' && !isOthers) {
      const seen = await this.#inspect(key);
      const isMounted = seen !== 'unknown' && seen.mountpoint !== undefined;
      if (isMounted) return this.#apply(key, { event: 'unclear', reason: messageOf(error) });
    }
    this.#apply(key, { event: 'rejected', holder });
  }

  /** Finds out what is true of an uncertain volume, for those who wait for it. @throws VolumeUncertainError */
  async #settle(key: VolumeKey, signal: AbortSignal): Promise<void> {
    const volume = this.#require(key);
    assert(volume.state === 'uncertain', 'only doubts are settled');
    if (await this.#isSurelyGone(key, volume)) return this.#apply(key, { event: 'absent' });
    // A driver that said no to an unmount is done with it.
    if (volume.doubt === 'unmount-refused' && volume.at?.isMountPoint === true) {
      return this.#apply(key, { event: 'found', at: volume.at });
    }
    // What a driver only says, or will do when it gets round to it, is not relied on: it is told to unmount first, and does
    // one thing after the other.
    try {
      await this.#unmountNow(key, signal);
    } catch (error) {
      // There was nothing to undo, as far as can be known; it is looked at again.
      if (volume.doubt === 'late' && isRefusal(error)) return this.#apply(key, { event: 'absent' });
      const why = `it may still be mounted (${volume.reason}), and to unmount it failed: ${messageOf(error)}`;
      throw new VolumeUncertainError(`Docker volume '${key.name}' of driver '${key.driver}' cannot be used: ${why}`, {
        cause: error,
      });
    }
  }

  /** Whether an unmount would be one too many. */
  async #isSurelyGone(key: VolumeKey, volume: VolumeInUse): Promise<boolean> {
    // Without doubts it is there.
    if (volume.state !== 'uncertain') return false;
    const { doubt } = volume;
    switch (doubt) {
      case 'mount':
        // It may still be mounted.
        return false;
      case 'reboot':
        // The driver is told in any case.
        return false;
      case 'unmount':
      case 'crash':
        // An unmount may be under way. Only of what was there can be said that it has happened.
        return (volume.at !== undefined || this.#isOver(key)) && (await this.#isSeenAbsent(key, volume.at));
      case 'unmount-refused':
      case 'late':
        return await this.#isSeenAbsent(key, volume.at);
      default:
        return assertNever(doubt);
    }
  }

  /** Whether an unmount that a driver was given up on would have happened by now. */
  #isOver(key: VolumeKey): boolean {
    return this.#options.clock.now() - (this.#unclearAt.get(volumeId(key)) ?? this.#startedAt) > UNMOUNT_MS_MAX;
  }

  /** What the mount table says, or else the driver. */
  async #isSeenAbsent(key: VolumeKey, at: MountedAt | undefined): Promise<boolean> {
    if (at?.isMountPoint === true) return !(await this.#options.mounts.isMountPoint(at.mountpoint));
    const seen = await this.#inspect(key);
    return seen !== 'unknown' && seen.mountpoint === undefined;
  }

  async #unmountNow(key: VolumeKey, signal: AbortSignal): Promise<void> {
    this.#apply(key, { event: 'unmountStarted' });
    this.#options.logger.info('Unmounting docker volume', { ...key });
    try {
      await this.#callUnmount(key, signal);
    } catch (error) {
      const isClear = error instanceof DriverCallError && error.outcome !== 'unclear';
      if (!isClear) this.#unclearAt.set(volumeId(key), this.#options.clock.now());
      this.#apply(key, { event: 'unmountFailed', isClear, reason: messageOf(error) });
      throw error;
    }
    this.#apply(key, { event: 'unmounted' });
  }

  async #callUnmount(key: VolumeKey, signal: AbortSignal): Promise<void> {
    this.#counts = { ...this.#counts, unmounts: this.#counts.unmounts + 1 };
    try {
      await this.#options.client.unmount(key, { signal });
    } catch (error) {
      this.#counts = { ...this.#counts, unmountErrors: this.#counts.unmountErrors + 1 };
      throw error;
    }
  }

  async #inspect(key: VolumeKey): Promise<{ readonly mountpoint?: string } | 'unknown'> {
    return await this.#options.client.inspect(key, { signal: this.#options.stopSignal });
  }

  #require(key: VolumeKey): VolumeInUse {
    const volume = this.get(key);
    assert(volume !== undefined, 'an operation is for a volume that somebody claimed');
    return volume;
  }

  #apply(key: VolumeKey, event: VolumeEvent): void {
    const before = this.get(key);
    const next = decide(before, event);
    if (next === undefined && before?.mayMountLate === true) this.#options.onLateMountPossible(key);
    if (next === undefined || next.state === 'mounting') this.#options.onUnmounted(key);
    if (next?.state !== 'uncertain' && next?.state !== 'unmounting') this.#unclearAt.delete(volumeId(key));
    if (next === undefined) this.#volumes.delete(volumeId(key));
    else this.#volumes.set(volumeId(key), next);
  }
}

/** The driver was asked, and said no. */
function isRefusal(error: unknown): boolean {
  return error instanceof DriverCallError && error.outcome === 'rejected';
}

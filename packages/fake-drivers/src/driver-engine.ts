/**
 * The engine of every fake driver: volumes with a durable record each, their data in a store, behaviour from a profile.
 *
 * A volume exists iff its record does. Create makes the data first and the record last, removal the other way round, so
 * a driver that is killed in between has either all of a volume or none of it (and takes left-over data over later).
 * Operations on one volume follow one another, those on different volumes run side by side.
 */
import { DomainError } from '@drydock/base/errors';
import { KeyedSequencer } from '@drydock/base/keyed-sequencer';
import type { ClockPort, FileSystemPort, RandomPort } from '@drydock/base/ports';
import type { DriverProfile } from './profile.ts';
import type { VolumeStore } from './store/volume-store.ts';
import { VolumeRecords, type VolumeRecord } from './volume-records.ts';

export interface EnginePorts {
  readonly files: FileSystemPort;
  readonly clock: ClockPort;
  readonly random: RandomPort;
}

/** A volume as it is now. */
export interface EngineVolume {
  readonly name: string;
  readonly sizeBytes: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Set while it is mounted. */
  readonly mountpoint?: string;
}

/** The driver does not know the volume. The text that a client sees depends on the call, so callers word it. */
export class UnknownVolumeError extends DomainError<'UNKNOWN_VOLUME'> {
  readonly code = 'UNKNOWN_VOLUME';
  readonly volume: string;

  constructor(volume: string) {
    super(`Unknown volume ${volume}`);
    this.volume = volume;
  }
}

/** The volume cannot be removed while it is mounted; the message is the profile's. */
export class VolumeMountedError extends DomainError<'VOLUME_MOUNTED'> {
  readonly code = 'VOLUME_MOUNTED';
}

/** The driver does not take that name or size; the message is the profile's. */
export class BadVolumeError extends DomainError<'BAD_VOLUME'> {
  readonly code = 'BAD_VOLUME';
}

export interface DriverEngineOptions {
  readonly profile: DriverProfile;
  readonly store: VolumeStore;
  /** Where the records are; absolute. */
  readonly recordsDirectory: string;
  readonly ports: EnginePorts;
}

export class DriverEngine {
  readonly profile: DriverProfile;
  readonly #store: VolumeStore;
  readonly #records: VolumeRecords;
  readonly #clock: ClockPort;
  readonly #volumes = new KeyedSequencer<string>();

  private constructor(options: DriverEngineOptions, records: VolumeRecords) {
    this.profile = options.profile;
    this.#store = options.store;
    this.#clock = options.ports.clock;
    this.#records = records;
  }

  /** Reads the records of an earlier run. */
  static async open(options: DriverEngineOptions): Promise<DriverEngine> {
    return new DriverEngine(options, await VolumeRecords.open(options.recordsDirectory, options.ports));
  }

  /** Gives `exists`, and changes nothing, when there is such a volume. @throws BadVolumeError */
  async create(name: string, options: { readonly sizeBytes?: number } = {}): Promise<'created' | 'exists'> {
    const { texts, nameRule, defaultSizeBytes, sizeUnitBytes } = this.profile;
    if (!nameRule.test(name)) throw new BadVolumeError(texts.badName(name));
    const sizeBytes = options.sizeBytes === undefined || options.sizeBytes === 0 ? defaultSizeBytes : options.sizeBytes;
    return await this.#volumes.run(name, async () => {
      if (this.#records.get(name) !== undefined) return 'exists';
      if (sizeBytes % sizeUnitBytes !== 0) throw new BadVolumeError(texts.badSizeUnit);
      await this.#store.create(name, { sizeBytes });
      await this.#records.put({ name, sizeBytes, createdAt: this.#clock.now(), isMounted: false });
      return 'created';
    });
  }

  /** Mounts it unless it is; gives the mountpoint. @throws UnknownVolumeError */
  async mount(name: string): Promise<string> {
    return await this.#volumes.run(name, async () => {
      const record = this.#mustGet(name);
      await this.#store.mount(name);
      if (!record.isMounted) await this.#records.put({ ...record, isMounted: true });
      return this.#store.mountpointOf(name);
    });
  }

  /** Unmounts it if it is mounted. @throws UnknownVolumeError */
  async unmount(name: string): Promise<void> {
    await this.#volumes.run(name, async () => {
      const record = this.#mustGet(name);
      await this.#store.unmount(name);
      if (record.isMounted) await this.#records.put({ ...record, isMounted: false });
    });
  }

  /** Forgets the volume; deletes its data too unless `keepData`. @throws UnknownVolumeError, VolumeMountedError */
  async remove(name: string, options: { readonly keepData: boolean }): Promise<void> {
    await this.#volumes.run(name, async () => {
      const record = this.#mustGet(name);
      if (await this.#isMounted(record)) throw new VolumeMountedError(this.profile.texts.removeMounted(name));
      await this.#records.delete(name);
      if (!options.keepData) await this.#store.destroy(name);
    });
  }

  async get(name: string): Promise<EngineVolume | undefined> {
    const record = this.#records.get(name);
    return record === undefined ? undefined : await this.#toVolume(record);
  }

  /** By name, sorted. */
  async list(): Promise<readonly EngineVolume[]> {
    return await Promise.all(this.#records.list().map(async (record) => await this.#toVolume(record)));
  }

  /** Where the volume is when it is mounted. */
  mountpointOf(name: string): string {
    return this.#store.mountpointOf(name);
  }

  async #toVolume(record: VolumeRecord): Promise<EngineVolume> {
    const { isMounted: _recorded, ...volume } = record;
    return (await this.#isMounted(record)) ? { ...volume, mountpoint: this.#store.mountpointOf(record.name) } : volume;
  }

  async #isMounted(record: VolumeRecord): Promise<boolean> {
    return await this.#store.isMounted(record.name, { recorded: record.isMounted });
  }

  #mustGet(name: string): VolumeRecord {
    const record = this.#records.get(name);
    if (record === undefined) throw new UnknownVolumeError(name);
    return record;
  }
}

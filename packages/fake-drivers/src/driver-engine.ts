/**
 * The engine of every fake driver: what a profile says happens to volumes that a backing knows, whose data a store holds.
 *
 * A local volume exists iff its record does. Create makes the data first and the record last, removal the other way
 * round, so a driver that is killed in between has either all of a volume or none of it (and takes left-over data over
 * later). Operations on one volume follow one another, those on different volumes run side by side.
 */
import { KeyedSequencer } from '@drydock/base/keyed-sequencer';
import type { ClockPort, FileSystemPort, RandomPort } from '@drydock/base/ports';
import type { VolumeOptions } from '@drydock/volume-plugin';
import {
  AttachedElsewhereError,
  AttachTimeoutError,
  type BackingVolume,
  type VolumeBacking,
} from './backing/volume-backing.ts';
import { checkCreateRequest } from './create-request.ts';
import { UnknownVolumeError, VolumeMountedError, VolumeStateError } from './driver-errors.ts';
import type { DriverProfile, ProfileTexts } from './profile.ts';
import type { RecordBook } from './records/record-book.ts';
import { noUses, toVolumeFacts, type VolumeFacts, type VolumeRecord } from './records/volume-record.ts';
import { resolveInside } from './store/inside.ts';
import type { MountLook, StoredVolume, VolumeStore } from './store/volume-store.ts';
import { fill } from './template.ts';

export interface EnginePorts {
  readonly files: FileSystemPort;
  readonly clock: ClockPort;
  readonly random: RandomPort;
}

/** A volume as it is now. */
export interface EngineVolume extends VolumeFacts {
  /** Set while it is mounted here. */
  readonly mountpoint?: string;
  /** Where it is when it is mounted here. */
  readonly place: string;
  readonly status?: Readonly<Record<string, unknown>>;
}

export interface DriverEngineOptions {
  readonly profile: DriverProfile;
  readonly backing: VolumeBacking;
  readonly records: RecordBook;
  readonly store: VolumeStore;
  /** What places are below; absolute, without links. */
  readonly mountsDirectory: string;
  readonly ports: EnginePorts;
  /** Bounds every call of the backing; aborted when the driver stops. */
  readonly signal: AbortSignal;
}

/** A volume with what this node remembers of it. */
interface Known {
  readonly volume: BackingVolume;
  readonly record: VolumeRecord;
  readonly stored: StoredVolume;
  readonly isMounted: boolean;
}

export class DriverEngine {
  readonly profile: DriverProfile;
  readonly #options: DriverEngineOptions;
  readonly #volumes = new KeyedSequencer<string>();
  /** Two volumes can have one place, so stores are kept from working twice on one. */
  readonly #places = new KeyedSequencer<string>();
  /** Removed while mounted; Unmount still knows them. */
  readonly #removedMounted = new Map<string, StoredVolume>();

  constructor(options: DriverEngineOptions) {
    this.profile = options.profile;
    this.#options = options;
  }

  /**
   * Gives `exists` when there is such a volume, which is then kept or overwritten as the profile says.
   * @throws BadVolumeError, BadSizeError, VolumeStateError where the profile refuses a second one
   */
  async create(
    name: string,
    request: { readonly options?: VolumeOptions; readonly sizeBytes?: number } = {},
  ): Promise<'created' | 'exists'> {
    const { options = {} } = request;
    const { sizeBytes } = checkCreateRequest(this.profile, name, {
      ...options,
      ...(request.sizeBytes ? { size: String(request.sizeBytes) } : {}),
    });
    return await this.#volumes.run(this.#keyOf(name), async () => {
      const known = await this.#find(name);
      const { createAgain } = this.profile;
      if (known !== undefined && createAgain !== 'duplicate') {
        if (createAgain === 'refuse') throw new VolumeStateError(this.#say('exists', known.volume));
        if (createAgain === 'overwrite') await this.#overwrite(known, { name, options, sizeBytes });
        return 'exists';
      }
      const { backing, records, signal } = this.#options;
      if (backing.ownsData || this.profile.layout.data.includes('<uuid>')) {
        await backing.create({ name, options, sizeBytes }, { signal });
        return 'created';
      }
      const index = records.takeIndex();
      const stored = this.#toStored({ name, uuid: '', index, options, sizeBytes });
      await this.#places.run(stored.place, async () => await this.#options.store.create(stored));
      await backing.create({ name, options, sizeBytes, index }, { signal });
      return 'created';
    });
  }

  /** Gives the mountpoint, which may be empty where the profile says so. @throws UnknownVolumeError, VolumeStateError */
  async mount(name: string, id = ''): Promise<string> {
    if (this.profile.mountUnknown === 'create') await this.create(name);
    return await this.#volumes.run(this.#keyOf(name), async () => {
      const known = await this.#find(name);
      const { profile } = this;
      if (known === undefined) {
        if (profile.mountUnknown === 'empty-mountpoint') return '';
        throw this.#unknown(name, 'unknownOnMount');
      }
      const { record, stored, isMounted } = known;
      if (profile.mountWithoutId === 'empty-mountpoint' && id === '') return '';
      if (profile.uses === 'ids' && isMounted && record.ids.includes(id)) {
        throw new VolumeStateError(this.#say('alreadyHeld', known.volume, { id }));
      }
      await this.#attach(known);
      await this.#places.run(stored.place, async () => await this.#options.store.mount(stored));
      await this.#keep(record, {
        isMounted: true,
        mountCount:
          profile.uses === 'first-mount' && isMounted
            ? record.mountCount
            : (isMounted ? record.mountCount : Math.max(0, record.mountCount)) + 1,
        ids: profile.uses === 'ids' ? [...(isMounted ? record.ids : []), id] : [],
      });
      return this.#options.store.mountpointOf(stored);
    });
  }

  /** @throws UnknownVolumeError, VolumeStateError */
  async unmount(name: string, id = ''): Promise<void> {
    const { profile } = this;
    if (profile.unmount.effect === 'nothing') return;
    await this.#volumes.run(this.#keyOf(name), async () => {
      if (await this.#unmountRemoved(name)) return;
      const known = await this.#find(name);
      if (known === undefined || this.#isStranger(name)) throw this.#unknown(name, 'unknownOnUnmount');
      const { record, stored, isMounted, volume } = known;
      if (!isMounted && profile.unmount.unmounted === 'refuse') {
        await this.#keep(record, { ...record, mountCount: record.mountCount - 1 });
        throw new VolumeStateError(this.#say('unmountUnmounted', volume, { id }));
      }
      if (profile.uses === 'ids' && isMounted && !record.ids.includes(id)) {
        throw new VolumeStateError(this.#say('notHeld', volume, { id }));
      }
      const uses = {
        mountCount: record.mountCount - 1,
        ids: record.ids.filter((holder) => holder !== id),
      };
      const isLast = profile.uses === 'none' || (profile.uses === 'ids' ? uses.ids.length === 0 : uses.mountCount <= 0);
      if (isLast) {
        await this.#places.run(stored.place, async () => await this.#options.store.unmount(stored));
        if (volume.attachment === 'here') await this.#options.backing.detach(volume, this.#options);
      }
      await this.#keep(
        record,
        isLast ? { ...noUses, mountCount: Math.min(0, uses.mountCount) } : { ...uses, isMounted },
      );
    });
  }

  /**
   * Removes the volume; its data, too, when the profile's removal deletes, or as `keepData` says.
   * @throws UnknownVolumeError, VolumeMountedError
   */
  async remove(name: string, options: { readonly keepData?: boolean } = {}): Promise<void> {
    const { remove, uses } = this.profile;
    if (remove.effect === 'nothing') return;
    const keepsData = options.keepData ?? remove.effect === 'keep-data';
    await this.#volumes.run(this.#keyOf(name), async () => {
      const known = await this.#find(name);
      if (known === undefined || this.#isStranger(name)) throw this.#unknown(name, 'unknownOnRemove');
      const { volume, record, stored, isMounted } = known;
      const isInUse = isMounted || (uses === 'mounts' && record.mountCount !== 0);
      if (isInUse && remove.inUse === 'refuse') throw new VolumeMountedError(this.#say('removeInUse', volume));
      if (isMounted && remove.inUse === 'lose-mount' && record.mountCount > 1) return;
      const { backing, records, store, signal } = this.#options;
      await backing.remove(volume, { signal });
      await records.delete(record.name);
      if (isMounted && remove.inUse === 'leave-mounted') this.#removedMounted.set(name, stored);
      if (!keepsData && !backing.ownsData && !isMounted) {
        await this.#places.run(stored.place, async () => await store.destroy(stored));
      }
    });
  }

  async get(name: string): Promise<EngineVolume | undefined> {
    const known = await this.#find(name);
    return known === undefined || this.#isStranger(name) ? undefined : this.#toVolume(known);
  }

  /** By name, sorted. */
  async list(): Promise<readonly EngineVolume[]> {
    const { backing, signal } = this.#options;
    const volumes = await backing.list({ signal });
    const shown = volumes.filter(({ name }) => !this.#isStranger(name));
    const look = await this.#options.store.look();
    const known = shown.map((volume) => this.#toVolume(this.#know(volume, look)));
    return known.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Where a volume of that name is, or would be, mounted. */
  placeOf(name: string): string {
    return this.#options.store.mountpointOf(this.#toStored({ name, uuid: '', index: 0, options: {}, sizeBytes: 0 }));
  }

  /** Undoes every mount of the driver. */
  async unmountAll(): Promise<void> {
    await this.#options.store.unmountAll();
    for (const record of this.#options.records.list()) {
      if (record.isMounted) await this.#keep(record, noUses);
    }
  }

  /** The volume exists, but this driver does not know it yet, or has forgotten it. */
  #isStranger(name: string): boolean {
    return this.profile.knownFrom === 'mount' && this.#options.records.get(name) === undefined;
  }

  async #find(name: string): Promise<Known | undefined> {
    const [volume] = await this.#options.backing.find(name, this.#options);
    return volume === undefined ? undefined : this.#know(volume, await this.#options.store.look());
  }

  #know(volume: BackingVolume, look: MountLook): Known {
    const record = { ...noUses, ...this.#options.records.get(volume.name), ...toVolumeFacts(volume) };
    const stored = this.#toStored(volume);
    return { volume, record, stored, isMounted: look(stored, { recorded: record.isMounted }) };
  }

  async #keep(record: VolumeRecord, uses: Pick<VolumeRecord, 'isMounted' | 'mountCount' | 'ids'>): Promise<void> {
    const isSame =
      record.isMounted === uses.isMounted &&
      (this.profile.uses === 'none' || record.mountCount === uses.mountCount) &&
      record.ids.length === uses.ids.length;
    if (isSame) return;
    const mountCount = this.profile.uses === 'none' ? 0 : uses.mountCount;
    await this.#options.records.put({ ...record, ...uses, mountCount });
  }

  /** Forgets the uses, as the real drivers do; the mount stays. */
  async #overwrite(known: Known, volume: { name: string; options: VolumeOptions; sizeBytes: number }): Promise<void> {
    await this.#options.records.put({ ...known.record, ...volume, mountCount: 0, ids: [] });
    const stored = this.#toStored({ ...known.volume, ...volume });
    await this.#places.run(stored.place, async () => await this.#options.store.create(stored));
  }

  async #attach({ volume, stored }: Known): Promise<void> {
    const { backing, signal, store } = this.#options;
    const preempts = this.profile.attach === 'exclusive-preempt' || this.profile.attach === 'move';
    try {
      const outcome = await backing.attach(volume, { signal, preempts });
      // What the node that lost the volume still writes must not reach it any more.
      if (outcome === 'preempted') await store.fence(stored);
    } catch (error) {
      const text =
        error instanceof AttachedElsewhereError
          ? 'attachedElsewhere'
          : error instanceof AttachTimeoutError
            ? 'timedOut'
            : undefined;
      throw text === undefined ? error : new VolumeStateError(this.#say(text, volume), { cause: error });
    }
  }

  async #unmountRemoved(name: string): Promise<boolean> {
    const stored = this.#removedMounted.get(name);
    if (stored === undefined) return false;
    await this.#places.run(stored.place, async () => await this.#options.store.unmount(stored));
    return this.#removedMounted.delete(name);
  }

  #toStored(volume: Pick<BackingVolume, 'name' | 'uuid' | 'index' | 'options' | 'sizeBytes'>): StoredVolume {
    const { layout } = this.profile;
    return {
      key: fill(layout.data, volume),
      place: resolveInside(this.#options.mountsDirectory, fill(layout.mountpoint, volume)),
      sizeBytes: volume.sizeBytes,
    };
  }

  #toVolume({ volume, stored, isMounted }: Known): EngineVolume {
    const place = this.#options.store.mountpointOf(stored);
    const { status } = volume;
    return {
      ...toVolumeFacts(volume),
      place,
      ...(status === undefined ? {} : { status }),
      ...(isMounted ? { mountpoint: place } : {}),
    };
  }

  /** A text of the profile about a volume. */
  #say(text: keyof ProfileTexts, volume: BackingVolume, more: { readonly id?: string } = {}): string {
    const mountpoint = this.#options.store.mountpointOf(this.#toStored(volume));
    return fill(this.profile.texts[text], { ...volume, ...more, mountpoint });
  }

  #unknown(name: string, text: keyof ProfileTexts): UnknownVolumeError {
    return new UnknownVolumeError(name, this.wordUnknown(name, text));
  }

  /** A text of the profile about a volume that nobody knows. */
  wordUnknown(name: string, text: keyof ProfileTexts): string {
    const template = this.profile.texts[text];
    return fill(template, { name, mountpoint: template.includes('<mountpoint>') ? this.placeOf(name) : '' });
  }

  #keyOf(name: string): string {
    return this.profile.nameLookup === 'case-insensitive' ? name.toLowerCase() : name;
  }
}

/**
 * A block store as clouds have one: volumes that are created, attached to one node at a time, detached and deleted, each
 * step taking a while. `ec2-api.ts` and `cinder-api.ts` speak for it. The data of a volume are `<data>/<id>` or
 * `<data>/images/<id>.img`, wherever the node that has it attached puts them.
 */
import { join } from 'node:path';
import { DomainError } from '@drydock/base/errors';
import type { ClockPort, FileSystemPort, RandomPort } from '@drydock/base/ports';
import { ServiceRecord } from './service-record.ts';

export interface BlockStoreOptions {
  /** Holds the store's own record, `block-store.json`; absolute. */
  readonly directory: string;
  /** Where nodes keep the volumes' data; absolute. */
  readonly dataDirectory: string;
  readonly ports: { readonly files: FileSystemPort; readonly clock: ClockPort; readonly random: RandomPort };
  /** How long each step takes, in ms. Default 20. */
  readonly stepMs?: number;
  /** Default 40, as Linux instances of EC2 have it. */
  readonly attachmentsPerNodeMax?: number;
  /** Default 1,000. */
  readonly volumesMax?: number;
  /** More requests within a second are throttled. Default: no limit. */
  readonly requestsPerSecondMax?: number;
}

export interface StoredBlockVolume {
  readonly id: string;
  readonly name: string;
  readonly sizeGib: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Repeats of a creation carry the same one; `''` = none. */
  readonly clientToken: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly attachment?: {
    readonly id: string;
    readonly node: string;
    readonly device: string;
    readonly isDetaching: boolean;
  };
  /** When the step in the making is over; ms since the epoch. */
  readonly settledAt: number;
}

export type BlockVolumeState = 'creating' | 'available' | 'attaching' | 'in-use' | 'detaching';

export type BlockStoreErrorKind =
  | 'not-found'
  | 'in-use'
  | 'wrong-state'
  | 'not-attached'
  | 'too-many-volumes'
  | 'too-many-attachments'
  | 'token-mismatch'
  | 'throttled';

/** The store refuses; the APIs word it. */
export class BlockStoreError extends DomainError<'BLOCK_STORE'> {
  readonly code = 'BLOCK_STORE';
  readonly kind: BlockStoreErrorKind;
  readonly volume: string;

  constructor(kind: BlockStoreErrorKind, volume: string, message: string) {
    super(message);
    this.kind = kind;
    this.volume = volume;
  }
}

export class BlockStore {
  readonly #options: BlockStoreOptions;
  readonly #volumes: Map<string, StoredBlockVolume>;
  #requestTimes: readonly number[] = [];
  readonly #record: ServiceRecord<StoredBlockVolume>;

  private constructor(
    options: BlockStoreOptions,
    record: ServiceRecord<StoredBlockVolume>,
    volumes: readonly StoredBlockVolume[],
  ) {
    this.#options = options;
    this.#record = record;
    this.#volumes = new Map(volumes.map((volume) => [volume.id, volume]));
  }

  /** Reads what an earlier run left. */
  static async open(options: BlockStoreOptions): Promise<BlockStore> {
    await options.ports.files.ensureDirectory(options.dataDirectory);
    const { record, items } = await ServiceRecord.open<StoredBlockVolume>('block-store.json', options);
    return new BlockStore(options, record, items);
  }

  /** Counts a request. @throws BlockStoreError `throttled` */
  admit(): void {
    const { requestsPerSecondMax = Number.POSITIVE_INFINITY, ports } = this.#options;
    const now = ports.clock.now();
    this.#requestTimes = this.#requestTimes.filter((at) => at > now - 1000);
    if (this.#requestTimes.length >= requestsPerSecondMax) {
      throw new BlockStoreError('throttled', '', 'Request limit exceeded.');
    }
    this.#requestTimes = [...this.#requestTimes, now];
  }

  /** Oldest first. */
  list(): readonly StoredBlockVolume[] {
    return [...this.#volumes.keys()].map((id) => this.#settle(this.get(id)));
  }

  /** @throws BlockStoreError `not-found` */
  get(id: string): StoredBlockVolume {
    const volume = this.#volumes.get(id);
    if (volume === undefined) throw new BlockStoreError('not-found', id, `The volume '${id}' does not exist.`);
    return this.#settle(volume);
  }

  stateOf(volume: StoredBlockVolume): BlockVolumeState {
    const isSettled = this.#options.ports.clock.now() >= volume.settledAt;
    if (volume.attachment === undefined) return isSettled ? 'available' : 'creating';
    if (volume.attachment.isDetaching) return isSettled ? 'available' : 'detaching';
    return isSettled ? 'in-use' : 'attaching';
  }

  /** A repeated client token gives the volume of the first request. */
  async create(request: {
    readonly id: string;
    readonly name: string;
    readonly sizeGib: number;
    readonly clientToken?: string;
    readonly tags?: Readonly<Record<string, string>>;
  }): Promise<StoredBlockVolume> {
    const { id, name, sizeGib, clientToken = '', tags = {} } = request;
    const earlier = clientToken === '' ? undefined : this.list().find((volume) => volume.clientToken === clientToken);
    if (earlier !== undefined) {
      if (earlier.sizeGib === sizeGib && earlier.name === name) return earlier;
      throw new BlockStoreError(
        'token-mismatch',
        earlier.id,
        `Client token ${clientToken} was used for another request`,
      );
    }
    if (this.#volumes.size >= (this.#options.volumesMax ?? 1_000)) {
      throw new BlockStoreError('too-many-volumes', id, 'Maximum number of volumes reached');
    }
    const createdAt = this.#options.ports.clock.now();
    return await this.#put({ id, name, sizeGib, createdAt, clientToken, tags, settledAt: this.#stepEnd() });
  }

  async attach(id: string, request: { readonly node: string; readonly device: string }): Promise<StoredBlockVolume> {
    const volume = this.get(id);
    if (volume.attachment !== undefined) {
      throw new BlockStoreError('in-use', id, `${id} is already attached to an instance`);
    }
    this.#mustBe(volume, 'available');
    const here = this.list().filter(({ attachment }) => attachment?.node === request.node);
    if (here.length >= (this.#options.attachmentsPerNodeMax ?? 40)) {
      throw new BlockStoreError('too-many-attachments', id, `${request.node} has no room for another attachment`);
    }
    const attachment = { ...request, id: this.#options.ports.random.hex(16), isDetaching: false };
    return await this.#put({ ...volume, attachment, settledAt: this.#stepEnd() });
  }

  /** `isForced` also ends an attachment that another step is busy with. */
  async detach(id: string, options: { readonly isForced: boolean }): Promise<StoredBlockVolume> {
    const volume = this.get(id);
    if (volume.attachment === undefined) {
      throw new BlockStoreError('not-attached', id, `Volume '${id}' is in the 'available' state.`);
    }
    if (!options.isForced) this.#mustBe(volume, 'in-use');
    const attachment = { ...volume.attachment, isDetaching: true };
    return await this.#put({ ...volume, attachment, settledAt: this.#stepEnd() });
  }

  async delete(id: string): Promise<void> {
    const volume = this.get(id);
    if (volume.attachment !== undefined) {
      throw new BlockStoreError('in-use', id, `Volume ${id} is currently attached to ${volume.attachment.node}`);
    }
    this.#volumes.delete(id);
    await this.#record.save([...this.#volumes.values()]);
    const { dataDirectory, ports } = this.#options;
    await ports.files.remove(join(dataDirectory, id));
    await ports.files.remove(join(dataDirectory, 'images', `${id}.img`));
  }

  /** A detachment that is over leaves nothing. */
  #settle(volume: StoredBlockVolume): StoredBlockVolume {
    if (volume.attachment?.isDetaching !== true || this.stateOf(volume) !== 'available') return volume;
    const { attachment: _ended, ...detached } = volume;
    this.#volumes.set(volume.id, detached);
    return detached;
  }

  #mustBe(volume: StoredBlockVolume, expected: BlockVolumeState): void {
    const state = this.stateOf(volume);
    if (state === expected) return;
    throw new BlockStoreError('wrong-state', volume.id, `Volume '${volume.id}' is in the '${state}' state.`);
  }

  #stepEnd(): number {
    return this.#options.ports.clock.now() + (this.#options.stepMs ?? 20);
  }

  async #put(volume: StoredBlockVolume): Promise<StoredBlockVolume> {
    this.#volumes.set(volume.id, volume);
    await this.#record.save([...this.#volumes.values()]);
    return volume;
  }
}

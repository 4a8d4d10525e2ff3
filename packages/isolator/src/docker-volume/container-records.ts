import { assert } from '@drydock/base/errors';
import { containerKey, type ContainerID } from '@drydock/mesos';
import { volumeId, type DriverOption, type VolumeKey } from './volume-key.ts';

/** A container with Docker volumes, from its checkpoint's creation to its removal. */
export interface ContainerRecord {
  readonly id: ContainerID;
  readonly volumes: readonly { readonly key: VolumeKey; readonly options: readonly DriverOption[] }[];
  /** `held`: it holds its volumes. `released`: it is gone, and `unresolved` are still to be let go of. */
  readonly state: 'held' | 'released';
  /** By volume id. */
  readonly unresolved: ReadonlyMap<string, VolumeKey>;
}

interface MutableRecord extends ContainerRecord {
  state: 'held' | 'released';
  readonly unresolved: Map<string, VolumeKey>;
}

/** Containers by key, with what is asked of them indexed, so that nothing looks through all of them. */
export class ContainerRecords {
  readonly #records = new Map<string, MutableRecord>();
  readonly #children = new Map<string, Set<MutableRecord>>();
  /** Released ones by the volumes that they wait for. */
  readonly #waiting = new Map<string, Set<MutableRecord>>();

  get size(): number {
    return this.#records.size;
  }

  get(key: string): ContainerRecord | undefined {
    return this.#records.get(key);
  }

  add(id: ContainerID, volumes: ContainerRecord['volumes']): void {
    const key = containerKey(id);
    assert(!this.#records.has(key), `container ${key} is recorded once`);
    const unresolved = new Map(volumes.map((volume) => [volumeId(volume.key), volume.key]));
    const record: MutableRecord = { id, volumes, state: 'held', unresolved };
    this.#records.set(key, record);
    if (id.parent !== undefined) addTo(this.#children, containerKey(id.parent), record);
  }

  /** Children that are not released. */
  childrenOf(key: string): readonly ContainerRecord[] {
    return [...(this.#children.get(key) ?? [])];
  }

  /** The container is gone: it waits for its volumes to be let go of. */
  release(key: string): void {
    const record = this.#records.get(key);
    assert(record !== undefined, `container ${key} is recorded`);
    record.state = 'released';
    if (record.id.parent !== undefined) removeFrom(this.#children, containerKey(record.id.parent), record);
    for (const volume of record.unresolved.keys()) addTo(this.#waiting, volume, record);
  }

  /** Released containers by the volumes that they wait for. */
  *waiting(): Iterable<readonly [volume: string, records: readonly ContainerRecord[]]> {
    for (const [volume, records] of this.#waiting) yield [volume, [...records]];
  }

  /** Nobody waits for the volume any more; gives those who wait for nothing now. */
  resolve(volume: string): readonly ContainerRecord[] {
    const waiting = this.#waiting.get(volume);
    this.#waiting.delete(volume);
    return [...(waiting ?? [])].filter((record) => {
      record.unresolved.delete(volume);
      return record.unresolved.size === 0;
    });
  }

  /** False when it was removed before. */
  remove(record: ContainerRecord): boolean {
    const key = containerKey(record.id);
    const known = this.#records.get(key);
    if (known !== record) return false;
    this.#records.delete(key);
    for (const volume of known.unresolved.keys()) removeFrom(this.#waiting, volume, known);
    if (known.id.parent !== undefined) removeFrom(this.#children, containerKey(known.id.parent), known);
    return true;
  }
}

function addTo<Value>(index: Map<string, Set<Value>>, key: string, value: Value): void {
  const known = index.get(key);
  if (known === undefined) index.set(key, new Set([value]));
  else known.add(value);
}

function removeFrom<Value>(index: Map<string, Set<Value>>, key: string, value: Value): void {
  const known = index.get(key);
  known?.delete(value);
  if (known?.size === 0) index.delete(key);
}

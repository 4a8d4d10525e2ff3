/** All that a driver remembers, in the way its profile says. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { isTemporaryFile, writeFileAtomic } from '@drydock/base/atomic-file';
import { KeyedSequencer } from '@drydock/base/keyed-sequencer';
import type { FileSystemPort, RandomPort } from '@drydock/base/ports';
import type { DriverProfile } from '../profile.ts';
import { BrokenRecordError, noUses, parseJson, parseRecord, toJsonRecord, type VolumeRecord } from './volume-record.ts';

export interface RecordPorts {
  readonly files: FileSystemPort;
  readonly random: RandomPort;
}

export interface RecordBookOptions {
  readonly state: DriverProfile['state'];
  readonly tornState: DriverProfile['tornState'];
  readonly keepsUses: boolean;
  /** Absolute. */
  readonly directory: string;
  readonly ports: RecordPorts;
}

export class RecordBook {
  readonly #options: RecordBookOptions;
  readonly #byName: Map<string, VolumeRecord>;
  readonly #writes = new KeyedSequencer<string>();
  #lastIndex: number;

  private constructor(options: RecordBookOptions, records: readonly VolumeRecord[]) {
    this.#options = options;
    this.#byName = new Map(records.map((record) => [record.name, record]));
    this.#lastIndex = Math.max(0, ...records.map(({ index }) => index));
  }

  /** Reads what an earlier run left. @throws BrokenRecordError */
  static async open(options: RecordBookOptions): Promise<RecordBook> {
    await options.ports.files.ensureDirectory(options.directory);
    const records = await readers[options.state](options);
    return new RecordBook(options, options.keepsUses ? records : records.map((record) => ({ ...record, ...noUses })));
  }

  get(name: string): VolumeRecord | undefined {
    return this.#byName.get(name);
  }

  /** By name, sorted. */
  list(): readonly VolumeRecord[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Never the same twice. */
  takeIndex(): number {
    return ++this.#lastIndex;
  }

  /** As durable as the profile is when it resolves. */
  async put(record: VolumeRecord): Promise<void> {
    const { state, directory, ports } = this.#options;
    if (state === 'atomic-file') {
      await writeFileAtomic(recordPath(directory, record.name), `${JSON.stringify(toJsonRecord(record))}\n`, ports);
    }
    this.#byName.set(record.name, record);
    if (state === 'file') await this.#writeAll();
  }

  async delete(name: string): Promise<void> {
    const { state, directory, ports } = this.#options;
    if (state === 'atomic-file') {
      await ports.files.remove(recordPath(directory, name));
      await ports.files.syncDirectory(directory);
    }
    this.#byName.delete(name);
    if (state === 'file') await this.#writeAll();
  }

  /** As the drivers with one file do it: without a temporary file, so a kill in between loses it. */
  async #writeAll(): Promise<void> {
    const { directory, ports } = this.#options;
    const path = join(directory, STATE_FILE);
    await this.#writes.run(path, async () => {
      await ports.files.remove(path);
      await ports.files.createSynced(path, `${JSON.stringify(this.list().map(toJsonRecord))}\n`);
    });
  }
}

const STATE_FILE = 'state.json';

const readers: Readonly<
  Record<DriverProfile['state'], (options: RecordBookOptions) => Promise<readonly VolumeRecord[]>>
> = {
  memory: async () => [],
  file: readStateFile,
  'atomic-file': readRecordFiles,
};

async function readStateFile(options: RecordBookOptions): Promise<readonly VolumeRecord[]> {
  const { files } = options.ports;
  const path = join(options.directory, STATE_FILE);
  if ((await files.kindOf(path)) === undefined) return [];
  try {
    const value = parseJson(path, await files.readText(path));
    if (!Array.isArray(value)) throw new BrokenRecordError(path, 'it is no list');
    return value.map((item: unknown) => parseRecord(path, item));
  } catch (error) {
    if (error instanceof BrokenRecordError && options.tornState === 'forget') return [];
    throw error;
  }
}

async function readRecordFiles({ directory, ports }: RecordBookOptions): Promise<readonly VolumeRecord[]> {
  const { files } = ports;
  const records: VolumeRecord[] = [];
  for (const entry of await files.list(directory)) {
    const path = join(directory, entry);
    if (isTemporaryFile(entry)) await files.remove(path);
    else if (entry.endsWith('.json')) {
      const record = parseRecord(path, parseJson(path, await files.readText(path)));
      if (recordPath(directory, record.name) !== path) throw new BrokenRecordError(path, `it is about ${record.name}`);
      records.push(record);
    }
  }
  return records;
}

/** Names of any length and letters are told apart; plain ones stay readable. */
function recordPath(directory: string, name: string): string {
  const plain = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,199}$/.test(name);
  return join(directory, plain ? `${name}.json` : `${createHash('sha256').update(name).digest('hex')}.hash.json`);
}

/** What a crash can do to the state of a driver. */
export type StateDamage = 'kept' | 'lost' | 'torn';

/** Damages the state of a driver that does not run: `torn` cuts every file to half. */
export async function damageState(directory: string, damage: StateDamage, files: FileSystemPort): Promise<void> {
  if (damage === 'kept' || (await files.kindOf(directory)) === undefined) return;
  for (const entry of await files.list(directory)) {
    const path = join(directory, entry);
    const text = damage === 'torn' ? await files.readText(path) : '';
    await files.remove(path);
    if (damage === 'torn') await files.createSynced(path, text.slice(0, Math.floor(text.length / 2)));
  }
}

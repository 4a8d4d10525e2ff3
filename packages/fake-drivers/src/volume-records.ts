/** The volumes that a driver knows, one durable file each: `<directory>/<name>.json`. */
import { join } from 'node:path';
import { isTemporaryFile, writeFileAtomic } from '@drydock/base/atomic-file';
import { DomainError, messageOf } from '@drydock/base/errors';
import type { FileSystemPort, RandomPort } from '@drydock/base/ports';

export interface VolumeRecord {
  readonly name: string;
  /** 0 = unlimited. */
  readonly sizeBytes: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** As last asked for; a store with real mounts knows better. */
  readonly isMounted: boolean;
}

/** A record cannot be read; the driver does not start, so that it forgets no volume. */
export class BrokenRecordError extends DomainError<'BROKEN_VOLUME_RECORD'> {
  readonly code = 'BROKEN_VOLUME_RECORD';
  readonly path: string;

  constructor(path: string, reason: string) {
    super(`Expected ${path} to hold a volume record of version 1: ${reason}`);
    this.path = path;
  }
}

export interface VolumeRecordsPorts {
  readonly files: FileSystemPort;
  readonly random: RandomPort;
}

export class VolumeRecords {
  readonly #directory: string;
  readonly #ports: VolumeRecordsPorts;
  readonly #byName: Map<string, VolumeRecord>;

  private constructor(directory: string, ports: VolumeRecordsPorts, byName: Map<string, VolumeRecord>) {
    this.#directory = directory;
    this.#ports = ports;
    this.#byName = byName;
  }

  /** Reads what is there. @throws BrokenRecordError */
  static async open(directory: string, ports: VolumeRecordsPorts): Promise<VolumeRecords> {
    const { files } = ports;
    await files.ensureDirectory(directory);
    const byName = new Map<string, VolumeRecord>();
    for (const entry of await files.list(directory)) {
      const path = join(directory, entry);
      if (isTemporaryFile(entry)) await files.remove(path);
      else if (entry.endsWith('.json')) {
        const record = parseRecord(path, await files.readText(path));
        if (`${record.name}.json` !== entry) throw new BrokenRecordError(path, `it is about ${record.name}`);
        byName.set(record.name, record);
      }
    }
    return new VolumeRecords(directory, ports, byName);
  }

  get(name: string): VolumeRecord | undefined {
    return this.#byName.get(name);
  }

  /** By name, sorted. */
  list(): readonly VolumeRecord[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Durable when it resolves. */
  async put(record: VolumeRecord): Promise<void> {
    await writeFileAtomic(this.#pathOf(record.name), `${JSON.stringify({ version: 1, ...record })}\n`, this.#ports);
    this.#byName.set(record.name, record);
  }

  async delete(name: string): Promise<void> {
    await this.#ports.files.remove(this.#pathOf(name));
    await this.#ports.files.syncDirectory(this.#directory);
    this.#byName.delete(name);
  }

  #pathOf(name: string): string {
    return join(this.#directory, `${name}.json`);
  }
}

function parseRecord(path: string, text: string): VolumeRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BrokenRecordError(path, messageOf(error));
  }
  if (typeof value !== 'object' || value === null) throw new BrokenRecordError(path, 'it is no JSON object');
  const { version, name, sizeBytes, createdAt, isMounted } = { ...value } as Record<string, unknown>; // any object is one
  if (
    version !== 1 ||
    typeof name !== 'string' ||
    typeof sizeBytes !== 'number' ||
    typeof createdAt !== 'number' ||
    typeof isMounted !== 'boolean'
  ) {
    throw new BrokenRecordError(path, `got ${text.trim().slice(0, 200)}`);
  }
  return { name, sizeBytes, createdAt, isMounted };
}

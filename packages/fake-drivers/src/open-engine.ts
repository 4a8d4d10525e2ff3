/** Puts an engine together: the records of an earlier run, the backing that the profile asks for, and a store. */
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '@drydock/base/errors';
import { createLocalBacking } from './backing/local-backing.ts';
import { createPoolBacking } from './backing/pool-backing.ts';
import type { VolumeBacking } from './backing/volume-backing.ts';
import { DriverEngine, type EnginePorts } from './driver-engine.ts';
import type { DriverProfile, StoreKind } from './profile.ts';
import { RecordBook } from './records/record-book.ts';
import { createVolumeStore } from './store/volume-store.ts';

/** What the nodes of a cluster share. */
export interface SharedStorage {
  /** Every node reaches it; holds the data of the volumes. */
  readonly directory: string;
}

export interface OpenEngineOptions {
  readonly profile: DriverProfile;
  /** Absolute, without links. */
  readonly directory: string;
  readonly dataDirectory?: string;
  readonly store?: StoreKind;
  readonly shared?: SharedStorage;
  readonly ports: EnginePorts;
  readonly signal: AbortSignal;
}

export interface OpenedEngine extends AsyncDisposable {
  readonly engine: DriverEngine;
  readonly records: RecordBook;
}

/** The profile cannot use the store that was asked for. */
export class UnusableStoreError extends DomainError<'UNUSABLE_STORE'> {
  readonly code = 'UNUSABLE_STORE';
}

/** @throws UnusableStoreError, BrokenRecordError */
export async function openEngine(options: OpenEngineOptions): Promise<OpenedEngine> {
  const { profile, directory, ports, signal } = options;
  const kind = options.store ?? profile.store;
  if (!profile.stores.includes(kind)) {
    throw new UnusableStoreError(
      `Expected a store that ${profile.name} can use, one of ${profile.stores.join(', ')}; got ${kind}`,
    );
  }
  const own = await ensureDirectory(options.dataDirectory ?? join(directory, 'data'));
  const data = profile.isDataShared
    ? await ensureDirectory(options.shared?.directory ?? join(directory, 'shared'))
    : own;
  const { state, tornState, keepsUses } = profile;
  const recordsDirectory = join(directory, 'volumes');
  const records = await RecordBook.open({ state, tornState, keepsUses, directory: recordsDirectory, ports });
  await using resources = new AsyncDisposableStack();
  const backing = createBacking(profile, { records, data, ports });
  const store = createVolumeStore(kind, { data, mounts: own });
  const engine = new DriverEngine({ profile, backing, records, store, mountsDirectory: own, ports, signal });
  const owned = resources.move();
  return { engine, records, [Symbol.asyncDispose]: async () => await owned.disposeAsync() };
}

function createBacking(
  profile: DriverProfile,
  parts: { readonly records: RecordBook; readonly data: string; readonly ports: EnginePorts },
): VolumeBacking {
  switch (profile.backing) {
    case 'local':
      return createLocalBacking(parts.records, parts.ports);
    case 'pool':
      return createPoolBacking(parts.data, parts.ports);
    default:
      throw new UnusableStoreError(`${profile.backing} is not there`);
  }
}

async function ensureDirectory(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  return await realpath(path);
}

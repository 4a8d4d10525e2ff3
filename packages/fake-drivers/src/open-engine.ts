/** Puts an engine together: the records of an earlier run, the backing that the profile asks for, and a store. */
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { assertNever, DomainError } from '@drydock/base/errors';
import { createBlockStoreBacking } from './backing/block-store-backing.ts';
import { createFlockerBacking } from './backing/flocker-backing.ts';
import { createGlusterBacking } from './backing/gluster-backing.ts';
import { createLocalBacking } from './backing/local-backing.ts';
import { createPoolBacking } from './backing/pool-backing.ts';
import type { VolumeBacking } from './backing/volume-backing.ts';
import { createCinderClient } from './clients/cinder-client.ts';
import { createEc2Client } from './clients/ec2-client.ts';
import { FlockerClient } from './clients/flocker-client.ts';
import type { RequestPorts } from './clients/retrying-request.ts';
import { DriverEngine, type EnginePorts } from './driver-engine.ts';
import { startEmulator, type EmulatorKind } from './emulators/start-emulator.ts';
import type { DriverProfile, StoreKind } from './profile.ts';
import { RecordBook } from './records/record-book.ts';
import type { SeededRandom } from '@drydock/base/seeded-random';
import { isGlusterHost } from './store/gluster-source.ts';
import { createVolumeStore } from './store/volume-store.ts';
import { uuidOf } from './uuid.ts';

/** What the nodes of a cluster share. */
export interface SharedStorage {
  /** Every node reaches it; holds the data of the volumes. */
  readonly directory: string;
  /** The service that knows the volumes, `http://127.0.0.1:PORT`. Default: one that this driver starts for itself. */
  readonly endpoint?: string;
  /** This node's name to the service. Default: made from the driver's directory. */
  readonly node?: string;
  /** How often a volume on its way is looked at, in ms. Default: as the real driver, 50 or 1,000. */
  readonly pollMs?: number;
}

export interface OpenEngineOptions {
  readonly profile: DriverProfile;
  /** Absolute, without links. */
  readonly directory: string;
  readonly dataDirectory?: string;
  readonly store?: StoreKind;
  readonly shared?: SharedStorage;
  /** Names or IPv4 addresses of the gluster servers; for the store `glusterfs` where volumes do not name theirs. */
  readonly servers?: readonly string[];
  readonly ports: EnginePorts;
  /** Of the retries and client tokens. */
  readonly random: SeededRandom;
  readonly signal: AbortSignal;
}

export interface OpenedEngine extends AsyncDisposable {
  readonly engine: DriverEngine;
  /** Of the service that knows the volumes, where the profile has one. */
  readonly endpoint?: string;
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
  refuseServers(profile, kind, options.servers);
  const own = await ensureDirectory(options.dataDirectory ?? join(directory, 'data'));
  const data = profile.isDataShared
    ? await ensureDirectory(options.shared?.directory ?? join(directory, 'shared'))
    : own;
  const { state, tornState, keepsUses } = profile;
  const recordsDirectory = join(directory, 'volumes');
  const records = await RecordBook.open({ state, tornState, keepsUses, directory: recordsDirectory, ports });
  await using resources = new AsyncDisposableStack();
  const endpoint = await ensureService(options, data, resources);
  const backing = createBacking(options, { records, data, endpoint });
  const store = createVolumeStore(kind, { data, mounts: own }, { servers: options.servers ?? [] });
  const engine = new DriverEngine({ profile, backing, records, store, mountsDirectory: own, ports, signal });
  const owned = resources.move();
  return {
    engine,
    records,
    ...(endpoint === undefined ? {} : { endpoint }),
    [Symbol.asyncDispose]: async () => await owned.disposeAsync(),
  };
}

/** What the profile talks to, to know the volumes; undefined when it knows them by itself. */
export function serviceOf({ backing }: DriverProfile): EmulatorKind | undefined {
  return backing === 'local' || backing === 'pool' ? undefined : backing;
}

/** A pool of gluster has its servers, and nothing else has. @throws UnusableStoreError */
function refuseServers(profile: DriverProfile, kind: StoreKind, servers: readonly string[] = []): void {
  const needsServers = kind === 'glusterfs' && profile.backing === 'pool';
  if (needsServers && servers.length === 0) {
    throw new UnusableStoreError(`Expected the gluster servers whose volumes ${profile.name} is to mount, got none`);
  }
  if (!needsServers && servers.length > 0) {
    throw new UnusableStoreError(
      `Expected gluster servers only with the store glusterfs and glusterfs-calavera, whose volumes do not name theirs; ` +
        `got ${profile.name} with the store ${kind}`,
    );
  }
  const odd = servers.find((server) => !isGlusterHost(server));
  if (odd !== undefined) throw new UnusableStoreError(`Expected a host name or IPv4 address, got '${odd}'`);
}

/** Starts what the profile talks to, unless it runs elsewhere; gives its address. */
async function ensureService(
  { profile, shared, ports }: OpenEngineOptions,
  directory: string,
  resources: AsyncDisposableStack,
): Promise<string | undefined> {
  const kind = serviceOf(profile);
  if (kind === undefined) return undefined;
  if (shared?.endpoint !== undefined) return shared.endpoint;
  return resources.use(await startEmulator(kind, { directory, ports })).endpoint;
}

function createBacking(
  { profile, directory, shared, servers = [], ports, random }: OpenEngineOptions,
  parts: { readonly records: RecordBook; readonly data: string; readonly endpoint: string | undefined },
): VolumeBacking {
  const { clock } = ports;
  const { endpoint = '' } = parts;
  const requestPorts: RequestPorts = { fetch: async (url, init) => await fetch(url, init), clock, random };
  const own = uuidOf(directory);
  const polling = shared?.pollMs === undefined ? {} : { pollMs: shared.pollMs };
  switch (profile.backing) {
    case 'local':
      return createLocalBacking(parts.records, ports);
    case 'pool':
      return servers.length > 0 ? createGlusterBacking(parts.records, ports) : createPoolBacking(parts.data, ports);
    case 'ec2': {
      const node = shared?.node ?? `i-${own.replaceAll('-', '').slice(0, 17)}`;
      return createBlockStoreBacking({
        client: createEc2Client({ endpoint, node, ports: requestPorts }),
        clock,
        ...polling,
      });
    }
    case 'cinder': {
      const client = createCinderClient({ endpoint, node: shared?.node ?? own, ports: requestPorts });
      return createBlockStoreBacking({ client, clock, ...polling });
    }
    case 'flocker': {
      const client = new FlockerClient({ endpoint, node: shared?.node ?? own, ports: requestPorts });
      return createFlockerBacking({ client, clock, ...polling });
    }
    default:
      return assertNever(profile.backing);
  }
}

async function ensureDirectory(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  return await realpath(path);
}

import type { ClockPort } from '@drydock/base/ports';
import type { BlockStoreClient, BlockVolume } from '../clients/block-store-client.ts';
import {
  AttachedElsewhereError,
  AttachTimeoutError,
  type BackingVolume,
  type CallOptions,
  type VolumeBacking,
} from './volume-backing.ts';
import { pollUntil } from './wait.ts';

const GIBIBYTE = 1024 ** 3;

export interface BlockStoreBackingOptions {
  readonly client: BlockStoreClient;
  readonly clock: ClockPort;
  /** How often a step in the making is looked at. Default 50. */
  readonly pollMs?: number;
  /** How long a step may take. Default 60,000, rexray's attachTimeout. */
  readonly waitMsMax?: number;
}

/** Volumes of a block store, found by name whatever its case, attached to one node at a time. */
export function createBlockStoreBacking(options: BlockStoreBackingOptions): VolumeBacking {
  const { client, clock, pollMs = 50, waitMsMax = 60_000 } = options;
  const toBackingVolume = (volume: BlockVolume): BackingVolume => ({
    name: volume.name,
    uuid: volume.id,
    index: 0,
    sizeBytes: volume.sizeGib * GIBIBYTE,
    createdAt: volume.createdAt,
    options: {},
    attachment: volume.node === undefined ? 'none' : volume.node === client.node ? 'here' : 'elsewhere',
    status: Object.fromEntries(Object.entries(volume.status).filter(([key]) => key !== 'createToken')),
  });
  const waitFor = async (id: string, state: BlockVolume['state'], to: CallOptions): Promise<void> => {
    const arrived = await pollUntil(
      async () => {
        const volume = await client.get(id, to);
        return volume?.state === state ? volume : undefined;
      },
      { ...to, clock, pollMs, waitMsMax },
    );
    if (arrived === undefined) throw new AttachTimeoutError(`volume ${id} is not ${state} after ${waitMsMax} ms`);
  };
  return {
    ownsData: true,
    async find(name, to) {
      const volumes = await client.list(to);
      return volumes.filter((volume) => volume.name.toLowerCase() === name.toLowerCase()).map(toBackingVolume);
    },
    list: async (to) => (await client.list(to)).map(toBackingVolume),
    async create({ name, sizeBytes }, to) {
      const volume = await client.create({ name, sizeGib: sizeBytes / GIBIBYTE }, to);
      await waitFor(volume.id, 'available', to);
      return toBackingVolume(volume);
    },
    remove: async ({ uuid }, to) => await client.delete(uuid, to),
    async attach({ uuid: id }, { preempts, signal }) {
      const to = { signal };
      let outcome: 'attached' | 'preempted' = 'attached';
      const isAttachable = async (): Promise<'here' | 'free' | undefined> => {
        const volume = await client.get(id, to);
        if (volume === undefined || volume.state === 'detaching' || volume.state === 'creating') return undefined;
        if (volume.node === client.node) return 'here';
        if (volume.node === undefined) return volume.state === 'available' ? 'free' : undefined;
        if (!preempts) throw new AttachedElsewhereError(`volume ${id} is attached to ${volume.node}`);
        await client.detach(id, { signal, isForced: true });
        outcome = 'preempted';
        return undefined;
      };
      const place = await pollUntil(isAttachable, { ...to, clock, pollMs, waitMsMax });
      if (place === undefined) throw new AttachTimeoutError(`volume ${id} is not available after ${waitMsMax} ms`);
      if (place === 'free') await client.attach(id, to);
      await waitFor(id, 'in-use', to);
      return outcome;
    },
    async detach({ uuid: id }, to) {
      await client.detach(id, { ...to, isForced: false });
      await waitFor(id, 'available', to);
    },
  };
}

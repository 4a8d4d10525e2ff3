import type { ClockPort } from '@drydock/base/ports';
import type { Dataset, FlockerClient } from '../clients/flocker-client.ts';
import { uuidOf } from '../uuid.ts';
import { AttachTimeoutError, type BackingVolume, type VolumeBacking } from './volume-backing.ts';
import { pollUntil } from './wait.ts';

export interface FlockerBackingOptions {
  readonly client: FlockerClient;
  readonly clock: ClockPort;
  /** Default 1,000, as flocker's plugin. */
  readonly pollMs?: number;
  /** Default 120,000, as flocker's plugin. */
  readonly waitMsMax?: number;
}

/** Datasets of a control service: whoever mounts one makes it move there. */
export function createFlockerBacking(options: FlockerBackingOptions): VolumeBacking {
  const { client, clock, pollMs = 1_000, waitMsMax = 120_000 } = options;
  const toBackingVolume = ({ id, name, sizeBytes, primary }: Dataset): BackingVolume => ({
    name,
    uuid: id,
    index: 0,
    sizeBytes,
    createdAt: 0, // flocker does not tell
    options: {},
    attachment: primary === undefined ? 'none' : primary === client.node ? 'here' : 'elsewhere',
  });
  return {
    ownsData: true,
    async find(name, to) {
      return (await client.list(to)).filter((dataset) => dataset.name === name).map(toBackingVolume);
    },
    list: async (to) => (await client.list(to)).map(toBackingVolume),
    async create(volume, to) {
      const dataset = { ...volume, id: uuidOf(volume.name) };
      await client.create(dataset, to);
      return toBackingVolume({ ...dataset, primary: client.node });
    },
    remove: async () => undefined, // flocker's plugin never deletes
    async attach({ uuid: id }, { signal }) {
      const to = { signal };
      await client.moveHere(id, to);
      const isHere = await pollUntil(
        async () => (await client.list(to)).find((dataset) => dataset.id === id && dataset.primary === client.node),
        { ...to, clock, pollMs, waitMsMax },
      );
      if (isHere === undefined) throw new AttachTimeoutError(`dataset ${id} did not come within ${waitMsMax} ms`);
      return 'attached';
    },
    detach: async () => undefined,
  };
}

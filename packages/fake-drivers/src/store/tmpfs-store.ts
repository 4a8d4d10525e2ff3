import { rm } from 'node:fs/promises';
import { resolveInside } from './inside.ts';
import { lookAtMounts, mountAt, unmountAt, unmountBelow } from './mount-command.ts';
import type { StoreDirectories, VolumeStore } from './volume-store.ts';

/** Directory names cannot hold every key. */
const encode = (key: string): string => Buffer.from(key).toString('hex');

/**
 * A file system in memory per volume, with the volume's size as its limit, which holds the data from create to destroy
 * and is bind-mounted where the driver's layout says. Data die with the mount namespace.
 */
export function createTmpfsStore({ data, mounts }: StoreDirectories): VolumeStore {
  const baseOf = (key: string): string => resolveInside(data, `tmpfs/${encode(key)}`);
  const ensure = async (key: string, sizeBytes: number): Promise<void> => {
    const size = sizeBytes === 0 ? [] : [`size=${sizeBytes}`];
    await mountAt(baseOf(key), ['-t', 'tmpfs', '-o', ['mode=0755', ...size].join(','), 'drydock']);
  };
  return {
    mountpointOf: ({ place }) => place,
    create: async ({ key, sizeBytes }) => await ensure(key, sizeBytes),
    async destroy({ key }) {
      await unmountAt(baseOf(key));
      await rm(baseOf(key), { recursive: true, force: true });
    },
    async mount({ key, place, sizeBytes }) {
      await ensure(key, sizeBytes);
      await mountAt(place, ['--bind', baseOf(key)]);
    },
    unmount: async ({ place }) => await unmountAt(place),
    look: lookAtMounts,
    fence: async () => undefined, // never shared, see the profiles' stores
    async unmountAll() {
      await unmountBelow(mounts);
      await unmountBelow(data);
    },
  };
}

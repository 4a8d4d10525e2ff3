import { mkdir, rm } from 'node:fs/promises';
import { refuseLinksOutside, resolveInside } from './inside.ts';
import { lookAtMounts, mountAt, replaceByCopy, unmountAt, unmountBelow } from './mount-command.ts';
import type { StoreDirectories, VolumeStore } from './volume-store.ts';

/** Directories of mode 0700 below `data`, bind-mounted where the driver's layout says. Needs the right to mount. */
export function createBindStore({ data, mounts }: StoreDirectories): VolumeStore {
  const dataOf = (key: string): string => resolveInside(data, key);
  const ensure = async (key: string): Promise<void> => {
    await refuseLinksOutside(data, dataOf(key));
    await mkdir(dataOf(key), { recursive: true, mode: 0o700 });
  };
  return {
    mountpointOf: ({ place }) => place,
    create: async ({ key }) => await ensure(key),
    async destroy({ key }) {
      await refuseLinksOutside(data, dataOf(key));
      await rm(dataOf(key), { recursive: true, force: true });
    },
    async mount({ key, place }) {
      await ensure(key);
      await mountAt(place, ['--bind', dataOf(key)]);
    },
    unmount: async ({ place }) => await unmountAt(place),
    look: lookAtMounts,
    fence: async ({ key }) => await replaceByCopy(dataOf(key)),
    unmountAll: async () => await unmountBelow(mounts),
  };
}

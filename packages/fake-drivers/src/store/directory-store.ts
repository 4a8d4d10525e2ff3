import { mkdir, rm } from 'node:fs/promises';
import { refuseLinksOutside, resolveInside } from './inside.ts';
import type { StoreDirectories, VolumeStore } from './volume-store.ts';

/** Plain directories of mode 0700 below `data`: mounting is bookkeeping only, and needs no rights. */
export function createDirectoryStore({ data }: StoreDirectories): VolumeStore {
  const mountpointOf = ({ key }: { readonly key: string }): string => resolveInside(data, key);
  const ensure = async (volume: { readonly key: string }): Promise<void> => {
    const path = mountpointOf(volume);
    await refuseLinksOutside(data, path);
    await mkdir(path, { recursive: true, mode: 0o700 });
  };
  return {
    mountpointOf,
    create: ensure,
    async destroy(volume) {
      const path = mountpointOf(volume);
      await refuseLinksOutside(data, path);
      await rm(path, { recursive: true, force: true });
    },
    mount: ensure,
    unmount: async () => undefined,
    look:
      async () =>
      (_volume, { recorded }) =>
        recorded,
    // Without mounts every node writes to the same path: there is nothing to cut off.
    fence: async () => undefined,
    unmountAll: async () => undefined,
  };
}

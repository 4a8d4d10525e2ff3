import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { VolumeStore } from './volume-store.ts';

/** Plain directories `<directory>/<name>` of mode 0700: mounting is bookkeeping only. */
export function createDirectoryStore(directory: string): VolumeStore {
  const mountpointOf = (name: string): string => join(directory, name);
  return {
    mountpointOf,
    async create(name) {
      await mkdir(directory, { recursive: true });
      await mkdir(mountpointOf(name), { recursive: true, mode: 0o700 });
    },
    async destroy(name) {
      await rm(mountpointOf(name), { recursive: true, force: true });
    },
    async mount(name) {
      await mkdir(mountpointOf(name), { recursive: true, mode: 0o700 });
    },
    unmount: async () => undefined,
    isMounted: async (_name, { recorded }) => recorded,
  };
}

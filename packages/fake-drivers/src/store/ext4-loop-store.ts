/**
 * One ext4 file system per volume, in a sparse image file that is mounted through a loop device. Whether a volume is
 * mounted is what the kernel says, so a driver that was killed finds its mounts again.
 */
import { mkdir, mkdtemp, open, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemFiles } from '@drydock/base/ports';
import { resolveInside } from './inside.ts';
import { execute, lookAtMounts, mountAt, replaceByCopy, unmountAt, unmountBelow } from './mount-command.ts';
import type { StoreDirectories, VolumeStore } from './volume-store.ts';

/** Images are `data/images/<key>.img`. */
export function createExt4LoopStore({ data, mounts }: StoreDirectories): VolumeStore {
  const imageOf = (key: string): string => resolveInside(join(data, 'images'), `${key}.img`);
  const ensure = async ({ key, sizeBytes }: { key: string; sizeBytes: number }): Promise<void> => {
    const image = imageOf(key);
    if ((await systemFiles.kindOf(image)) === undefined) await makeImage(image, sizeBytes || UNLIMITED_BYTES);
  };
  return {
    mountpointOf: ({ place }) => place,
    look: lookAtMounts,
    create: ensure,
    async destroy({ key }) {
      await rm(imageOf(key), { force: true });
      await rm(unfinished(imageOf(key)), { force: true });
    },
    async mount(volume) {
      await ensure(volume);
      // The kernel frees the loop device that mount(8) sets up when the file system is unmounted.
      await mountAt(volume.place, ['-t', 'ext4', '-o', 'loop', imageOf(volume.key)]);
    },
    unmount: async ({ place }) => await unmountAt(place),
    fence: async ({ key }) => await replaceByCopy(imageOf(key)),
    unmountAll: async () => await unmountBelow(mounts),
  };
}

/** What a volume without a size gets: a file system has one. */
const UNLIMITED_BYTES = 1024 ** 3;

/** Whether this process can make, mount and unmount an ext4 image below `directory`; tries it. */
export async function canUseExt4Loop(directory: string): Promise<boolean> {
  const trial = await mkdtemp(join(await realpath(directory), '.trial-'));
  try {
    const store = createExt4LoopStore({ data: trial, mounts: trial });
    const volume = { key: 'trial', place: join(trial, 'mount'), sizeBytes: 4 * 1024 * 1024 };
    await store.create(volume);
    await store.mount(volume);
    await store.unmount(volume);
    return true;
  } catch {
    return false; // no mkfs.ext4, no loop devices or no right to mount: all mean no
  } finally {
    await rm(trial, { recursive: true, force: true });
  }
}

const unfinished = (path: string): string => join(dirname(path), `.${basename(path)}.tmp`);

/** The image appears whole or not at all; one that a killed driver had not finished is written over. */
async function makeImage(path: string, sizeBytes: number): Promise<void> {
  const directory = dirname(path);
  const temporary = unfinished(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  {
    await using file = await open(temporary, 'w', 0o600);
    await file.truncate(sizeBytes);
  }
  try {
    await execute('mkfs.ext4', ['-q', '-F', '-E', 'nodiscard,lazy_itable_init=1,lazy_journal_init=1', temporary]);
    await using file = await open(temporary, 'r+');
    await file.sync();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await systemFiles.syncDirectory(directory);
}

/**
 * One ext4 file system per volume, in a sparse image file that is mounted through a loop device. Whether a volume is
 * mounted is what the kernel says, so a driver that was killed finds its mounts again.
 */
import { mkdir, mkdtemp, open, realpath, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError, systemCodeOf } from '@drydock/base/errors';
import { run } from '@drydock/base/subprocess';
import { systemFiles } from '@drydock/base/ports';
import { readMountpoints } from './mount-table.ts';
import type { VolumeStore } from './volume-store.ts';

/** A program that the store runs failed; the message is in convoy's words. */
export class StoreCommandError extends DomainError<'STORE_COMMAND_FAILED'> {
  readonly code = 'STORE_COMMAND_FAILED';
  readonly exitCode: number | undefined;

  constructor(program: string, args: readonly string[], output: string, exitCode: number | undefined) {
    const how = exitCode === undefined ? 'no exit status in time' : `exit status ${exitCode}`;
    super(`Failed to execute: ${program} [${args.join(' ')}], output ${output}, error ${how}`);
    this.exitCode = exitCode;
  }
}

/** `directory` holds `images/<name>.img` and `mounts/<name>`; it must exist. */
export async function openExt4LoopStore(directory: string): Promise<VolumeStore> {
  // The kernel's mount table shows resolved paths.
  const resolved = await realpath(directory);
  const images = join(resolved, 'images');
  const mounts = join(resolved, 'mounts');
  await mkdir(images, { recursive: true, mode: 0o700 });
  await mkdir(mounts, { recursive: true });
  await removeHalfMadeImages(images);
  const mountpointOf = (name: string): string => join(mounts, name);
  const imageOf = (name: string): string => join(images, `${name}.img`);
  const isMounted = async (name: string): Promise<boolean> => (await readMountpoints()).has(mountpointOf(name));
  return {
    mountpointOf,
    isMounted,
    async create(name, { sizeBytes }) {
      if ((await systemFiles.kindOf(imageOf(name))) !== undefined) return;
      await makeImage({ temporary: join(images, `.${name}.tmp`), path: imageOf(name), sizeBytes });
      await systemFiles.syncDirectory(images);
    },
    async destroy(name) {
      await rm(imageOf(name), { force: true });
    },
    async mount(name) {
      if (await isMounted(name)) return;
      await mkdir(mountpointOf(name), { recursive: true });
      // The kernel frees the loop device that mount(8) sets up when the file system is unmounted.
      await execute('mount', ['-t', 'ext4', '-o', 'loop', imageOf(name), mountpointOf(name)]);
    },
    async unmount(name) {
      if (await isMounted(name)) await execute('umount', [mountpointOf(name)]);
      await rmdir(mountpointOf(name)).catch(ignoreMissing);
    },
  };
}

/** Whether this process can make, mount and unmount an ext4 image below `directory`; tries it. */
export async function canUseExt4Loop(directory: string): Promise<boolean> {
  const trial = await mkdtemp(join(directory, '.trial-'));
  try {
    const store = await openExt4LoopStore(trial);
    await store.create('trial', { sizeBytes: 4 * 1024 * 1024 });
    await store.mount('trial');
    await store.unmount('trial');
    return true;
  } catch {
    return false; // no mkfs.ext4, no loop devices or no right to mount: all mean no
  } finally {
    await rm(trial, { recursive: true, force: true });
  }
}

async function makeImage(image: { temporary: string; path: string; sizeBytes: number }): Promise<void> {
  const { temporary, path, sizeBytes } = image;
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
}

/** Images that a killed driver had not finished. */
async function removeHalfMadeImages(images: string): Promise<void> {
  const names = await systemFiles.list(images);
  await Promise.all(names.filter((name) => name.endsWith('.tmp')).map(async (name) => await rm(join(images, name))));
}

async function execute(program: string, args: readonly string[]): Promise<void> {
  const result = await run([program, ...args], {
    timeoutMs: 60_000,
    env: { ...processEnvironment(), PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`, LC_ALL: 'C' },
  });
  if (result.exitCode !== 0)
    throw new StoreCommandError(program, args, result.stderr || result.stdout, result.exitCode);
}

function processEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

function ignoreMissing(error: unknown): void {
  if (systemCodeOf(error) !== 'ENOENT') throw error;
}

/** A directory that belongs to one driver at a time, and of which nothing stays: neither files nor mounts. */
import { mkdir, readdir, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { lockFile } from '@drydock/base/file-lock';
import { unmountBelow } from './store/mount-command.ts';

export interface DriverHome extends AsyncDisposable {
  /** Absolute, without links. */
  readonly directory: string;
}

const LOCK = 'lock';

/**
 * Takes the directory, and takes back what a predecessor left there that was killed: its mounts, and with them loop
 * devices, and its files unless they are to be kept. Disposing does the same and gives the directory free.
 * @throws FileLockedError while another driver has it
 */
export async function takeDriverHome(path: string, options: { readonly keepsFiles: boolean }): Promise<DriverHome> {
  await mkdir(path, { recursive: true, mode: 0o711 });
  const directory = await realpath(path);
  await using taken = new AsyncDisposableStack();
  taken.use(await lockFile(join(directory, LOCK)));
  await clear(directory, options);
  const lock = taken.move();
  return {
    directory,
    async [Symbol.asyncDispose]() {
      await clear(directory, options);
      if (!options.keepsFiles) await rm(directory, { recursive: true, force: true });
      await lock.disposeAsync();
    },
  };
}

async function clear(directory: string, { keepsFiles }: { readonly keepsFiles: boolean }): Promise<void> {
  await unmountBelow(directory);
  if (keepsFiles) return;
  const entries = (await readdir(directory)).filter((entry) => entry !== LOCK);
  await Promise.all(entries.map(async (entry) => await rm(join(directory, entry), { recursive: true, force: true })));
}

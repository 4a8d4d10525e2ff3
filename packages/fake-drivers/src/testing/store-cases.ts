/**
 * Puts a store through its paces, in the mount namespace of this process, and prints what was seen as JSON.
 * Arguments: kind of the store, an empty directory.
 */
import { mkdir, readdir, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { storeKinds } from '../profile.ts';
import { readMountpoints } from '../store/mount-table.ts';
import { createVolumeStore } from '../store/volume-store.ts';

const kind = storeKinds.find((one) => one === process.argv[2]);
if (kind === undefined) throw new Error('no store');
const root = await realpath(process.argv[3] ?? '');
for (const name of ['data', 'a', 'b']) await mkdir(join(root, name));

/** The store as one node has it. */
const node = (name: string) => {
  const store = createVolumeStore(kind, { data: join(root, 'data'), mounts: join(root, name) });
  const volume = { key: 'v1', place: join(root, name, 'mounts', 'v1'), sizeBytes: 16 * 1024 * 1024 };
  return { store, volume };
};
const list = async (path: string): Promise<readonly string[]> => (await readdir(path)).sort();
const mountsBelow = async (path: string): Promise<readonly string[]> =>
  [...(await readMountpoints())].filter((place) => place.startsWith(`${path}/`));

const { store, volume } = node('a');
await store.create(volume);
await store.mount(volume);
const fresh = await list(volume.place);
await store.mount(volume);
const mountedTwice = (await mountsBelow(join(root, 'a'))).length;
await writeFile(join(volume.place, 'myfile'), 'x');
await store.unmount(volume);
const unmounted = (await store.look())(volume, { recorded: true });
await store.mount(volume);
const again = await list(volume.place);

/** Another node takes the volume: what the first one still writes does not reach it. */
async function fence(): Promise<unknown> {
  if (kind === 'tmpfs') return 'not shared';
  const other = node('b');
  await store.unmount(volume);
  await store.mount(volume);
  await other.store.fence(other.volume);
  await other.store.mount(other.volume);
  await writeFile(join(volume.place, 'late'), 'x').catch(() => undefined); // an error is what a node gets that lost it
  const files = await list(other.volume.place);
  await other.store.unmount(other.volume);
  return files.filter((name) => name !== 'lost+found');
}

const fenced = await fence();
await store.unmount(volume);
await store.destroy(volume);
await store.create(volume);
await store.mount(volume);
const afterDestroy = await list(volume.place);
await store.unmountAll();
const mountsAfterUnmountAll = await mountsBelow(root);
const outcome = { fresh, mountedTwice, unmounted, again, afterDestroy, mountsAfterUnmountAll, fenced };
process.stdout.write(`${JSON.stringify(outcome)}\n`);

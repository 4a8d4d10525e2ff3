import { existsSync } from 'node:fs';
import { chmod, lstat, mkdir, readdir, rm, truncate, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { driverProcess } from './driver-process-mutant.ts';
import { fakeDriver, type FakeDriverMutant } from './fake-driver-mutant.ts';
import type { Mutant, MutantPlaces } from './mutant.ts';
import { nameIn } from './tampered-socket.ts';

const deleting = { effect: 'delete', unknown: 'succeed', inUse: 'refuse' } as const;

export const datMutants: readonly Mutant[] = [
  {
    check: 'DAT-001',
    fault: 'files of over 1 MiB lose their last block at Unmount',
    start: losing('Unmount', async ({ isFile, path, size }) => {
      if (isFile && size > 1024 ** 2 && size < 1024 ** 3) await truncate(path, size - 4096);
    }),
  },
  {
    check: 'DAT-002',
    fault: 'after its end the driver finds no data, and makes new ones',
    start: driverProcess({
      changes: { state: 'memory', mountUnknown: 'create', layout: { data: '<uuid>', mountpoint: '<uuid>' } },
    }),
  },
  {
    check: 'DAT-004',
    needsRoot: true,
    fault: 'a second Mount gives a directory without the files',
    start: async (places) => {
      const mounted = new Set<string>();
      const start = fakeDriver({
        tamper: async (request, ask) => {
          const reply = await ask();
          const name = nameIn(request);
          if (request.path === '/VolumeDriver.Unmount') mounted.delete(name);
          if (request.path !== '/VolumeDriver.Mount') return reply;
          if (!mounted.has(name)) {
            mounted.add(name);
            return reply;
          }
          const other = join(places.directory, 'other', name);
          await mkdir(other, { recursive: true });
          return { ...reply, body: JSON.stringify({ Mountpoint: other }) };
        },
      });
      return await start(places);
    },
  },
  {
    check: 'DAT-005',
    needsRoot: true,
    fault: 'Mount makes the files of directories that all may write readable for all',
    start: losing('Mount', async ({ isFile, path }) => {
      if (isFile && path.includes('/shared/')) await chmod(path, 0o644);
    }),
  },
  {
    check: 'DAT-006',
    fault: 'sizes of files are kept in 32 bits',
    start: losing(
      'Unmount',
      async ({ isFile, path, size }) => {
        if (isFile && size > 2 ** 32) await truncate(path, size % 2 ** 32);
      },
      { manifest: { capabilities: { bigfile: true } } },
    ),
  },
  {
    check: 'DAT-007',
    fault: 'directories have 10,000 files at most after a Mount',
    start: losing('Mount', async ({ path }) => {
      if (/\/f-1\d{4}$/.test(path)) await unlink(path);
    }),
  },
  {
    check: 'DAT-010',
    fault: 'symbolic links do not survive an Unmount',
    start: losing('Unmount', async ({ isLink, path }) => {
      if (isLink) await unlink(path);
    }),
  },
  {
    check: 'DAT-012',
    fault: 'the declared size is not kept',
    start: fakeDriver({ manifest: { capabilities: { quota: true }, sizeBytes: 1024 ** 2 } }),
  },
  {
    check: 'DAT-013',
    fault: 'a new volume holds lost+found, which the manifest does not tell',
    start: withData('Create', async (data) => void (await mkdir(join(data, 'lost+found'), { recursive: true }))),
  },
  {
    check: 'DAT-014',
    fault: 'Remove keeps the data, and the manifest says that it deletes them',
    start: fakeDriver({ manifest: { removePolicy: 'delete' } }),
  },
  {
    check: 'DAT-015',
    needsRoot: true,
    fault: 'Unmount empties the volume that was mounted after this one',
    start: async (places) => {
      const mounted: string[] = [];
      const start = fakeDriver({
        tamper: async (request, ask) => {
          const name = nameIn(request);
          const at = mounted.indexOf(name);
          if (request.path === '/VolumeDriver.Mount' && at === -1) mounted.push(name);
          if (request.path === '/VolumeDriver.Unmount' && at !== -1) {
            const [, next] = mounted.splice(at, 2);
            if (next !== undefined) await empty(dataOf(places, next));
          }
          return await ask();
        },
      });
      return await start(places);
    },
  },
  {
    check: 'DAT-016',
    fault: 'Remove of a mounted volume is refused after it deleted the files',
    start: withData('Remove', empty, { changes: { remove: deleting } }),
  },
];

interface FoundFile {
  readonly path: string;
  readonly isFile: boolean;
  readonly isLink: boolean;
  readonly size: number;
}

/** Does something to every file of a volume before a call is answered. */
function losing(
  call: 'Mount' | 'Unmount',
  change: (file: FoundFile) => Promise<void>,
  mutant: FakeDriverMutant = {},
): Mutant['start'] {
  return withData(
    call,
    async (data) => {
      for (const entry of await readdir(data, { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        const size = entry.isFile() ? (await lstat(path)).size : 0;
        await change({ path, isFile: entry.isFile(), isLink: entry.isSymbolicLink(), size });
      }
    },
    mutant,
  );
}

/** Does something to the data of a volume: after Create, before the other calls. */
function withData(
  call: 'Create' | 'Mount' | 'Unmount' | 'Remove',
  change: (directory: string) => Promise<void>,
  mutant: FakeDriverMutant = {},
): Mutant['start'] {
  return async (places) => {
    const start = fakeDriver({
      ...mutant,
      tamper: async (request, ask) => {
        if (request.path !== `/VolumeDriver.${call}`) return await ask();
        const data = dataOf(places, nameIn(request));
        const reply = call === 'Create' ? await ask() : undefined;
        if (existsSync(data)) await change(data);
        return reply ?? (await ask());
      },
    });
    return await start(places);
  };
}

/** Where a fake with the profile convoy-0.5-vfs has the data of a volume. */
function dataOf(places: MutantPlaces, name: string): string {
  return join(places.directory, 'driver', 'data', name);
}

async function empty(directory: string): Promise<void> {
  for (const name of await readdir(directory)) await rm(join(directory, name), { recursive: true });
}

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mutant } from './mutant.ts';
import { tamperedMounts, type TamperMount } from './tampered-mounts.ts';

/** Another, empty directory from the `n`th Mount on, or for that one alone. */
const otherDirectory =
  (isOther: (count: number) => boolean): TamperMount =>
  async ({ count, places }) => {
    if (!isOther(count)) return undefined;
    const other = join(places.directory, 'other');
    await mkdir(other, { recursive: true });
    return other;
  };

export const scnMutants: readonly Mutant[] = [
  {
    check: 'SCN-001',
    fault: 'the second Mount does not have what was written before',
    needsRoot: true,
    start: tamperedMounts(
      'SCN-001',
      otherDirectory((count) => count === 2),
    ),
  },
  {
    check: 'SCN-002',
    fault: 'Mount is refused',
    needsRoot: true,
    start: tamperedMounts('SCN-002', async () => await Promise.resolve({ refuse: 'no such device' })),
  },
  {
    check: 'SCN-003',
    fault: 'the second volume of a task is where the first one is',
    needsRoot: true,
    start: async (places) => {
      let first: string | undefined;
      return await tamperedMounts(
        'SCN-003',
        async ({ mountpoint }) => await Promise.resolve((first ??= mountpoint)),
      )(places);
    },
  },
  {
    check: 'SCN-007',
    fault: 'the third container at a time gets another directory',
    needsRoot: true,
    start: tamperedMounts(
      'SCN-007',
      otherDirectory((count) => count === 3),
    ),
  },
];

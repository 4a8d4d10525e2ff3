import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runOrThrow } from '@drydock/base/subprocess';
import type { Mutant, MutantPlaces, StartedMutant } from './mutant.ts';
import { tamperedMounts, type TamperMount } from './tampered-mounts.ts';

const ownDirectoryEach: TamperMount = async ({ count, places }) => {
  const own = join(places.directory, `own-${count}`);
  await mkdir(own, { recursive: true });
  return own;
};

export const isoMutants: readonly Mutant[] = [
  {
    check: 'ISO-001',
    fault: 'each container gets a directory of its own',
    needsRoot: true,
    start: tamperedMounts('ISO-001', ownDirectoryEach),
  },
  {
    check: 'ISO-002',
    fault: 'the reader gets another directory than the writer',
    needsRoot: true,
    start: tamperedMounts('ISO-002', ownDirectoryEach),
  },
  { check: 'ISO-003', fault: 'leaves a mount behind', needsRoot: true, start: leavesAMount },
  {
    check: 'ISO-005',
    fault: 'two volumes have one mountpoint',
    needsRoot: true,
    start: async (places) => {
      let first: string | undefined;
      return await tamperedMounts(
        'ISO-005',
        async ({ mountpoint }) => await Promise.resolve((first ??= mountpoint)),
      )(places);
    },
  },
  {
    check: 'ISO-006',
    fault: 'refuses to mount a volume again',
    needsRoot: true,
    start: tamperedMounts(
      'ISO-006',
      async ({ count }) => await Promise.resolve(count > 1 ? { refuse: 'was mounted before' } : undefined),
    ),
  },
  {
    check: 'ISO-007',
    fault: 'lets nobody but root into a volume that is mounted again',
    needsRoot: true,
    start: tamperedMounts('ISO-007', async ({ count, mountpoint }) => {
      if (count > 1) await chown(mountpoint, 0, 0);
      if (count > 1) await chmod(mountpoint, 0o700);
      return undefined;
    }),
  },
];

/** Its agent's side is a mount namespace of its own, which takes with it what is mounted there. */
async function leavesAMount(places: MutantPlaces): Promise<StartedMutant> {
  const argv = [
    '--pdeathsig',
    'KILL',
    'unshare',
    '--mount',
    '--propagation',
    'private',
    'sh',
    '-c',
    'echo; exec sleep 600',
  ];
  const holder = spawn('setpriv', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  const pid = holder.pid ?? -1;
  const mount: TamperMount = async () => {
    const left = join(places.directory, 'left');
    await mkdir(left, { recursive: true });
    await runOrThrow(['nsenter', `--target=${pid}`, '--mount', 'mount', '-t', 'tmpfs', 'left', left]);
    return undefined;
  };
  const driver = await tamperedMounts('ISO-003', mount, () => ({ namespace: { pid } }))(places);
  return {
    manifest: driver.manifest,
    [Symbol.asyncDispose]: async () => {
      await driver[Symbol.asyncDispose]();
      const ended = once(holder, 'exit');
      holder.kill('SIGKILL');
      await ended;
    },
  };
}

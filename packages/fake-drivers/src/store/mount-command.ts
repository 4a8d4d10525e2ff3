/** The programs that stores run: mount(8), umount(8), mkfs.ext4(8). */
import { mkdir, rename, rm, rmdir } from 'node:fs/promises';
import { DomainError, systemCodeOf } from '@drydock/base/errors';
import { run } from '@drydock/base/subprocess';
import { readMountpoints } from './mount-table.ts';

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

const COMMAND_MS_MAX = 60_000;

/** @throws StoreCommandError */
export async function execute(program: string, args: readonly string[]): Promise<void> {
  const result = await run([program, ...args], {
    timeoutMs: COMMAND_MS_MAX,
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

/** The `look` of stores that mount: one reading of the kernel's table, however many volumes are asked for. */
export async function lookAtMounts(): Promise<(volume: { readonly place: string }) => boolean> {
  const mountpoints = await readMountpoints();
  return ({ place }) => mountpoints.has(place);
}

/** Whether something is mounted at `path`, which holds no links. */
async function isMountpoint(path: string): Promise<boolean> {
  return (await readMountpoints()).has(path);
}

/** Mounts at `place`, which is made, unless something is mounted there. */
export async function mountAt(place: string, args: readonly string[]): Promise<void> {
  if (await isMountpoint(place)) return;
  await mkdir(place, { recursive: true });
  await execute('mount', [...args, place]);
}

/** Unmounts what is at `place`, if anything is, and removes the empty directory. */
export async function unmountAt(place: string): Promise<void> {
  if (await isMountpoint(place)) await execute('umount', [place]);
  await rmdir(place).catch((error: unknown) => {
    // Not there, or a directory that already held something: neither is the store's to remove.
    if (systemCodeOf(error) !== 'ENOENT' && systemCodeOf(error) !== 'ENOTEMPTY') throw error;
  });
}

/** Unmounts everything below `directory`, the innermost first, also what is stacked; busy mounts are detached. */
export async function unmountBelow(directory: string): Promise<void> {
  for (let count = 0; count < STACKED_MAX; count++) {
    const below = [...(await readMountpoints())].filter((path) => path.startsWith(`${directory}/`));
    const innermost = below.sort((a, b) => b.length - a.length)[0];
    if (innermost === undefined) return;
    await execute('umount', ['-l', innermost]);
  }
}

/** Whoever has `path` open or mounted keeps what is there now; `path` becomes a copy of it. */
export async function replaceByCopy(path: string): Promise<void> {
  const copy = `${path}.copy`;
  const old = `${path}.fenced`;
  await rm(copy, { recursive: true, force: true });
  await execute('cp', ['-a', '--sparse=always', path, copy]);
  await rename(path, old);
  await rename(copy, path);
  await rm(old, { recursive: true, force: true });
}

/** More mounts than one driver makes. */
const STACKED_MAX = 10_000;

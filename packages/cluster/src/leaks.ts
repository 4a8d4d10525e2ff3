/**
 * What a run has left behind. Looks only at what belongs to the run: mounts of its namespace, loop devices over its files,
 * processes with its run id in their environment, its control groups, its checkpoints.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '@drydock/base/errors';
import { readTextIfThere } from '@drydock/base/read-if-there';

export interface Leak {
  readonly kind: 'mount' | 'loop device' | 'process' | 'checkpoint' | 'control group';
  readonly what: string;
}

/** Marks every process of a run. */
export const RUN_ID_VARIABLE = 'DRYDOCK_RUN_ID';

export interface LeakScope {
  readonly runId: string;
  readonly runDirectory: string;
  /** Mount points of the run's namespace that it did not start with. */
  readonly newMounts: readonly string[];
  /** Processes that are meant to run. */
  readonly expectedPids: ReadonlySet<number>;
  /** As seen from here. */
  readonly checkpointDirectories: readonly string[];
  readonly cgroupsRoot: string;
}

export async function findLeaks(scope: LeakScope): Promise<readonly Leak[]> {
  const mounts = scope.newMounts.map((what): Leak => ({ kind: 'mount', what }));
  const found = await Promise.all([
    loopDevices(scope.runDirectory),
    processes(scope),
    checkpoints(scope.checkpointDirectories),
    controlGroups(scope.cgroupsRoot),
  ]);
  return [...mounts, ...found.flat()];
}

async function loopDevices(directory: string): Promise<readonly Leak[]> {
  const leaks: Leak[] = [];
  for (const name of await entriesOf('/sys/block')) {
    if (!name.startsWith('loop')) continue;
    const file = (await textOf(join('/sys/block', name, 'loop', 'backing_file')))?.trim();
    if (file?.startsWith(`${directory}/`) === true)
      leaks.push({ kind: 'loop device', what: `/dev/${name} over ${file}` });
  }
  return leaks;
}

async function processes(scope: LeakScope): Promise<readonly Leak[]> {
  const leaks: Leak[] = [];
  for (const name of await entriesOf('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || scope.expectedPids.has(pid) || pid === process.pid) continue;
    const environment = await textOf(join('/proc', name, 'environ'));
    if (environment?.split('\0').includes(`${RUN_ID_VARIABLE}=${scope.runId}`) !== true) continue;
    const parent = Number(/^PPid:\t(\d+)$/m.exec((await textOf(join('/proc', name, 'status'))) ?? '')?.[1]);
    // Helpers of a daemon (its lock's holder) live and die with it.
    if (scope.expectedPids.has(parent)) continue;
    const command = (await textOf(join('/proc', name, 'cmdline')))?.replaceAll('\0', ' ').trim();
    if (command !== undefined && command !== '') leaks.push({ kind: 'process', what: `${pid} ${command}` });
  }
  return leaks;
}

async function checkpoints(directories: readonly string[]): Promise<readonly Leak[]> {
  const entries = await Promise.all(
    directories.map(async (directory) => (await entriesOf(directory)).map((name) => join(directory, name))),
  );
  return entries.flat().map((what) => ({ kind: 'checkpoint', what }));
}

/** Those of containers; the parent that they share goes with the agent. */
async function controlGroups(root: string): Promise<readonly Leak[]> {
  const leaks: Leak[] = [];
  const mounts = ['/sys/fs/cgroup', ...(await entriesOf('/sys/fs/cgroup')).map((name) => join('/sys/fs/cgroup', name))];
  for (const mount of mounts) {
    const parent = join(mount, root);
    for (const name of await entriesOf(parent)) {
      // Files are the kernel's, directories are groups.
      if ((await textOf(join(parent, name, 'cgroup.procs'))) !== undefined) {
        leaks.push({ kind: 'control group', what: join(parent, name) });
      }
    }
  }
  return leaks;
}

/** Nothing for a directory that is not there (any more). */
async function entriesOf(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCodeOf(error) ?? '')) return [];
    throw error;
  }
}

/** Undefined for a file that is not there, or that belongs to a process that just ended or is not ours to read. */
async function textOf(path: string): Promise<string | undefined> {
  return await readTextIfThere(path, ['ENOTDIR', 'ESRCH', 'EACCES', 'EPERM', 'EISDIR']);
}

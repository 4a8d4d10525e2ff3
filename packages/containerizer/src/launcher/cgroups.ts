/**
 * What the machine's control groups allow. Limits are used where the agent may write them; elsewhere containers run
 * without, and the agent says so once.
 */
import { mkdir, readFile, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@drydock/base/errors';
import { readDeviceRules, type DeviceRule } from './device-rules.ts';

/** The hierarchies in which containers get groups of their own. */
export interface Cgroups {
  readonly version: 1 | 2;
  /** Mount points of every hierarchy that the runtime joins. */
  readonly mountpoints: readonly string[];
  /** `mesos`: parent of the containers' groups. */
  readonly rootName: string;
  readonly hasSwapLimit: boolean;
  /** What containers on the host's root may use. */
  readonly devices: readonly DeviceRule[];
  /** File with a line `oom_kill <count>` for the container with this id. */
  oomCounterOf(runtimeId: string): string;
}

interface CgroupMount {
  readonly mountpoint: string;
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
}

/** Reads the control group mounts of a mountinfo text. */
export function parseCgroupMounts(mountinfo: string): CgroupMount[] {
  const mounts: CgroupMount[] = [];
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ');
    const mountpoint = before?.split(' ')[4];
    const [type, , superOptions] = after?.split(' ') ?? [];
    if (mountpoint === undefined || superOptions === undefined) continue;
    if (type === 'cgroup') mounts.push({ mountpoint, version: 1, controllers: superOptions.split(',') });
    if (type === 'cgroup2') mounts.push({ mountpoint, version: 2, controllers: [] });
  }
  return mounts;
}

/**
 * Finds out whether containers can get limits, and makes `<rootName>` in the memory and cpu hierarchies (or in the
 * unified one). Gives the reason in words when they cannot.
 */
export async function probeCgroups(rootName: string): Promise<Cgroups | { readonly unavailable: string }> {
  const mounts = parseCgroupMounts(await readFile('/proc/self/mountinfo', 'utf8'));
  const memory = mounts.find(({ version, controllers }) => version === 1 && controllers.includes('memory'));
  const cpu = mounts.find(({ version, controllers }) => version === 1 && controllers.includes('cpu'));
  const listing = mounts.find(({ version, controllers }) => version === 1 && controllers.includes('devices'));
  const unified = mounts.find(({ version }) => version === 2);
  try {
    if (memory !== undefined && cpu !== undefined) {
      for (const { mountpoint } of [memory, cpu]) await mkdir(join(mountpoint, rootName), { recursive: true });
      return {
        version: 1,
        mountpoints: mounts.map(({ mountpoint }) => mountpoint),
        rootName,
        hasSwapLimit: await exists(join(memory.mountpoint, 'memory.memsw.limit_in_bytes')),
        devices: await readDeviceRules(listing?.mountpoint),
        oomCounterOf: (id) => join(memory.mountpoint, rootName, id, 'memory.oom_control'),
      };
    }
    if (unified === undefined) return { unavailable: 'no hierarchy with memory and cpu is mounted' };
    const controllers = (await readFile(join(unified.mountpoint, 'cgroup.controllers'), 'utf8')).trim().split(' ');
    if (!controllers.includes('memory') || !controllers.includes('cpu')) {
      return {
        unavailable: `the unified hierarchy has no memory and cpu controllers, only '${controllers.join(' ')}'`,
      };
    }
    await mkdir(join(unified.mountpoint, rootName), { recursive: true });
    return {
      version: 2,
      mountpoints: [unified.mountpoint],
      rootName,
      // Only groups below the root have the file; where the kernel accounts no swap, the new group lacks it, too.
      hasSwapLimit: await exists(join(unified.mountpoint, rootName, 'memory.swap.max')),
      devices: await readDeviceRules(listing?.mountpoint),
      oomCounterOf: (id) => join(unified.mountpoint, rootName, id, 'memory.events'),
    };
  } catch (error) {
    return { unavailable: messageOf(error) };
  }
}

/**
 * Removes the empty groups that are left of a container (a killed runtime may leave them), or with no id the parent that
 * containers shared. Groups that are missing or still in use are left alone.
 */
export async function removeCgroups(cgroups: Cgroups, runtimeId?: string): Promise<void> {
  for (const mountpoint of cgroups.mountpoints) {
    try {
      await rmdir(join(mountpoint, cgroups.rootName, ...(runtimeId === undefined ? [] : [runtimeId])));
    } catch {
      // ENOENT: never made there. EBUSY, ENOTEMPTY: in use by another container or agent. EROFS: not ours.
    }
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    // Not there, or not readable: either way it cannot be used.
    return false;
  }
}

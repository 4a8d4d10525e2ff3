/**
 * Volumes of a real gluster cluster, mounted with mount.glusterfs(8). Each has a FUSE process of its own, which lives as
 * long as the mount does, also when the driver dies. Nothing is made or removed in the cluster.
 */
import { readFile, rm } from 'node:fs/promises';
import { DomainError, messageOf, systemCodeOf } from '@drydock/base/errors';
import { toGlusterSource } from './gluster-source.ts';
import { execute, lookAtMounts, mountAt, unmountAt, unmountBelow } from './mount-command.ts';
import type { StoreDirectories, VolumeStore } from './volume-store.ts';

/** The volume is not mounted; the message has what mount(8) said, and what gluster's client wrote to its log. */
export class GlusterMountError extends DomainError<'GLUSTER_MOUNT_FAILED'> {
  readonly code = 'GLUSTER_MOUNT_FAILED';
}

export interface GlusterStoreOptions {
  /** Whose volumes the keys name; without, every key names its servers. */
  readonly servers?: readonly string[];
}

/** Keys are what `toGlusterSource` takes. @throws GlusterMountError where paths are none that mount.glusterfs(8) takes */
export function createGlusterStore({ mounts }: StoreDirectories, { servers }: GlusterStoreOptions): VolumeStore {
  if (!/^[A-Za-z0-9_./@+=-]+$/.test(mounts)) {
    throw new GlusterMountError(
      `Expected a path of letters, digits and _./@+=- for mounts of gluster, got '${mounts}'`,
    );
  }
  return {
    mountpointOf: ({ place }) => place,
    // A volume belongs to its cluster: only its name is checked.
    create: async ({ key }) => void toGlusterSource(key, servers),
    destroy: async ({ key }) => {
      throw new GlusterMountError(
        `The data of ${toGlusterSource(key, servers)} belong to its cluster: remove them there`,
      );
    },
    mount: async ({ key, place }) => await mountGluster(toGlusterSource(key, servers), place),
    async unmount({ place }) {
      await unmountAt(place);
      await rm(logOf(place), { force: true });
    },
    look: lookAtMounts,
    fence: async () => undefined, // any number of nodes may have a volume
    unmountAll: async () => await unmountBelow(mounts),
  };
}

/** No name of a volume has a dot. */
const logOf = (place: string): string => `${place}.log`;

async function mountGluster(source: string, place: string): Promise<void> {
  const log = logOf(place);
  const isMounted = await lookAtMounts();
  if (isMounted({ place })) return;
  try {
    await mountAt(place, ['-t', 'glusterfs', '-o', `log-level=WARNING,log-file=${log}`, source]);
    // mount.glusterfs(8) also succeeds when its client gave up meanwhile, for example on a directory that is not there.
    await execute('stat', ['--file-system', place]);
    const isStillMounted = await lookAtMounts();
    if (!isStillMounted({ place })) throw new Error('the mount did not last');
  } catch (error) {
    const reasons = [messageOf(error).trim(), ...(await errorsIn(log))];
    await unmountAt(place);
    await rm(log, { force: true });
    throw new GlusterMountError(`Failed to mount ${source}: ${reasons.join('; ')}`, { cause: error });
  }
}

const REASONS_MAX = 3;

/** The last errors in the log of gluster's client, without time and place. */
async function errorsIn(log: string): Promise<readonly string[]> {
  let text: string;
  try {
    text = await readFile(log, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
    return []; // it did not come so far
  }
  const lines = text.matchAll(/^\[[^\]]*\] [EC] (?:\[MSGID: \d+\] )?\[[^\]]*\] (\S+: .*)$/gm);
  return [...lines].map(([, reason = '']) => reason.trim()).slice(-REASONS_MAX);
}

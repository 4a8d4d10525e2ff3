import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCodeOf } from '@drydock/base/errors';

/** What the kernel says of mounts, in the mount namespace of this process. */
export interface MountTablePort {
  /** Whether a mount begins at `path`, an absolute path without links; false when nothing is there. */
  isMountPoint(path: string): Promise<boolean>;
}

const O_PATH = 0o10000000;

/** Asks for one path, so that it costs the same however many mounts there are. */
export const systemMounts: MountTablePort = {
  async isMountPoint(path) {
    if (path === '/') return true;
    const [own, parent] = await Promise.all([mountIdOf(path), mountIdOf(dirname(path))]);
    return own !== undefined && own !== parent;
  },
};

/** The mount that `path` lies on. Opening with O_PATH asks no file system, so that a dead one does not hang it. */
async function mountIdOf(path: string): Promise<string | undefined> {
  try {
    await using handle = await open(path, O_PATH | constants.O_NOFOLLOW);
    const text = await readFile(`/proc/self/fdinfo/${handle.fd}`, 'utf8');
    return /^mnt_id:\s*(\d+)$/m.exec(text)?.[1];
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

import { posix } from 'node:path';
import { DomainError, messageOf } from '@drydock/base/errors';
import type { FileSystemPort } from '@drydock/base/ports';
import type { MountTablePort } from './mount-table.ts';
import type { MountedAt } from './volume-in-use.ts';
import type { VolumeKey } from './volume-key.ts';

/** A driver named a mountpoint that must not be bound into a container. */
export class MountpointInvalidError extends DomainError<'MOUNTPOINT_INVALID'> {
  readonly code = 'MOUNTPOINT_INVALID';
  readonly volume: VolumeKey;
  readonly mountpoint: string;

  constructor(volume: VolumeKey, mountpoint: string, expected: string, options?: ErrorOptions) {
    super(
      `Volume driver '${volume.driver}' named ${JSON.stringify(mountpoint)} as the mountpoint of volume ` +
        `'${volume.name}': expected ${expected}`,
      options,
    );
    this.volume = volume;
    this.mountpoint = mountpoint;
  }
}

/** The host's own: a driver that names one of them, or what lies in it, would hand the host to the container. */
const FOREIGN_TREES = ['/proc', '/sys', '/dev', '/etc', '/boot'];
/** Of these only what lies in them can be a volume. */
const FOREIGN_DIRECTORIES = ['/', '/bin', '/home', '/lib', '/lib64', '/mnt', '/media', '/opt', '/root', '/run'].concat([
  '/sbin',
  '/srv',
  '/tmp',
  '/usr',
  '/var',
  '/var/lib',
  '/var/run',
]);

export interface CheckMountpointPorts {
  readonly files: FileSystemPort;
  readonly mounts: MountTablePort;
}

/**
 * What a driver named as the mountpoint, without links.
 * DEVIATION: upstream binds whatever dvdcli printed, and the container dies with `Executor terminated`.
 * @throws MountpointInvalidError
 */
export async function checkMountpoint(
  volume: VolumeKey,
  mountpoint: string,
  { files, mounts }: CheckMountpointPorts,
): Promise<MountedAt> {
  const isPlain = posix.isAbsolute(mountpoint) && posix.normalize(mountpoint) !== '/' && !/[\n\0]/.test(mountpoint);
  if (!isPlain || mountpoint.split('/').includes('..') || (await files.kindOf(mountpoint)) !== 'directory') {
    throw new MountpointInvalidError(volume, mountpoint, 'the absolute path of an existing directory other than /');
  }
  const real = await resolve(volume, mountpoint, files);
  if (isForeign(real)) {
    throw new MountpointInvalidError(volume, mountpoint, "a directory of the driver's, not one of the host's own");
  }
  return { mountpoint: real, isMountPoint: await mounts.isMountPoint(real) };
}

/** Links on the way are the host's affair; the last one would be the driver's. */
async function resolve(volume: VolumeKey, mountpoint: string, files: FileSystemPort): Promise<string> {
  const path = posix.join('/', mountpoint, '.');
  try {
    const [real, parent] = await Promise.all([files.realPath(path), files.realPath(posix.dirname(path))]);
    if (real === posix.join(parent, posix.basename(path))) return real;
    throw new MountpointInvalidError(volume, mountpoint, `a directory, not a link to ${JSON.stringify(real)}`);
  } catch (error) {
    if (error instanceof MountpointInvalidError) throw error;
    throw new MountpointInvalidError(volume, mountpoint, `a directory that can be read (${messageOf(error)})`, {
      cause: error,
    });
  }
}

function isForeign(path: string): boolean {
  return (
    FOREIGN_DIRECTORIES.includes(path) || FOREIGN_TREES.some((tree) => path === tree || path.startsWith(`${tree}/`))
  );
}

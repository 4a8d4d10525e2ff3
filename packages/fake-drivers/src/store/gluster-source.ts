import { BadVolumeError } from '../driver-errors.ts';

/** Of these alone: mount.glusterfs(8) is a shell script that splits its arguments at blanks and reads wildcards. */
const HOST = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/;
const VOLUME = /^[A-Za-z0-9_][A-Za-z0-9_-]*$/;
const DIRECTORY = /^[A-Za-z0-9_.@+=-]+$/;

/** Whether `host` is the name or IPv4 address of a gluster server. */
export function isGlusterHost(host: string): boolean {
  return HOST.test(host);
}

/** Whether a gluster volume can have that name. */
export function isGlusterVolume(name: string): boolean {
  return VOLUME.test(name);
}

/**
 * What `mount -t glusterfs` takes, `HOST[,HOST...]:/VOLUME[/DIRECTORY]`. With `servers`, `key` is the name of one of
 * their volumes, as calavera's plugin has it; without, it is sapk's `voluri`, `HOST[,HOST...]:[/]VOLUME[/DIRECTORY]`.
 * @throws BadVolumeError
 */
export function toGlusterSource(key: string, servers: readonly string[] = []): string {
  if (servers.length > 0) {
    if (!isGlusterVolume(key)) {
      throw new BadVolumeError(`Expected the name of a gluster volume (letters, digits, _ and -), got '${key}'`);
    }
    return `${servers.join(',')}:/${key}`;
  }
  const [hosts = '', path = '', ...more] = key.split(':');
  const [volume = '', ...directories] = path.replace(/^\//, '').split('/');
  const isPlain =
    more.length === 0 &&
    hosts.split(',').every(isGlusterHost) &&
    isGlusterVolume(volume) &&
    directories.every((name) => DIRECTORY.test(name) && name !== '.' && name !== '..');
  if (!isPlain) throw new BadVolumeError(`Expected voluri to be HOST[,HOST...]:VOLUME[/DIRECTORY], got '${key}'`);
  return `${hosts}:/${[volume, ...directories].join('/')}`;
}

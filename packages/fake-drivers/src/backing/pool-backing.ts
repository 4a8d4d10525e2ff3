import { join } from 'node:path';
import type { ClockPort, FileSystemPort, RandomPort } from '@drydock/base/ports';
import type { VolumeBacking } from './volume-backing.ts';

/**
 * A pool that several nodes mount at once, as a gluster cluster is: a volume is a directory of it, and whoever looks
 * finds it. Nothing but the name is known of a volume.
 */
export function createPoolBacking(
  pool: string,
  ports: { readonly files: FileSystemPort; readonly clock: ClockPort; readonly random: RandomPort },
): VolumeBacking {
  const { files, clock } = ports;
  const toVolume = (name: string) =>
    ({ name, uuid: name, index: 0, sizeBytes: 0, createdAt: clock.now(), options: {}, attachment: 'here' }) as const;
  return {
    ownsData: false,
    async find(name) {
      const isPlain = /^[^/\0]+$/.test(name) && name !== '.' && name !== '..';
      return isPlain && (await files.kindOf(join(pool, name))) === 'directory' ? [toVolume(name)] : [];
    },
    list: async () => (await files.list(pool)).map(toVolume),
    create: async ({ name, sizeBytes, options }) => ({ ...toVolume(name), sizeBytes, options }),
    remove: async () => undefined,
    attach: async () => 'attached',
    detach: async () => undefined,
  };
}

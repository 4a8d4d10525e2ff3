import type { DriverProfile } from './profile.ts';

const convoy05 = {
  scope: 'local',
  replyStyle: 'convoy',
  nameRule: /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/,
} as const;

const texts = {
  badName: (name: string): string =>
    `Invalid volume name ${name}. Can only contain 0-9, a-z, dash(-), underscore(_) and dot(.)`,
  badSizeUnit: 'Size must be multiple of block size',
  unknownOnMount: (): string => "Couldn't find volume.",
  unknownOnPath: (): string => "Couldn't find volume.",
  unknownOnGet: (name: string): string => `Could not find volume ${name}.`,
};

/** convoy 0.5 by driver: `vfs` keeps volumes as directories, `devicemapper` as ext4 file systems. */
export const convoyProfiles: { readonly vfs: DriverProfile; readonly devicemapper: DriverProfile } = {
  vfs: {
    ...convoy05,
    name: 'convoy-0.5-vfs',
    store: 'directory',
    defaultSizeBytes: 0,
    sizeUnitBytes: 1,
    texts: { ...texts, removeMounted: (name) => `Cannot delete volume ${name}. It is still mounted` },
  },
  // DEVIATION: the real driver needs a device-mapper thin pool; this keeps each volume in a sparse image file.
  // DEVIATION: the default size is 1 GiB, not 100 GiB, so that a machine's disk is not promised many times over.
  devicemapper: {
    ...convoy05,
    name: 'convoy-0.5-devicemapper',
    store: 'ext4-on-loop',
    defaultSizeBytes: 1024 ** 3,
    sizeUnitBytes: 2 * 1024 ** 2,
    texts: { ...texts, removeMounted: (name) => `Cannot delete volume ${name}, it hasn't been umounted` },
  },
};

import type { DriverProfile, ProfileTexts } from '../profile.ts';
import { plainTexts, sdkDriver } from './base-profile.ts';

const GIBIBYTE = 1024 ** 3;

/** id, type, iops and vm are taken, and mean nothing to these two drivers. */
function optionsOf(driver: string): DriverProfile['options'] {
  return {
    size: { kind: 'size' },
    driver: { kind: 'text', values: ['', driver] },
    // DEVIATION: there are no backups, so a volume is not made from one.
    backup: { kind: 'unsupported' },
  };
}

/** What all versions and drivers of convoy have in common. */
const convoy = {
  ...sdkDriver,
  role: 'reference',
  replyStyle: 'convoy',
  state: 'atomic-file',
  keepsUses: true,
  nameRule: /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/,
  unmount: { effect: 'unmount', unknown: 'succeed', unmounted: 'succeed' },
  remove: { effect: 'keep-data', unknown: 'succeed', inUse: 'refuse' },
  getMountpoint: 'while-mounted',
  path: { unmounted: 'empty', unknown: 'refuse' },
} as const;

const texts: ProfileTexts = {
  ...plainTexts,
  badName: 'Invalid volume name <name>. Can only contain 0-9, a-z, dash(-), underscore(_) and dot(.)',
  badOption: 'Cannot find driver <value>',
  badSizeUnit: 'Size must be multiple of block size',
  unknownOnMount: "Couldn't find volume.",
  unknownOnPath: "Couldn't find volume.",
  unknownOnGet: 'Could not find volume <name>.',
};

const vfs = {
  store: 'directory',
  layout: { data: '<name>', mountpoint: '<name>' },
  options: optionsOf('vfs'),
} as const;

// DEVIATION: the real driver needs a device-mapper thin pool; this keeps each volume in a sparse image file.
// DEVIATION: the default size is 1 GiB, not 100 GiB, so that a machine's disk is not promised many times over.
const devicemapper = {
  store: 'ext4-on-loop',
  defaultSizeBytes: GIBIBYTE,
  sizeUnitBytes: 2 * 1024 ** 2,
  options: optionsOf('devicemapper'),
} as const;

const source = (version: string): string => `convoy ${version}, run and read`;

/** convoy 0.5: answers Get, List and Capabilities; names in paths. */
export const convoy05: { readonly vfs: DriverProfile; readonly devicemapper: DriverProfile } = {
  vfs: {
    ...convoy,
    ...vfs,
    name: 'convoy-0.5-vfs',
    summary: 'plain directories, no counting: one Unmount undoes any number of Mounts',
    source: source('0.5.2'),
    texts: { ...texts, removeInUse: 'Cannot delete volume <name>. It is still mounted' },
  },
  devicemapper: {
    ...convoy,
    ...devicemapper,
    name: 'convoy-0.5-devicemapper',
    summary: 'ext4 per volume with lost+found, no counting: the driver of the Mesos document',
    source: source('0.5.2'),
    layout: { data: '<name>', mountpoint: 'mounts/<name>' },
    texts: { ...texts, removeInUse: "Cannot delete volume <name>, it hasn't been umounted" },
  },
};

const convoy04 = {
  ...convoy,
  missingCalls: ['VolumeDriver.Get', 'VolumeDriver.List', 'VolumeDriver.Capabilities'],
  source: source('0.4.3'),
} as const;

const texts04: ProfileTexts = {
  ...texts,
  badName: 'Invalid volume <name>. Must be only contains 0-9, a-z, dash(-), underscore(_) and dot(.)',
};

/** convoy 0.4: no Get, List or Capabilities; devicemapper mounts at, and speaks of, UUIDs. */
export const convoy04Profiles: { readonly vfs: DriverProfile; readonly devicemapper: DriverProfile } = {
  vfs: {
    ...convoy04,
    ...vfs,
    name: 'convoy-0.4-vfs',
    summary: 'convoy 0.4 with plain directories',
    texts: { ...texts04, removeInUse: 'Cannot delete volume <uuid>. It is still mounted' },
  },
  devicemapper: {
    ...convoy04,
    ...devicemapper,
    name: 'convoy-0.4',
    summary: 'no Get, List, Capabilities (404): dvdcli 0.2 can mount and then never unmount',
    layout: { data: '<name>', mountpoint: 'mounts/<uuid>' },
    texts: { ...texts04, removeInUse: "Cannot delete volume <uuid>, it hasn't been umounted" },
  },
};

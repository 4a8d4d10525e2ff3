import type { DriverProfile } from '../profile.ts';
import { plainTexts, sdkDriver } from './base-profile.ts';

const GIBIBYTE = 1024 ** 3;

export const flocker: DriverProfile = {
  ...sdkDriver,
  name: 'flocker',
  summary: 'datasets that move to whoever mounts; Unmount and Remove do nothing',
  source: 'flocker, dockerplugin at eaa5862, read',
  role: 'reference',
  scope: 'global',
  missingCalls: ['VolumeDriver.Capabilities'],
  replyStyle: 'flocker',
  backing: 'flocker',
  isDataShared: true,
  stores: ['directory'],
  layout: { data: '<uuid>', mountpoint: '<uuid>' },
  state: 'memory',
  options: { size: { kind: 'size' }, profile: { kind: 'text', values: ['gold', 'silver', 'bronze'] } },
  defaultSizeBytes: 75 * GIBIBYTE,
  badSize: 'take-default',
  unmount: { effect: 'nothing', unknown: 'succeed', unmounted: 'succeed' },
  remove: { effect: 'nothing', unknown: 'succeed', inUse: 'leave-mounted' },
  getMountpoint: 'while-mounted',
  path: { unmounted: 'refuse', unknown: 'refuse' },
  attach: 'move',
  texts: {
    ...plainTexts,
    unknownOnMount: 'Could not find volume with given name.',
    unknownOnGet: 'Could not find volume with given name.',
    unknownOnPath: 'Volume not available.',
    notMounted: 'Volume not available.',
    timedOut: 'Timed out waiting for dataset to mount.',
  },
};

export const glusterfsCalavera: DriverProfile = {
  ...sdkDriver,
  name: 'glusterfs-calavera',
  summary: 'counts by name in memory only; Get knows a volume from its first Mount on',
  source: 'calavera/docker-volume-glusterfs at c9413cb, read',
  role: 'reference',
  backing: 'pool',
  isDataShared: true,
  stores: ['directory', 'bind', 'glusterfs'],
  layout: { data: '<name>', mountpoint: '_glusterfs/<name>' },
  state: 'memory',
  uses: 'mounts',
  remove: { effect: 'keep-data', unknown: 'succeed', inUse: 'lose-mount' },
  knownFrom: 'mount',
  path: { unmounted: 'always', unknown: 'always' },
  texts: {
    ...plainTexts,
    unknownOnMount: 'exit status 1',
    unknownOnUnmount: 'Unable to find volume mounted on <mountpoint>',
    unknownOnGet: 'Unable to find volume mounted on <mountpoint>',
  },
};

export const glusterfsSapk: DriverProfile = {
  ...sdkDriver,
  name: 'glusterfs-sapk',
  summary: 'a Mount of a mounted volume does not count, so the first Unmount pulls it from under others',
  source: 'sapk/docker-volume-gluster at f922f5d, read',
  role: 'reference',
  scope: 'global',
  isDataShared: true,
  stores: ['directory', 'bind', 'glusterfs'],
  layout: { data: '<option:voluri>', mountpoint: '<index>' },
  state: 'file',
  tornState: 'forget',
  keepsUses: true,
  options: { voluri: { kind: 'text', isRequired: true } },
  exampleOptions: { voluri: 'pool:<name>' },
  createAgain: 'overwrite',
  uses: 'first-mount',
  unmount: { effect: 'unmount', unknown: 'refuse', unmounted: 'refuse' },
  remove: { effect: 'keep-data', unknown: 'refuse', inUse: 'refuse' },
  texts: { ...plainTexts, missingOption: '<value> option required' },
};

const rexray = {
  ...sdkDriver,
  role: 'reference',
  scope: 'global',
  isDataShared: true,
  layout: { data: '<uuid>', mountpoint: 'volumes/<name>/data' },
  state: 'memory',
  store: 'ext4-on-loop',
  stores: ['directory', 'bind', 'ext4-on-loop'],
  options: {
    size: { kind: 'gibibytes' },
    iops: { kind: 'text' },
    type: { kind: 'text' },
    volumetype: { kind: 'text' },
    availabilityZone: { kind: 'text' },
    encrypted: { kind: 'boolean' },
    overwritefs: { kind: 'boolean' },
  },
  defaultSizeBytes: 16 * GIBIBYTE,
  sizeUnitBytes: GIBIBYTE,
  nameLookup: 'case-insensitive',
  getMountpoint: 'while-mounted',
  path: { unmounted: 'empty', unknown: 'refuse' },
  attach: 'exclusive-refuse',
} as const;

const rexrayTexts = {
  ...plainTexts,
  exists: 'volume name already exists',
  unknownOnMount: 'resource not found',
  unknownOnUnmount: 'resource not found',
  unknownOnRemove: 'resource not found',
  unknownOnPath: 'resource not found',
  unknownOnGet: 'resource not found',
  attachedElsewhere: 'volume already attached to a host',
};

export const rexrayEbs: DriverProfile = {
  ...rexray,
  name: 'rexray-ebs',
  summary: 'a block device of a cloud, attached to one host at a time; Create of a known name is an error',
  source: 'rexray legacy module at 36203581, read',
  backing: 'ec2',
  createAgain: 'refuse',
  texts: rexrayTexts,
};

export const rexrayCinder: DriverProfile = {
  ...rexray,
  name: 'rexray-cinder',
  summary: 'Create of a known name makes a second volume, which no look-up finds',
  source: 'rexray legacy module at 36203581, read',
  backing: 'cinder',
  createAgain: 'duplicate',
  texts: rexrayTexts,
};

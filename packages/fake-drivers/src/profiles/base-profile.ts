import { localStoreKinds, type DriverProfile, type ProfileTexts } from '../profile.ts';

/** Words of a driver that says nothing special; a profile replaces those that its real driver has. */
export const plainTexts: ProfileTexts = {
  badName: 'invalid volume name <name>',
  missingOption: "'<value>' option required",
  unknownOption: 'unknown option "<value>"',
  badOption: 'invalid value "<value>" of an option',
  badSizeUnit: 'invalid size',
  exists: 'volume <name> already exists',
  unknownOnMount: 'volume <name> not found',
  unknownOnUnmount: 'volume <name> not found',
  unknownOnRemove: 'volume <name> not found',
  unknownOnPath: 'volume <name> not found',
  unknownOnGet: 'volume <name> not found',
  notMounted: 'volume <name> is not mounted',
  unmountUnmounted: 'exit status 32',
  notHeld: 'volume <name> is not mounted by <id>',
  alreadyHeld: 'volume <name> is already mounted by <id>',
  removeInUse: 'volume <name> is currently used by a container',
  attachedElsewhere: 'volume <name> is attached to another host',
  timedOut: 'timed out waiting for volume <name>',
};

/**
 * What most plugins written with go-plugins-helpers have in common: a local driver with a record per volume, static
 * mountpoints and errors with status 500. Profiles say what they do otherwise.
 * @see https://github.com/docker/go-plugins-helpers
 */
export const sdkDriver: Omit<DriverProfile, 'name' | 'summary' | 'source' | 'role'> = {
  scope: 'local',
  missingCalls: [],
  replyStyle: 'sdk',
  backing: 'local',
  isDataShared: false,
  store: 'directory',
  stores: localStoreKinds,
  layout: { data: '<name>', mountpoint: '<name>' },
  state: 'file',
  tornState: 'refuse-to-start',
  keepsUses: false,
  onStop: 'leave-mounted',
  nameRule: /^[^\0]+$/,
  nameLookup: 'exact',
  options: {},
  unknownOptions: 'ignore',
  exampleOptions: {},
  defaultSizeBytes: 0,
  badSize: 'refuse',
  sizeUnitBytes: 1,
  createAgain: 'keep',
  mountUnknown: 'refuse',
  mountWithoutId: 'mount',
  uses: 'none',
  unmount: { effect: 'unmount', unknown: 'refuse', unmounted: 'succeed' },
  remove: { effect: 'delete', unknown: 'refuse', inUse: 'refuse' },
  knownFrom: 'create',
  getMountpoint: 'always',
  path: { unmounted: 'always', unknown: 'refuse' },
  attach: 'shared',
  latencyMs: {},
  texts: plainTexts,
};

import type { DriverProfile } from '../profile.ts';
import type { DriverHabits } from './plugin-case.ts';

/** What a profile declares, in the words of the contract. */
export function habitsOf(profile: DriverProfile): DriverHabits {
  const { uses, unmount, remove, path } = profile;
  const outcome = (value: 'succeed' | 'refuse'): 'succeeds' | 'is refused' =>
    value === 'succeed' ? 'succeeds' : 'is refused';
  const pathOf = (value: 'empty' | 'always' | 'refuse'): 'empty' | 'present' | 'refused' =>
    value === 'always' ? 'present' : value === 'empty' ? 'empty' : 'refused';
  const unmountsNothing = unmount.effect === 'nothing';
  return {
    scope: profile.scope,
    missingCalls: profile.missingCalls,
    refusalStatus: profile.replyStyle === 'sdk' ? 500 : 200,
    createAgain: profile.createAgain === 'refuse' ? 'is refused' : 'succeeds',
    mountUnknown: mountUnknown[profile.mountUnknown],
    unmountUnknown: unmountsNothing ? 'succeeds' : outcome(unmount.unknown),
    unmountUnmounted: unmountsNothing ? 'succeeds' : outcome(unmount.unmounted),
    removeUnknown: remove.effect === 'nothing' ? 'succeeds' : outcome(remove.unknown),
    removeMounted: remove.inUse === 'refuse' ? 'is refused' : 'succeeds',
    removeForgets: remove.effect !== 'nothing',
    mountAgain: uses === 'ids' ? 'is refused' : 'succeeds',
    unmountsForTwoMounts: unmountsNothing ? 0 : uses === 'mounts' ? 2 : 1,
    needsMountId: profile.mountWithoutId === 'empty-mountpoint',
    getKnowsFrom: profile.knownFrom,
    getMountpointUnmounted: profile.getMountpoint === 'always' ? 'present' : 'absent',
    pathUnmounted: pathOf(path.unmounted),
    pathUnknown: pathOf(path.unknown),
  };
}

const mountUnknown = {
  refuse: 'is refused',
  'empty-mountpoint': 'gives an empty mountpoint',
  create: 'creates it',
} as const;

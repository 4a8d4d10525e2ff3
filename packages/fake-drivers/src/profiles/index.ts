import { DomainError } from '@drydock/base/errors';
import type { DriverProfile } from '../profile.ts';
import { flocker, glusterfsCalavera, glusterfsSapk, rexrayCinder, rexrayEbs } from './clustered.ts';
import { convoy04Profiles, convoy05 } from './convoy.ts';
import { localPersist, loopbackId, rcloneId, sshfs } from './traps.ts';

/** Every profile, references first. */
export const driverProfiles: readonly DriverProfile[] = [
  convoy04Profiles.devicemapper,
  convoy05.vfs,
  convoy05.devicemapper,
  flocker,
  glusterfsCalavera,
  glusterfsSapk,
  rexrayEbs,
  rexrayCinder,
  rcloneId,
  localPersist,
  sshfs,
  loopbackId,
];

/** convoy's profiles by version and driver, for `apps/convoy`. */
export const convoyProfiles: Readonly<Record<'0.4' | '0.5', Readonly<Record<'vfs' | 'devicemapper', DriverProfile>>>> =
  { '0.4': convoy04Profiles, '0.5': convoy05 };

/** No profile has that name. */
export class UnknownProfileError extends DomainError<'UNKNOWN_PROFILE'> {
  readonly code = 'UNKNOWN_PROFILE';

  constructor(name: string) {
    const known = driverProfiles.map((profile) => profile.name).join(', ');
    super(`Expected a driver profile, one of ${known}; got "${name}"`);
  }
}

/** @throws UnknownProfileError */
export function findProfile(name: string): DriverProfile {
  const found = driverProfiles.find((profile) => profile.name === name);
  if (found === undefined) throw new UnknownProfileError(name);
  return found;
}

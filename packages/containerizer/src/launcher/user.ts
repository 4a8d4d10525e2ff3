import { DomainError } from '@drydock/base/errors';
import { run } from '@drydock/base/subprocess';

/** A user as the kernel knows it. */
export interface UserIds {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
}

/** The host does not know the user that a command is to run as. */
export class UnknownUserError extends DomainError<'UNKNOWN_USER'> {
  readonly code = 'UNKNOWN_USER';
  readonly user: string;

  constructor(user: string, why: string) {
    super(`Failed to find user '${user}': ${why}`);
    this.user = user;
  }
}

const LOOKUP_MS_MAX = 10_000;

/**
 * Ids of `user`, looked up on the host also for a container with an image, as upstream does.
 *
 * DEVIATION: upstream knows users by name only. Here a number is accepted, too, without an account of its own; its group
 * then is the same number. Images and volumes have owners that the host has no names for.
 * @see src/slave/containerizer/mesos/launch.cpp (uid and gid lookup before chroot::enter)
 */
export async function resolveUser(user: string, options: { signal: AbortSignal }): Promise<UserIds> {
  if (user === 'root' || user === '0') return { uid: 0, gid: 0, additionalGids: [] };
  if (user === '' || user.startsWith('-')) throw new UnknownUserError(user, 'Expected a user name or a numeric id');
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(LOOKUP_MS_MAX)]);
  const account = await run(['getent', 'passwd', user], { signal });
  options.signal.throwIfAborted();
  const [name, , uid, gid] = account.stdout.trim().split(':');
  if (account.exitCode !== 0 || name === undefined || uid === undefined || gid === undefined) {
    if (account.exitCode === 2 && /^\d{1,10}$/.test(user) && Number(user) < 2 ** 32 - 1) {
      return { uid: Number(user), gid: Number(user), additionalGids: [] };
    }
    throw new UnknownUserError(user, account.exitCode === 2 ? 'No such user on this host' : account.stderr.trim());
  }
  const groups = await run(['id', '-G', '--', name], { signal });
  options.signal.throwIfAborted();
  if (groups.exitCode !== 0) throw new UnknownUserError(user, groups.stderr.trim());
  const additionalGids = groups.stdout.trim().split(' ').map(Number);
  return { uid: Number(uid), gid: Number(gid), additionalGids: additionalGids.filter((id) => id !== Number(gid)) };
}

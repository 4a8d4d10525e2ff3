import { describe, expect, it } from 'vitest';
import { resolveUser } from './user.ts';

const resolve = async (user: string): ReturnType<typeof resolveUser> =>
  await resolveUser(user, { signal: AbortSignal.timeout(10_000) });

describe('resolveUser', () => {
  it.each(['root', '0'])('knows %s', async (user) => {
    expect(await resolve(user)).toEqual({ uid: 0, gid: 0, additionalGids: [] });
  });

  it('finds the group of an account by name and by number', async () => {
    const daemon = await resolve('daemon');
    expect(daemon.uid).toBeGreaterThan(0);
    expect(await resolve(String(daemon.uid))).toEqual(daemon);
  });

  it.each(['54321', '4294967294'])('takes the number %s without an account', async (user) => {
    expect(await resolve(user)).toEqual({ uid: Number(user), gid: Number(user), additionalGids: [] });
  });

  it.each([
    ['nobody-here', 'No such user on this host'],
    ['4294967295', 'No such user on this host'],
    ['12x', 'No such user on this host'],
    ['', 'Expected a user name or a numeric id'],
    ['--help', 'Expected a user name or a numeric id'],
  ])('refuses %j', async (user, why) => {
    await expect(resolve(user)).rejects.toThrow(`Failed to find user '${user}': ${why}`);
  });
});

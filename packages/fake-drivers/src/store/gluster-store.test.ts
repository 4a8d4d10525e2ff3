import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startFakeDriver, type StartedFakeDriver } from '../fake-driver.ts';
import { findProfile } from '../profiles/index.ts';
import type { StoreKind } from '../profile.ts';
import { createGlusterStore } from './gluster-store.ts';
import type { StoredVolume } from './volume-store.ts';

let directory: string;
/** Its directory of mounts. */
let mounts: string;
let volume: StoredVolume;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gluster-'));
  mounts = join(directory, 'mounts');
  volume = { key: 'gv0', place: join(mounts, '_glusterfs', 'gv0'), sizeBytes: 0 };
  await mkdir(mounts);
  vi.stubEnv('PATH', `${join(directory, 'bin')}:${process.env['PATH']}`);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

/** A program that stands in for mount(8): it notes its arguments, then runs the script, which has the log's path as $log. */
async function standInMount(script: string): Promise<void> {
  const log = join(mounts, '_glusterfs', 'gv0.log');
  const lines = ['#!/bin/sh', `printf '%s\\n' "$@" > ${join(directory, 'arguments')}`, `log=${log}`, script, ''];
  await mkdir(join(directory, 'bin'));
  await writeFile(join(directory, 'bin', 'mount'), lines.join('\n'), { mode: 0o755 });
}

const store = () => createGlusterStore({ data: mounts, mounts }, { servers: ['10.99.0.1', 'b.example'] });

describe('the store glusterfs', () => {
  it('fails with what mount(8) said and what the client logged as errors, and leaves nothing', async () => {
    const lines = [
      '[2026-11-25 15:12:23.5 +0000] I [MSGID: 100030] [glusterfsd.c:2872:main] 0-glusterfs: Started running',
      "[2026-11-25 15:12:23.5 +0000] E [glusterfsd-mgmt.c:2170:mgmt_getspec_cbk] 0-glusterfs: failed to get the 'volume file'",
      '[2026-11-25 15:12:23.5 +0000] E [MSGID: 114044] [client.c:1:cb] 0-mgmt: SETVOLUME failed [{errno=2}] ',
    ];
    await standInMount(`cat > $log <<'END'\n${lines.join('\n')}\nEND\necho 'Mounting glusterfs failed.' >&2\nexit 1`);
    await expect(store().mount(volume)).rejects.toThrow(
      `Failed to mount 10.99.0.1,b.example:/gv0: Failed to execute: mount [-t glusterfs -o log-level=WARNING,log-file=${volume.place}.log ` +
        `10.99.0.1,b.example:/gv0 ${volume.place}], output Mounting glusterfs failed.\n, error exit status 1; ` +
        "0-glusterfs: failed to get the 'volume file'; 0-mgmt: SETVOLUME failed [{errno=2}]",
    );
    expect((await readFile(join(directory, 'arguments'), 'utf8')).split('\n').slice(0, 2)).toEqual(['-t', 'glusterfs']);
    expect(await readdir(join(mounts, '_glusterfs'))).toEqual([]);
  });

  it('fails when mount(8) succeeds and nothing is mounted', async () => {
    await standInMount('exit 0');
    await expect(store().mount(volume)).rejects.toThrow(
      'Failed to mount 10.99.0.1,b.example:/gv0: the mount did not last',
    );
    expect(await readdir(join(mounts, '_glusterfs'))).toEqual([]);
  });

  it('refuses what names no volume before it runs a program', async () => {
    await standInMount('exit 0');
    for (const key of ['gv0 -o x', 'gv0/dir']) {
      for (const attempt of [store().create({ ...volume, key }), store().mount({ ...volume, key })]) {
        await expect(attempt).rejects.toThrow(`Expected the name of a gluster volume (letters, digits, _ and -)`);
      }
    }
    expect(await readdir(directory)).not.toContain('arguments');
  });

  it('does not remove data of a cluster', async () => {
    await expect(store().destroy(volume)).rejects.toThrow('The data of 10.99.0.1,b.example:/gv0 belong to its cluster');
  });

  it.each(['a b', 'a,b', 'a*'])('refuses the directory %j, which mount.glusterfs(8) would not take as one', (name) => {
    expect(() => createGlusterStore({ data: mounts, mounts: join(mounts, name) }, {})).toThrow(
      `Expected a path of letters, digits and _./@+=- for mounts of gluster, got '${join(mounts, name)}'`,
    );
  });
});

describe('a driver with gluster servers', () => {
  const start = async (profile: string, store: StoreKind, servers: readonly string[]): Promise<StartedFakeDriver> => {
    const driver = { profile: findProfile(profile), socketPath: join(directory, 'd.sock'), directory };
    return await startFakeDriver({ ...driver, store, servers });
  };

  it.each([
    [
      'glusterfs-calavera',
      'glusterfs',
      [],
      'Expected the gluster servers whose volumes glusterfs-calavera is to mount',
    ],
    ['glusterfs-calavera', 'bind', ['host'], 'Expected gluster servers only with the store glusterfs'],
    ['glusterfs-sapk', 'glusterfs', ['host'], 'whose volumes do not name theirs; got glusterfs-sapk'],
    ['glusterfs-calavera', 'glusterfs', ['host', 'a b'], "Expected a host name or IPv4 address, got 'a b'"],
    ['flocker', 'glusterfs', ['host'], 'Expected a store that flocker can use, one of directory; got glusterfs'],
  ] as const)('refuses %s with the store %s and the servers %j', async (profile, store, servers, message) => {
    await expect(start(profile, store, servers)).rejects.toThrow(message);
  });

  it('tells at Create that a name cannot be that of a volume, and knows any that can', async () => {
    await using driver = await start('glusterfs-calavera', 'glusterfs', ['host']);
    await expect(driver.engine.create('a b')).rejects.toThrow("got 'a b'");
    expect(await driver.engine.create('gv0')).toBe('exists');
    expect(await driver.engine.list()).toEqual([]);
  });
});

/** One row per fact that is known of a real driver; the first column says from where. */
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSocketClient } from '../contract/socket-client.ts';
import { startFakeDriver, type StartedFakeDriver } from '../fake-driver.ts';
import { driverProfiles, findProfile } from './index.ts';

let directory: string;
let driver: StartedFakeDriver;

beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'facts-')));
});

afterEach(async () => {
  await driver.stop();
  await rm(directory, { recursive: true });
});

async function start(profile: string): Promise<void> {
  driver = await startFakeDriver({
    socketPath: join(directory, 'd.sock'),
    directory: join(directory, 'own'),
    profile: findProfile(profile),
    store: 'directory',
    shared: { directory: join(directory, 'shared'), pollMs: 2 },
  });
}

/** `Create v1 a=1`, `Mount v1 @id`: what is answered, the test's directory cut off. */
async function say(line: string): Promise<string> {
  const [call = '', Name = '', ...rest] = line.split(' ');
  const pairs = rest.filter((word) => word.includes('=')).map((word) => word.split('=', 2));
  const id = rest.find((word) => word.startsWith('@'))?.slice(1);
  const body = { Name, Opts: Object.fromEntries(pairs) as object, ...(id === undefined ? {} : { ID: id }) };
  const client = createSocketClient(driver.socketPath, { signal: AbortSignal.timeout(10_000) });
  const { status, text } = await client.post(`VolumeDriver.${call}`, body);
  return `${status} ${text.trim().replaceAll(directory, '')}`;
}

const MOUNT_CALAVERA = '200 {"Mountpoint":"/shared/v1"}';
const LEASE = "cannot find lease '";

describe.each([
  [
    'flocker, read',
    'flocker',
    [
      ['Create v1 size=nonsense', '200 {"Err":""}'],
      ['Create v1', '200 {"Err":""}'],
      ['Get v2', '200 {"Err":"Could not find volume with given name."}'],
      ['Mount v2', '200 {"Err":"Could not find volume with given name."}'],
      ['Path v2', '200 {"Err":"Volume not available."}'],
      ['Unmount v2', '200 {"Err":""}'],
      ['Remove v1', '200 {"Err":""}'],
      ['Get v1', /^200 .*"Volume":\{"Name":"v1"/],
      ['Capabilities', /^404 /],
    ],
  ],
  [
    'calavera glusterfs, read',
    'glusterfs-calavera',
    [
      ['Create v1', '200 {}'],
      ['Create v1', '200 {}'],
      ['Get v1', '500 {"Err":"Unable to find volume mounted on /shared/v1"}'],
      ['Path v1', MOUNT_CALAVERA],
      ['Unmount v1', '500 {"Err":"Unable to find volume mounted on /shared/v1"}'],
      ['Mount v1', MOUNT_CALAVERA],
      ['Get v1', '200 {"Volume":{"Name":"v1","Mountpoint":"/shared/v1"}}'],
      ['Mount v1', MOUNT_CALAVERA],
      ['Unmount v1', '200 {}'],
      ['Unmount v1', '200 {}'],
      ['Unmount v1', '200 {}'],
      ['Remove v1', '200 {}'],
      ['Remove vx', '200 {}'],
    ],
  ],
  [
    'sapk gluster, read',
    'glusterfs-sapk',
    [
      ['Create v1', '500 {"Err":"voluri option required"}'],
      ['Create v1 voluri=host:a', '200 {}'],
      ['Mount v1', '200 {"Mountpoint":"/shared/host:a"}'],
      ['Mount v1', '200 {"Mountpoint":"/shared/host:a"}'],
      ['Remove v1', '500 {"Err":"volume v1 is currently used by a container"}'],
      ['Unmount v1', '200 {}'],
      ['Unmount v1', '500 {"Err":"exit status 32"}'],
      ['Get vx', '500 {"Err":"volume vx not found"}'],
    ],
  ],
  [
    'rexray legacy module, read',
    'rexray-ebs',
    [
      ['Create v1 size=1', '200 {}'],
      ['Create V1', '500 {"Err":"volume name already exists"}'],
      ['Path v1', '200 {}'],
      ['Get V1', /"Volume":\{"Name":"v1","Status":\{"name":"v1","size":1,"availabilityZone"/],
      ['Mount vx', '500 {"Err":"resource not found"}'],
      ['Create v2 size=x', /^500 /],
      ['Remove v1', '200 {}'],
    ],
  ],
  [
    'rexray legacy module, read',
    'rexray-cinder',
    [
      ['Create v1 size=1', '200 {}'],
      ['Create v1 size=2', '200 {}'],
      ['Get v1', /"size":1/],
      ['Remove v1', '200 {}'],
      ['Get v1', /"size":2/],
    ],
  ],
  [
    'rclone 1.60.1, run',
    'rclone-id',
    [
      ['Create v1', '500 {"Err":"volume must have either remote or backend type"}'],
      ['Create v1 type=memory x=1', '500 {"Err":"unsupported backend option \\"x\\""}'],
      ['Create v1 type=memory', '200 {}'],
      ['Create v1 type=memory', '500 {"Err":"volume already exists"}'],
      ['Get vx', '500 {"Err":"volume not found"}'],
      ['Unmount v1 @a', '500 {"Err":"volume is not mounted"}'],
      ['Mount v1', '200 {"Mountpoint":"/own/data/v1"}'],
      ['Mount v1', '500 {"Err":"volume is already mounted by this id"}'],
      ['Mount v1 @a', '200 {"Mountpoint":"/own/data/v1"}'],
      ['Unmount v1 @b', '500 {"Err":"volume is not mounted by this id"}'],
      ['Remove v1', '500 {"Err":"volume is in use"}'],
      ['Unmount v1 @a', '200 {}'],
      ['Unmount v1', '200 {}'],
      ['Remove v1', '200 {}'],
    ],
  ],
  [
    'local-persist, read',
    'local-persist',
    [
      ['Create v1', '500 {"Err":"The `mountpoint` option is required"}'],
      ['Create v1 mountpoint=DATA/x', '200 {}'],
      ['Create v1 mountpoint=DATA/y', '500 {"Err":"The volume [v1] already exists"}'],
      ['Mount vx', '200 {"Mountpoint":""}'],
      ['Get vx', '500 {"Err":"No volume found with the name [vx]"}'],
      ['Mount v1', '200 {"Mountpoint":"/own/data/x"}'],
      ['Remove v1', '200 {}'],
      ['Remove v1', '200 {}'],
    ],
  ],
  [
    'vieux sshfs, run and read',
    'sshfs',
    [
      ['Create v1', '500 {"Err":"\'sshcmd\' option required"}'],
      ['Create v1 sshcmd=u@h:/a', '200 {}'],
      ['Create v2 sshcmd=u@h:/a', '200 {}'],
      ['Mount v1', '200 {"Mountpoint":"/own/data/8104eb5ec163c915e382b5f2c3a4eadf"}'],
      ['Mount v1', /^200 /],
      ['Remove v1', '500 {"Err":"volume v1 is currently used by a container"}'],
      ['Create v1 sshcmd=u@h:/a', '200 {}'],
      ['Unmount v1', '200 {}'],
      ['Unmount v1', '500 {"Err":"exit status 32"}'],
      ['Remove v1', '500 {"Err":"volume v1 is currently used by a container"}'],
    ],
  ],
  [
    'docker-volume-loopback, run and read',
    'loopback-id',
    [
      ['Create v1', /^500 /],
      ['Create v1 fs=ext4', '200 {}'],
      ['Create v1 fs=ext4', '200 {}'],
      ['Get v1', '200 {"Volume":{"Name":"v1","Mountpoint":"/own/data/v1"}}'],
      ['Mount v1', '200 {"Mountpoint":""}'],
      ['Unmount v1', `500 {"Err":"Error un-mounting volume 'v1' - ${LEASE}'"}`],
      ['Mount v1 @a', '200 {"Mountpoint":"/own/data/v1"}'],
      ['Remove v1', '200 {}'],
      ['Unmount v1 @a', '200 {}'],
      ['Unmount v1 @a', '500 {"Err":"Volume \'v1\' does not exist"}'],
    ],
  ],
] as const)('%s: %s', (_source, profile, rows) => {
  it('answers a story as the real one would', async () => {
    await start(profile);
    for (const [line, expected] of rows) {
      const answer = await say(line.replace('DATA', join(directory, 'own', 'data')));
      const isAsExpected = typeof expected === 'string' ? answer === expected : expected.test(answer);
      expect(isAsExpected, `${line}: expected ${expected}, got ${answer}`).toBe(true);
    }
  });
});

describe('over a restart', () => {
  it('glusterfs-calavera forgets its mounts, so that Unmount fails', async () => {
    await start('glusterfs-calavera');
    await say('Create v1');
    await say('Mount v1');
    await driver.restart();
    expect(await say('Unmount v1')).toContain('Unable to find volume mounted on');
  });

  it('glusterfs-sapk keeps its count, so that a volume can be in use for ever', async () => {
    await start('glusterfs-sapk');
    await say('Create v1 voluri=host:a');
    await say('Mount v1');
    await driver.restart();
    expect(await say('Remove v1')).toBe('500 {"Err":"volume v1 is currently used by a container"}');
  });

  it('sshfs keeps its volumes and forgets how often they are mounted', async () => {
    await start('sshfs');
    await say('Create v1 sshcmd=u@h:/a');
    await say('Mount v1');
    await driver.restart();
    expect(await say('Get v1')).toMatch(/^200 /);
    expect(await say('Unmount v1')).toBe('500 {"Err":"exit status 32"}');
  });

  it('rclone unmounts when it is told to stop, and remembers the volume', async () => {
    await start('rclone-id');
    await say('Create v1 type=memory');
    await say('Mount v1');
    await driver.stop();
    await start('rclone-id');
    expect(await say('Unmount v1')).toBe('500 {"Err":"volume is not mounted"}');
  });

  it('convoy 0.4 keeps the record of version 1', async () => {
    await start('convoy-0.5-vfs');
    const record = { version: 1, name: 'v1', sizeBytes: 0, createdAt: 1, isMounted: true };
    await writeFile(join(directory, 'own', 'volumes', 'v1.json'), JSON.stringify(record));
    await driver.restart();
    expect(await say('Path v1')).toBe('200 {\n\t"Mountpoint": "/own/data/v1"\n}');
    await say('Unmount v1');
    expect(JSON.parse(await readFile(join(directory, 'own', 'volumes', 'v1.json'), 'utf8'))).toMatchObject({
      version: 2,
    });
  });
});

describe('every profile', () => {
  it('has a name that a plugin can have, a summary and a source', async () => {
    await start('convoy-0.5-vfs');
    for (const { name, summary, source, stores, store } of driverProfiles) {
      expect(name).toMatch(/^[a-z0-9][a-z0-9_.-]*$/);
      expect(summary.length, name).toBeGreaterThan(10);
      expect(source.length, name).toBeGreaterThan(10);
      expect(stores, name).toContain(store);
    }
  });
});

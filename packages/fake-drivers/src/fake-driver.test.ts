import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemFiles, systemRandom } from '@drydock/base/ports';
import { connectVolumeDriver, type VolumeDriverClient } from '@drydock/volume-plugin';
import { SkippingClock } from '@drydock/volume-plugin/fake';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startFakeDriver, type StartedFakeDriver } from './fake-driver.ts';
import { createSocketClient } from './contract/socket-client.ts';
import type { DriverProfile } from './profile.ts';
import { findProfile } from './profiles/index.ts';
import { createManualClock } from './testing/manual-clock.ts';

let directory: string;
const signal = AbortSignal.timeout(60_000);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fake-driver-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function aDriver(faults = ''): Promise<StartedFakeDriver> {
  return await startFakeDriver({
    socketPath: join(directory, 'run', 'd.sock'),
    profile: findProfile('convoy-0.5-vfs'),
    directory: join(directory, 'state'),
    faults,
  });
}

async function aDriverOf(profile: string): Promise<StartedFakeDriver> {
  const socketPath = join(directory, 'run', 'd.sock');
  return await startFakeDriver({ socketPath, profile: findProfile(profile), directory: join(directory, 'state') });
}

async function connect(): Promise<VolumeDriverClient> {
  const directories = { sockets: join(directory, 'run'), specs: [] };
  return await connectVolumeDriver('d', { signal, directories, clock: new SkippingClock() });
}

describe('a fake convoy with vfs', () => {
  it('has a directory of mode 0700 as a volume, mounted until one Unmount', async () => {
    await using _driver = await aDriver();
    using client = await connect();
    await client.create('v1', {}, { signal });
    expect(await client.path('v1', { signal })).toBe('');
    const mountpoint = await client.mount('v1', { signal });
    expect(mountpoint).toBe(join(directory, 'state', 'data', 'v1'));
    expect((await stat(mountpoint)).mode & 0o777).toBe(0o700);
    expect(await client.mount('v1', { signal })).toBe(mountpoint);
    expect(await client.path('v1', { signal })).toBe(mountpoint);
    await client.unmount('v1', { signal });
    await client.unmount('v1', { signal });
    expect(await client.get('v1', { signal })).toEqual({ Name: 'v1' });
  });

  it.each([
    [
      'Mount of an unknown volume',
      "Couldn't find volume.",
      async (c: VolumeDriverClient) => await c.mount('vx', { signal }),
    ],
    [
      'Path of an unknown volume',
      "Couldn't find volume.",
      async (c: VolumeDriverClient) => await c.path('vx', { signal }),
    ],
    [
      'Get of an unknown volume',
      'Could not find volume vx.',
      async (c: VolumeDriverClient) => await c.get('vx', { signal }),
    ],
    [
      'a name of one letter',
      'Invalid volume name a. Can only contain 0-9, a-z, dash(-), underscore(_) and dot(.)',
      async (c: VolumeDriverClient) => await c.create('a', {}, { signal }),
    ],
    [
      'a name that leaves the directory',
      'Invalid volume name ../vx. Can only contain 0-9, a-z, dash(-), underscore(_) and dot(.)',
      async (c: VolumeDriverClient) => await c.create('../vx', {}, { signal }),
    ],
    [
      'a size that is no number',
      'strconv.ParseInt: parsing "abc": invalid syntax',
      async (c: VolumeDriverClient) => await c.create('vx', { size: 'abc' }, { signal }),
    ],
  ])('refuses %s', async (_title, message, call) => {
    await using _driver = await aDriver();
    using client = await connect();
    await expect(call(client)).rejects.toMatchObject({ code: 'DRIVER_ERROR', message });
  });

  it('takes Unmount of an unknown volume for done', async () => {
    await using _driver = await aDriver();
    using client = await connect();
    await expect(client.unmount('vx', { signal })).resolves.toBeUndefined();
  });

  it('keeps data, options and time of a volume that is created again', async () => {
    await using driver = await aDriver();
    using client = await connect();
    await client.create('v1', {}, { signal });
    const before = await driver.engine.get('v1');
    await writeFile(join(await client.mount('v1', { signal }), 'file'), 'x');
    await client.create('v1', { size: '4096' }, { signal });
    expect(await driver.engine.get('v1')).toMatchObject({ ...before });
    expect(await readdir(await client.mount('v1', { signal }))).toEqual(['file']);
  });

  it('keeps the data of a volume that is removed by reference, and deletes it otherwise', async () => {
    await using driver = await aDriver();
    await driver.engine.create('v1');
    await writeFile(join(driver.engine.placeOf('v1'), 'file'), 'x');
    await driver.engine.remove('v1', { keepData: true });
    await driver.engine.create('v1');
    expect(await readdir(driver.engine.placeOf('v1'))).toEqual(['file']);
    await driver.engine.remove('v1', { keepData: false });
    await driver.engine.create('v1');
    expect(await readdir(driver.engine.placeOf('v1'))).toEqual([]);
  });

  it('does not remove a mounted volume', async () => {
    await using driver = await aDriver();
    await driver.engine.create('v1');
    await driver.engine.mount('v1');
    const removing = driver.engine.remove('v1', { keepData: false });
    await expect(removing).rejects.toThrow('Cannot delete volume v1. It is still mounted');
  });

  it('knows its volumes and what is mounted after a restart', async () => {
    {
      await using driver = await aDriver();
      await driver.engine.create('v1');
      await driver.engine.create('v2');
      await driver.engine.mount('v2');
    }
    await using driver = await aDriver();
    const volumes = await driver.engine.list();
    expect(volumes.map(({ name, mountpoint }) => [name, mountpoint !== undefined])).toEqual([
      ['v1', false],
      ['v2', true],
    ]);
  });

  it.each([
    ['half a record', 'v1.json', '{"version":1,'],
    [
      'a record of another version',
      'v1.json',
      '{"version":3,"name":"v1","sizeBytes":0,"createdAt":1,"isMounted":false}',
    ],
    [
      'a record of another volume',
      'v1.json',
      '{"version":1,"name":"v2","sizeBytes":0,"createdAt":1,"isMounted":false}',
    ],
  ])('does not start with %s', async (_title, file, content) => {
    await mkdir(join(directory, 'state', 'volumes'), { recursive: true });
    await writeFile(join(directory, 'state', 'volumes', file), content);
    await expect(aDriver()).rejects.toMatchObject({ code: 'BROKEN_VOLUME_RECORD' });
  });

  it('starts with what an interrupted write left behind', async () => {
    const records = join(directory, 'state', 'volumes');
    await mkdir(records, { recursive: true });
    await writeFile(join(records, '.v1.json.0123456789ab.tmp'), '{"ver');
    await using driver = await aDriver();
    expect(await driver.engine.list()).toEqual([]);
    expect(await readdir(records)).toEqual([]);
  });
});

describe('a fake driver with faults', () => {
  it.each([
    ['mount: error(no space)', 'DRIVER_ERROR', 'no space'],
    ['mount: malformed', 'BAD_PLUGIN_REPLY', 'unexpected EOF'],
    ['mount: empty', 'BAD_PLUGIN_REPLY', 'EOF'],
  ])('answers Mount as `%s` says', async (faults, code, message) => {
    await using driver = await aDriver(faults);
    using client = await connect();
    await client.create('v1', {}, { signal });
    await expect(client.mount('v1', { signal })).rejects.toMatchObject({ code, message });
    expect((await driver.engine.get('v1'))?.mountpoint).toBeUndefined();
  });

  it.each(['', 'relative/path', '/does/not/exist'])('answers the mountpoint %j', async (path) => {
    await using _driver = await aDriver(`mount: mountpoint(${path})`);
    using client = await connect();
    expect(await client.mount('v1', { signal })).toBe(path);
  });

  it('does not answer a call that hangs, and stops all the same', async () => {
    await using driver = await aDriver('mount: hang');
    using client = await connect();
    const abort = new AbortController();
    const mounting = client.mount('v1', { signal: abort.signal });
    await expect.poll(() => driver.requests().length).toBe(2);
    abort.abort(new Error('enough'));
    await expect(mounting).rejects.toThrow('enough');
  });

  it('can be given other faults while it runs', async () => {
    await using driver = await aDriver('get: error(one)');
    using client = await connect();
    await expect(client.get('v1', { signal })).rejects.toThrow('one');
    driver.useFaults('get: error(two)');
    await expect(client.get('v1', { signal })).rejects.toThrow('two');
  });

  it('records what it is asked', async () => {
    await using driver = await aDriver();
    using client = await connect();
    await client.create('v1', { size: '4096' }, { signal });
    expect(driver.requests().map(({ method, request }) => [method, request])).toEqual([
      ['Plugin.Activate', { Name: '', Opts: {} }],
      ['VolumeDriver.Create', { Name: 'v1', Opts: { size: '4096' } }],
    ]);
  });
});

describe('a fake driver whose real one goes where it is told', () => {
  it.each([
    ['rclone-id', '../evil', { type: 'memory' }],
    ['local-persist', 'v1', { mountpoint: '/etc/drydock' }],
  ])('refuses a place outside of its directory: %s', async (profile, name, options) => {
    await using _driver = await aDriverOf(profile);
    using client = await connect();
    await expect(client.create(name, options, { signal })).rejects.toThrow('which this driver does not leave');
  });

  it('does not follow a link that a task left in a volume', async () => {
    await using driver = await aDriverOf('local-persist');
    using client = await connect();
    const data = join(directory, 'state', 'data');
    await client.create('v1', { mountpoint: join(data, 'v1') }, { signal });
    await symlink('/etc', join(await client.mount('v1', { signal }), 'link'));
    const creating = client.create('v2', { mountpoint: join(data, 'v1', 'link', 'drydock') }, { signal });
    await expect(creating).rejects.toThrow('which this driver does not leave');
    expect(await driver.engine.list()).toHaveLength(1);
  });
});

describe('a fake driver that takes its time', () => {
  it('draws it between the ends that the profile gives, the same for the same seed', async () => {
    const slept = async (seed: number): Promise<readonly number[]> => {
      const clock = createManualClock();
      const profile: DriverProfile = { ...findProfile('convoy-0.5-vfs'), latencyMs: { 'VolumeDriver.Get': [10, 50] } };
      await using driver = await startFakeDriver({
        socketPath: join(directory, 'run', 'd.sock'),
        directory: join(directory, 'state'),
        profile,
        seed,
        ports: { files: systemFiles, clock, random: systemRandom },
      });
      const client = createSocketClient(driver.socketPath, { signal });
      for (let count = 0; count < 5; count++) await client.post('VolumeDriver.Get', { Name: 'vx' });
      await client.post('VolumeDriver.List', {});
      return clock.slept;
    };
    const first = await slept(3);
    expect(first).toHaveLength(5);
    for (const ms of first) expect(ms >= 10 && ms <= 50).toBe(true);
    expect(await slept(3)).toEqual(first);
    expect(await slept(4)).not.toEqual(first);
  });
});

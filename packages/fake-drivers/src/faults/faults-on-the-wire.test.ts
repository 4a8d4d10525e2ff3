import { mkdtemp, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSocketClient, type SocketClient } from '../contract/socket-client.ts';
import { startFakeDriver, type StartedFakeDriver } from '../fake-driver.ts';
import { findProfile } from '../profiles/index.ts';

let directory: string;
let driver: StartedFakeDriver;
let client: SocketClient;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'faults-'));
});

afterEach(async () => {
  await driver.stop();
  await rm(directory, { recursive: true });
});

async function start(faults: string, profile = 'convoy-0.5-vfs'): Promise<void> {
  const socketPath = join(directory, 'd.sock');
  driver = await startFakeDriver({
    socketPath,
    profile: findProfile(profile),
    directory: join(directory, 's'),
    faults,
  });
  client = createSocketClient(socketPath, { signal: AbortSignal.timeout(10_000) });
  await client.post('VolumeDriver.Create', { Name: 'v1' });
}

/** Whichever end notices first. */
const BROKEN = /socket hang up|EPIPE|ECONNRESET/;

const mount = async (name = 'v1') => await client.post('VolumeDriver.Mount', { Name: name });
const isMounted = async (): Promise<boolean> => (await driver.engine.get('v1'))?.mountpoint !== undefined;

describe('a fault of Mount', () => {
  it.each([
    ['error(busy)', { status: 200, json: { Err: 'busy' } }],
    ['err200(busy)', { status: 200, json: { Err: 'busy' } }],
    ['err500(busy)', { status: 500, json: { Err: 'busy' } }],
    ['notfound', { status: 404, text: 'Handler not found: POST /VolumeDriver.Mount\n' }],
    ['malformed', { status: 200, json: undefined }],
    ['empty', { status: 200, text: '' }],
    ['wrongtype', { status: 200, json: { Mountpoint: 42 } }],
    ['mountpoint()', { status: 200, json: { Mountpoint: '' } }],
    ['mountpoint(relative/path)', { json: { Mountpoint: 'relative/path' } }],
    ['mountpoint(/etc)', { json: { Mountpoint: '/etc' } }],
  ])('%s is answered so, and nothing is mounted', async (fault, expected) => {
    await start(`mount: ${fault}`);
    expect(await mount()).toMatchObject(expected);
    expect(await isMounted()).toBe(false);
  });

  it.each([
    ['drop(before)', false, BROKEN],
    ['drop(after)', true, BROKEN],
    ['partial', true, /aborted|cut off/],
  ])('%s breaks the connection; mounted: %s', async (fault, mounted, message) => {
    await start(`mount: 1*${fault}`);
    await expect(mount()).rejects.toThrow(message);
    expect(await isMounted()).toBe(mounted);
    expect(driver.requests().at(-1)).toMatchObject({ outcome: fault === 'partial' ? 'done' : 'no-answer' });
  });

  it.each([
    ['crash(before)', false],
    ['crash(after)', true],
  ])('%s silences the driver; mounted: %s', async (fault, mounted) => {
    await start(`mount: ${fault}`);
    await expect(mount()).rejects.toThrow(BROKEN);
    await expect(client.post('VolumeDriver.Get', { Name: 'v1' })).rejects.toThrow(BROKEN);
    expect(await isMounted()).toBe(mounted);
  });

  it('link answers a link to what is mounted', async () => {
    await start('mount: link');
    const { Mountpoint } = (await mount()).json ?? {};
    expect(await readlink(String(Mountpoint))).toBe(driver.engine.placeOf('v1'));
    expect(await isMounted()).toBe(true);
  });

  it('huge answers blanks first', async () => {
    await start('mount: huge(2)');
    const { text, json } = await mount();
    expect(text.length).toBeGreaterThan(2 * 1024 * 1024);
    expect(json).toHaveProperty('Mountpoint');
  });

  it('slow answers a byte at a time, and does not keep the driver from stopping', async () => {
    await start('mount: 1*slow(1) -> slow(60000)');
    expect((await mount()).json).toHaveProperty('Mountpoint');
    const cut = mount().catch((error: unknown) => error);
    await expect.poll(() => driver.requests().at(-1)?.outcome).toBe('done');
    await driver.stop();
    expect(await cut).toBeInstanceOf(Error);
  });

  it('delay lets the call be done later, and others meanwhile', async () => {
    await start('mount: 1*delay(5000-60000)');
    const late = mount().catch((error: unknown) => error);
    await expect.poll(() => driver.requests().length).toBe(2);
    expect((await client.post('VolumeDriver.Get', { Name: 'v1' })).status).toBe(200);
    await driver.stop();
    expect(await late).toMatchObject({ status: 500 });
  });
});

describe('a restart', () => {
  it.each([
    ['convoy-0.5-vfs', 'kept', { Volume: { Name: 'v1' } }],
    ['convoy-0.5-vfs', 'lost', { Err: 'Could not find volume v1.' }],
    ['glusterfs-sapk', 'kept', { Err: 'volume v1 not found' }],
  ])('of %s with its state %s', async (profile, state, expected) => {
    await start(`get: 1*restart(${state})`, profile);
    await expect(client.post('VolumeDriver.Get', { Name: 'v1' })).rejects.toThrow(BROKEN);
    expect((await client.post('VolumeDriver.Get', { Name: 'v1' })).json).toEqual(expected);
  });

  it('with torn state is refused by a driver that forgets nothing, and goes unnoticed by one that does', async () => {
    await start('');
    await expect(driver.restart('torn')).rejects.toMatchObject({ code: 'BROKEN_VOLUME_RECORD' });
    await driver.stop();
    await rm(directory, { recursive: true });
    await start('', 'rclone-id');
    await client.post('VolumeDriver.Create', { Name: 'v2', Opts: { type: 'memory' } });
    await driver.restart('torn');
    expect(await driver.engine.list()).toEqual([]);
  });
});

describe('faults of one volume', () => {
  it('come with the options of its Create', async () => {
    await start('');
    await client.post('VolumeDriver.Create', { Name: 'v2', Opts: { 'drydock.faults': 'mount: 1*error(only v2)' } });
    expect((await mount()).json).toHaveProperty('Mountpoint');
    expect((await mount('v2')).json).toEqual({ Err: 'only v2' });
    expect((await mount('v2')).json).toHaveProperty('Mountpoint');
  });

  it('refuse the Create when they cannot be read', async () => {
    await start('');
    const created = await client.post('VolumeDriver.Create', { Name: 'v2', Opts: { 'drydock.faults': 'mount: nope' } });
    expect(created.text).toContain('in faults "mount: nope"');
    expect(await driver.engine.get('v2')).toBeUndefined();
  });
});

describe('the control endpoint', () => {
  const control = async (verb: string, path: string, body = ''): Promise<unknown> =>
    (await client.send(verb, `/drydock/${path}`, body)).json;

  it('sets faults', async () => {
    await start('');
    expect(await control('PUT', 'faults', 'mount: error(x)\n')).toEqual({ faults: 'mount: error(x)' });
    expect((await mount()).json).toEqual({ Err: 'x' });
    expect(await control('PUT', 'faults', 'mount: nope')).toHaveProperty('error');
    expect(await control('GET', 'faults')).toEqual({ faults: 'mount: error(x)' });
    expect(await control('PUT', 'faults', '')).toEqual({ faults: '' });
    expect((await mount()).json).toHaveProperty('Mountpoint');
  });

  it('tells requests, volumes, misuses and the profile with its seed', async () => {
    await start('');
    await mount('vx');
    expect(await control('GET', 'requests')).toMatchObject({
      requests: [
        { method: 'VolumeDriver.Create', request: { Name: 'v1' }, outcome: 'done' },
        { method: 'VolumeDriver.Mount', request: { Name: 'vx' }, outcome: 'refused' },
      ],
    });
    expect(await control('GET', 'volumes')).toMatchObject({ volumes: [{ name: 'v1' }] });
    expect(await control('GET', 'profile')).toMatchObject({ profile: { name: 'convoy-0.5-vfs' }, seed: driver.seed });
    expect(await control('GET', 'misuses')).toMatchObject({
      misuses: [{}, {}, { kind: 'use-of-unknown', volume: 'vx' }],
    });
  });

  it('restarts the driver', async () => {
    await start('');
    expect(await control('POST', 'restart', 'lost')).toEqual({ state: 'lost' });
    expect(await control('GET', 'volumes')).toEqual({ volumes: [] });
    expect(await control('POST', 'restart', 'nope')).toEqual({ error: 'Expected kept, lost or torn, got "nope"' });
  });
});

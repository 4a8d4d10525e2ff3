/** One row per fact that was observed of the real convoy 0.5.2 and 0.4.3 with vfs. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSocketClient, type WireAnswer } from '@drydock/fake-drivers/contract';
import { callSequences, connectVolumeDriver } from '@drydock/volume-plugin';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reportFailure, runClientCommand, type Output } from './client/client.ts';
import { parseCommandLine } from './command-line.ts';
import { startDaemon, type StartedDaemon } from './daemon/daemon.ts';
import { versionLine } from './version.ts';

let directory: string;
let daemon: StartedDaemon;
let compat: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'convoy-'));
});

afterEach(async () => {
  await daemon.stop();
  await rm(directory, { recursive: true });
});

const socketPath = (): string => join(directory, 'convoy.sock');

async function start(version: string, ...argv: string[]): Promise<void> {
  compat = version;
  const places = ['--root', join(directory, 'root'), '--socket', socketPath(), '--plugin-spec-dir', directory];
  const line = parseCommandLine(['daemon', '--drivers', 'vfs', '--compat', version, ...places, ...argv]);
  if (line.kind !== 'daemon') throw new Error('not a daemon command line');
  daemon = await startDaemon(line.flags);
}

interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
}

async function convoy(line: string): Promise<Outcome> {
  let stdout = '';
  const output: Output = { stdout: (text) => (stdout += text), stderr: () => undefined };
  const parsed = parseCommandLine(['--socket', socketPath(), '--compat', compat, ...line.split(' ')]);
  const exitCode =
    'global' in parsed ? await runClientCommand(parsed, output) : reportFailure(new Error('no command'), output);
  return { exitCode, stdout };
}

const call = async (method: string, body: object | string): Promise<WireAnswer> =>
  await createSocketClient(socketPath(), { signal: AbortSignal.timeout(10_000) }).post(method, body);

const failed = (text: string): Outcome => ({ exitCode: 1, stdout: `{\n\t"Error": ${JSON.stringify(text)}\n}\n` });
const fromServer = (text: string): Outcome => failed(`Error response from server, ${text}\n`);
const done = (stdout: string): Outcome => ({ exitCode: 0, stdout });

describe('the command line of convoy 0.5.2', () => {
  it.each([
    ['create v2', done('v2\n')],
    ['create v2 --driver vfs --size 1G', done('v2\n')],
    ['create --id x --type gp2 --iops 100 --vm v2', done('v2\n')],
    ['create v1', fromServer('Volume v1 already exists ')],
    ['create v2 --driver ebs', fromServer('Cannot find driver ebs')],
    ['create v2 --size abc', failed('strconv.ParseInt: parsing "abc": invalid syntax')],
    ['create v2 --backup vfs:///b', fromServer('Backups are not supported')],
    ['mount v1 --mountpoint /m', fromServer("VFS doesn't support specified mount point")],
    ['mount vx', fromServer("volume vx doesn't exist")],
    ['umount v1', done('\n')],
    ['umount vx', fromServer("volume vx doesn't exist")],
    ['delete v1', done('\n')],
    ['delete', done('')],
    ['inspect vx', fromServer('Volume not found.')],
    ['snapshot create v1', failed('Snapshots are not supported')],
    ['snapshot inspect s1', failed('Snapshots are not supported')],
    ['snapshot delete s1', failed('Snapshots are not supported')],
    ['backup create s1 --dest vfs:///b', failed('Backups are not supported')],
    ['backup list vfs:///b', failed('Backups are not supported')],
    ['backup inspect vfs:///b?backup=b1', failed('Backups are not supported')],
    ['backup delete vfs:///b?backup=b1', failed('Backups are not supported')],
  ])('`convoy %s`', async (line, expected) => {
    await start('0.5');
    await convoy('create v1');
    expect(await convoy(line)).toEqual(expected);
  });

  it('deletes several volumes, with a line for each failure and the last one as the error', async () => {
    await start('0.5');
    await convoy('create v1');
    const error = failed('Error response from server, Volume not found.\n');
    const line = 'Error deleting vx: Error response from server, Volume not found.\n\n';
    expect(await convoy('delete vx v1')).toEqual({ ...error, stdout: `${line}\n${error.stdout}` });
  });

  it('refuses to delete a mounted volume', async () => {
    await start('0.5');
    await convoy('create v1');
    await convoy('mount v1');
    const { exitCode, stdout } = await convoy('delete v1');
    expect(exitCode).toBe(1);
    expect(stdout).toContain(
      'Error deleting v1: Error response from server, Cannot delete volume v1. It is still mounted',
    );
  });

  it('shows a volume with these keys in this order, by name', async () => {
    await start('0.5');
    await convoy('create v1');
    const { v1 } = JSON.parse((await convoy('list')).stdout) as { v1: { DriverInfo: object } };
    expect(Object.keys(v1)).toEqual(['Name', 'Driver', 'MountPoint', 'CreatedTime', 'DriverInfo', 'Snapshots']);
    expect(Object.keys(v1.DriverInfo)).toEqual([
      'Driver',
      'MountPoint',
      'Path',
      'PrepareForVM',
      'Size',
      'VolumeCreatedAt',
      'VolumeName',
    ]);
    expect(JSON.parse((await convoy('list --driver')).stdout)).toEqual({ v1: v1.DriverInfo });
    expect(JSON.parse((await convoy('inspect v1')).stdout)).toEqual(v1);
  });

  it('shows only name and mountpoint of a verbose mount', async () => {
    await start('0.5');
    await convoy('create v1');
    expect(JSON.parse((await convoy('--verbose mount v1')).stdout)).toEqual({
      Name: 'v1',
      Driver: '',
      MountPoint: join(directory, 'root', 'vfs', 'v1'),
      CreatedTime: '',
      DriverInfo: null,
      Snapshots: null,
    });
  });

  it('tells its settings', async () => {
    await start('0.5', '--ignore-docker-delete', '--cmd-timeout', '1m');
    const { General, vfs } = JSON.parse((await convoy('info')).stdout) as { General: object; vfs: object };
    expect(General).toEqual({
      Version: '0.5.2',
      Root: join(directory, 'root'),
      DriverList: ['vfs'],
      DefaultDriver: 'vfs',
      MountNamespaceFD: '',
      IgnoreDockerDelete: true,
      CreateOnDockerMount: false,
      CmdTimeout: '1m',
    });
    expect(vfs).toMatchObject({ Driver: 'vfs', Path: join(directory, 'root', 'vfs') });
  });

  it('says its version', () => {
    expect(versionLine('0.5')).toBe('Convoy version v0.5.2\n');
  });
});

describe('the command line of convoy 0.4.3', () => {
  const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

  it('shows volumes by UUID, and takes it for the name', async () => {
    await start('0.4');
    const { stdout } = await convoy('create v1');
    const id = stdout.trim();
    expect(id).toMatch(uuid);
    const volumes = JSON.parse((await convoy('list')).stdout) as Record<string, { DriverInfo: object }>;
    expect(Object.keys(volumes)).toEqual([id]);
    expect(Object.keys(volumes[id] ?? {})).toEqual([
      'UUID',
      'Name',
      'Driver',
      'MountPoint',
      'CreatedTime',
      'DriverInfo',
      'Snapshots',
    ]);
    expect(Object.keys(volumes[id]?.DriverInfo ?? {})).toEqual([
      'Driver',
      'MountPoint',
      'Path',
      'PrepareForVM',
      'Size',
    ]);
    expect(JSON.parse((await convoy(`inspect ${id}`)).stdout)).toMatchObject({ UUID: id, Name: 'v1' });
    expect(JSON.parse((await convoy(`--verbose mount ${id}`)).stdout)).toMatchObject({
      UUID: id,
      Name: '',
      Driver: '',
    });
    expect(await convoy('create v1')).toEqual(
      fromServer(`Volume name v1 already associate locally with volume UUID ${id} `),
    );
    expect(await convoy('delete v1')).toEqual(fromServer(`Cannot delete volume ${id}. It is still mounted`));
    expect(await convoy('umount v1')).toEqual(done('\n'));
    expect(await convoy(`delete ${id}`)).toEqual(done('\n'));
  });

  it('words a mount of an unknown volume itself, and makes up shorter names', async () => {
    await start('0.4');
    expect(await convoy('mount vx')).toEqual(failed('Cannot find volume with name or id vx'));
    await convoy('create');
    const [volume] = Object.values(JSON.parse((await convoy('list')).stdout) as Record<string, { Name: string }>);
    expect(volume?.Name).toMatch(/^volume-[0-9a-f]{8}$/);
    expect(Object.keys((JSON.parse((await convoy('info')).stdout) as { General: object }).General)).toHaveLength(4);
    expect(versionLine('0.4')).toBe('convoy version 0.4.3\n');
  });
});

describe('the plugin API of convoy 0.5.2', () => {
  const found = "Couldn't find volume.";

  it.each([
    ['Plugin.Activate', {}, { Implements: ['VolumeDriver'] }],
    ['VolumeDriver.Create', { Name: 'v2' }, {}],
    ['VolumeDriver.Create', { Name: 'v1', Opts: { size: '1G' } }, {}],
    ['VolumeDriver.Create', { Name: 'v2', Opts: { unknown: 'x', id: 'x', vm: 'true' } }, {}],
    [
      'VolumeDriver.Create',
      { Name: 'a' },
      { Err: 'Invalid volume name a. Can only contain 0-9, a-z, dash(-), underscore(_) and dot(.)' },
    ],
    [
      'VolumeDriver.Create',
      { Name: 'v2', Opts: { size: 'abc' } },
      { Err: 'strconv.ParseInt: parsing "abc": invalid syntax' },
    ],
    ['VolumeDriver.Create', { Name: 'v2', Opts: { driver: 'X' } }, { Err: 'Cannot find driver X' }],
    ['VolumeDriver.Create', { Name: 'v2', Opts: { backup: 'vfs:///b' } }, { Err: 'Option backup is not supported' }],
    ['VolumeDriver.Create', '', { Err: 'EOF' }],
    ['VolumeDriver.Mount', { Name: 'vx' }, { Err: found }],
    ['VolumeDriver.Unmount', { Name: 'v1' }, {}],
    ['VolumeDriver.Unmount', { Name: 'vx' }, {}],
    ['VolumeDriver.Path', { Name: 'vx' }, { Err: found }],
    ['VolumeDriver.Path', { Name: 'v1' }, {}],
    ['VolumeDriver.Get', { Name: 'vx' }, { Err: 'Could not find volume vx.' }],
    ['VolumeDriver.Get', { Name: 'v1' }, { Volume: { Name: 'v1' } }],
    ['VolumeDriver.List', {}, { Volumes: [{ Name: 'v1' }] }],
    ['VolumeDriver.Capabilities', {}, { Capabilities: { Scope: 'local' } }],
    ['VolumeDriver.Remove', { Name: 'v1' }, {}],
    ['VolumeDriver.Remove', { Name: 'vx' }, {}],
  ])('%s %j', async (method, body, expected) => {
    await start('0.5');
    await convoy('create v1');
    const answer = await call(method, body);
    expect(answer).toMatchObject({ status: 200, contentType: 'text/plain; charset=utf-8', json: expected });
    expect(answer.text).toBe(JSON.stringify(expected, undefined, '\t'));
  });

  it('mounts twice and unmounts once', async () => {
    await start('0.5');
    await convoy('create v1');
    const Mountpoint = join(directory, 'root', 'vfs', 'v1');
    expect((await call('VolumeDriver.Mount', { Name: 'v1', ID: 'one' })).json).toEqual({ Mountpoint });
    expect((await call('VolumeDriver.Mount', { Name: 'v1' })).json).toEqual({ Mountpoint });
    expect((await call('VolumeDriver.Get', { Name: 'v1' })).json).toEqual({ Volume: { Name: 'v1', Mountpoint } });
    expect((await call('VolumeDriver.Path', { Name: 'v1' })).json).toEqual({ Mountpoint });
    expect((await call('VolumeDriver.Remove', { Name: 'v1' })).json).toEqual({
      Err: 'Cannot delete volume v1. It is still mounted',
    });
    expect((await call('VolumeDriver.Unmount', { Name: 'v1' })).json).toEqual({});
    expect((await call('VolumeDriver.Path', { Name: 'v1' })).json).toEqual({});
  });

  it('answers what it does not have with 404', async () => {
    await start('0.5');
    const answer = { status: 404, text: 'Handler not found: POST /VolumeDriver.X\n' };
    expect(await call('VolumeDriver.X', {})).toMatchObject(answer);
  });

  it('removes nothing with --ignore-docker-delete, also not while mounted', async () => {
    await start('0.5', '--ignore-docker-delete');
    await convoy('create v1');
    await convoy('mount v1');
    expect((await call('VolumeDriver.Remove', { Name: 'v1' })).json).toEqual({});
    expect((await call('VolumeDriver.Get', { Name: 'v1' })).json).toHaveProperty('Volume');
  });

  it('creates what it is to mount with --create-on-docker-mount', async () => {
    await start('0.5', '--create-on-docker-mount');
    expect((await call('VolumeDriver.Mount', { Name: 'v9' })).json).toEqual({
      Mountpoint: join(directory, 'root', 'vfs', 'v9'),
    });
  });
});

describe('the plugin API of convoy 0.4.3', () => {
  it.each(['VolumeDriver.Get', 'VolumeDriver.List', 'VolumeDriver.Capabilities'])('has no %s', async (method) => {
    await start('0.4');
    expect(await call(method, { Name: 'v1' })).toMatchObject({
      status: 404,
      text: `Handler not found: POST /${method}\n`,
    });
  });

  it('lets dvdcli 0.2 mount and never unmount', async () => {
    await start('0.4');
    const signal = AbortSignal.timeout(10_000);
    const calls = callSequences['dvdcli-0.2'];
    using client = await connectVolumeDriver('convoy', {
      signal,
      directories: { sockets: directory, specs: [] },
    });
    expect(await calls.mount(client, 'v1', {}, { signal })).toBe(join(directory, 'root', 'vfs', 'v1'));
    await expect(calls.unmount(client, 'v1', { signal })).rejects.toThrow(
      'VolumeDriver.Get: Handler not found: POST /VolumeDriver.Get',
    );
  });
});

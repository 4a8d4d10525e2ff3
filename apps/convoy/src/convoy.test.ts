import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reportFailure, runClientCommand, type Output } from './client/client.ts';
import { parseCommandLine } from './command-line.ts';
import { startDaemon, type StartedDaemon } from './daemon/daemon.ts';

let directory: string;
let daemon: StartedDaemon | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'convoy-'));
});

afterEach(async () => {
  await daemon?.stop();
  daemon = undefined;
  await rm(directory, { recursive: true });
});

async function start(...argv: string[]): Promise<StartedDaemon> {
  const standard = [
    '--root',
    join(directory, 'root'),
    '--socket',
    socketPath(),
    '--plugin-spec-dir',
    join(directory, 'etc'),
  ];
  const line = parseCommandLine(['daemon', '--drivers', 'vfs', ...standard, ...argv]);
  if (line.kind !== 'daemon') throw new Error('not a daemon command line');
  daemon = await startDaemon(line.flags);
  return daemon;
}

const socketPath = (): string => join(directory, 'run', 'convoy.sock');
const specPath = (): string => join(directory, 'etc', 'convoy.spec');

interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function convoy(...argv: string[]): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  const output: Output = { stdout: (text) => (stdout += text), stderr: (text) => (stderr += text) };
  const line = parseCommandLine(['--socket', socketPath(), ...argv]);
  const exitCode =
    'global' in line ? await runClientCommand(line, output) : reportFailure(new Error('no client command'), output);
  return { exitCode, stdout, stderr: stderr.replaceAll(/time="[^"]+" /g, '') };
}

function failure(text: string, before = ''): Outcome {
  const json = JSON.stringify(text);
  return { exitCode: 1, stdout: `${before}{\n\t"Error": ${json}\n}\n`, stderr: `level=error msg=${json} \n` };
}

const success = (stdout: string): Outcome => ({ exitCode: 0, stdout, stderr: '' });

describe('the convoy command line', () => {
  it('creates, shows, mounts, umounts and deletes a volume', async () => {
    await start();
    const mountpoint = join(directory, 'root', 'vfs', 'v1');
    expect(await convoy('list')).toEqual(success('{}\n'));
    expect(await convoy('create', 'v1')).toEqual(success('v1\n'));
    expect(await convoy('mount', 'v1')).toEqual(success(`${mountpoint}\n`));
    const { stdout } = await convoy('list');
    expect(stdout).toMatch(/^\{\n\t"v1": \{\n\t\t"Name": "v1",\n\t\t"Driver": "vfs",\n\t\t"MountPoint": "/);
    expect(stdout).toMatch(/"CreatedTime": "\w{3} \w{3} \d\d \d\d:\d\d:\d\d \+0000 \d{4}"/);
    expect(JSON.parse(stdout)).toMatchObject({
      v1: { MountPoint: mountpoint, DriverInfo: { Size: '0' }, Snapshots: {} },
    });
    expect(await convoy('umount', 'v1')).toEqual(success('\n'));
    expect(await convoy('umount', 'v1')).toEqual(success('\n'));
    expect(JSON.parse((await convoy('inspect', 'v1')).stdout)).toMatchObject({ Name: 'v1', MountPoint: '' });
    expect(await convoy('delete', 'v1')).toEqual(success('\n'));
    expect(await convoy('list')).toEqual(success('{}\n'));
    await expect(stat(mountpoint)).rejects.toThrow('ENOENT');
  });

  it('makes up a name for a volume without one', async () => {
    await start();
    expect((await convoy('create')).stdout).toMatch(/^volume-[0-9a-f]{16}\n$/);
  });

  it('shows a created volume as JSON when it is to be verbose', async () => {
    await start();
    expect(JSON.parse((await convoy('--verbose', 'create', 'v1')).stdout)).toMatchObject({ Name: 'v1', Driver: 'vfs' });
  });

  it('keeps the data of a volume that is deleted by reference', async () => {
    await start();
    await convoy('create', 'v1');
    await writeFile(join(directory, 'root', 'vfs', 'v1', 'file'), 'x');
    expect(await convoy('delete', '-r', 'v1')).toEqual(success('\n'));
    expect(await readFile(join(directory, 'root', 'vfs', 'v1', 'file'), 'utf8')).toBe('x');
  });

  const server = (text: string): string => `Error response from server, ${text}\n`;

  it.each([
    ['create v1', server('Volume v1 already exists ')],
    ['create a', server('Invalid volume name a. Can only contain 0-9, a-z, dash(-), underscore(_) and dot(.)')],
    ['create ../v2', server('Invalid volume name ../v2. Can only contain 0-9, a-z, dash(-), underscore(_) and dot(.)')],
    ['create v2 --driver ebs', server('Cannot find driver ebs')],
    ['create v2 --size abc', 'strconv.ParseInt: parsing "abc": invalid syntax'],
    ['mount vx', server("volume vx doesn't exist")],
    ['mount v1 --mountpoint /m', server("VFS doesn't support specified mount point")],
    ['umount vx', server("volume vx doesn't exist")],
    ['inspect vx', server('Volume not found.')],
  ])('refuses `convoy %s`', async (line, message) => {
    await start();
    await convoy('create', 'v1');
    expect(await convoy(...line.split(' '))).toEqual(failure(message));
  });

  it('tries to delete every volume and tells which could not be', async () => {
    await start();
    await convoy('create', 'v1');
    await convoy('create', 'v2');
    await convoy('mount', 'v2');
    const mounted = server('Cannot delete volume v2. It is still mounted');
    const missing = server('Volume not found.');
    const lines = `Error deleting vx: ${missing}\n\nError deleting v2: ${mounted}\n`;
    expect(await convoy('delete', 'vx', 'v1', 'v2')).toEqual(failure(mounted, lines));
  });

  it('says that there is no daemon', async () => {
    const { exitCode, stdout } = await convoy('list');
    expect(exitCode).toBe(1);
    expect(stdout).toContain(`dial unix ${socketPath()}: connect: no such file or directory`);
  });
});

describe('the convoy daemon', () => {
  it('announces itself while it serves', async () => {
    await start();
    expect(await readFile(specPath(), 'utf8')).toBe(`unix://${socketPath()}\n`);
    await daemon?.stop();
    await expect(stat(specPath())).rejects.toThrow('ENOENT');
    await expect(stat(socketPath())).rejects.toThrow('ENOENT');
  });

  it('takes another plugin name', async () => {
    await start('--plugin-name', 'second');
    expect(await readFile(join(directory, 'etc', 'second.spec'), 'utf8')).toBe(`unix://${socketPath()}\n`);
  });

  it('does not start where its name is announced for another socket, and keeps that file', async () => {
    await mkdir(join(directory, 'etc'));
    await writeFile(specPath(), 'unix:///run/real.sock');
    await expect(start()).rejects.toThrow(`${specPath()} already announces unix:///run/real.sock`);
    expect(await readFile(specPath(), 'utf8')).toBe('unix:///run/real.sock');
    await expect(stat(socketPath())).rejects.toThrow('ENOENT');
  });

  it('keeps a file that the administrator wrote for its socket', async () => {
    await mkdir(join(directory, 'etc'));
    await writeFile(specPath(), `unix://${socketPath()}`);
    await start();
    await daemon?.stop();
    expect(await readFile(specPath(), 'utf8')).toBe(`unix://${socketPath()}`);
  });

  it('does not use a root that another daemon uses', async () => {
    await start();
    const first = daemon;
    const second = start('--socket', join(directory, 'run', 'second.sock'), '--plugin-name', 'second');
    const root = join(directory, 'root');
    await expect(second).rejects.toThrow(`Failed to lock the file at ${root}/lock: resource temporarily unavailable`);
    await first?.stop();
    await start();
    expect(await convoy('list')).toEqual(success('{}\n'));
  });

  it('keeps volumes and what is mounted over a restart', async () => {
    await start();
    await convoy('create', 'v1');
    await convoy('mount', 'v1');
    const before = await convoy('list');
    await daemon?.stop();
    await start();
    expect(await convoy('list')).toEqual(before);
  });

  it.each([
    ['another driver', ['--drivers', 'devicemapper'], '--drivers devicemapper'],
    ['another option', ['--driver-opts', 'vfs.path=/other'], '--driver-opts vfs.path=/other'],
    ['another version', ['--compat', '0.4'], '--compat 0.4'],
  ])('ignores %s than its root was first used with, and says so', async (_title, argv, flag) => {
    await start();
    await convoy('create', 'v1');
    await daemon?.stop();
    const root = join(directory, 'root');
    const rest = ['--root', root, '--socket', socketPath(), '--plugin-spec-dir', directory];
    const line = parseCommandLine(['daemon', ...argv, ...rest]);
    if (line.kind !== 'daemon') throw new Error('not a daemon command line');
    const warnings: string[] = [];
    daemon = await startDaemon(line.flags, { warn: (text) => warnings.push(text) });
    expect(warnings).toEqual([`${flag}: ignored, ${root}/convoy.cfg counts`]);
    expect(Object.keys(JSON.parse((await convoy('list')).stdout) as object)).toEqual(['v1']);
  });

  it('goes by its flags with --ignore-config-file, and keeps those', async () => {
    await start('--driver-opts', `vfs.path=${join(directory, 'first')}`);
    await daemon?.stop();
    await start('--ignore-config-file', '--driver-opts', `vfs.path=${join(directory, 'second')}`);
    await convoy('create', 'v1');
    expect((await stat(join(directory, 'second', 'v1'))).isDirectory()).toBe(true);
    await daemon?.stop();
    await start();
    expect((await convoy('info')).stdout).toContain(join(directory, 'second'));
  });

  it('is vfs or devicemapper, whichever the machine can do, when no driver is named', async () => {
    const places = ['--root', join(directory, 'root'), '--socket', socketPath(), '--plugin-spec-dir', directory];
    const line = parseCommandLine(['daemon', ...places]);
    if (line.kind !== 'daemon') throw new Error('not a daemon command line');
    daemon = await startDaemon(line.flags);
    const { General } = JSON.parse((await convoy('info')).stdout) as { General: { DriverList: string[] } };
    expect(['vfs', 'devicemapper']).toContain(General.DriverList.join());
  });

  it.each([
    ['an unknown option', ['--driver-opts', 'dm.datadev=/dev/x'], 'Driver vfs has no option dm.datadev here'],
    ['a relative path', ['--driver-opts', 'vfs.path=x'], 'Cannot use vfs.path=x'],
    ['an option without a value', ['--driver-opts', 'vfs.path'], 'Expected --driver-opts as key=value'],
    ['faults that it cannot read', ['--faults', 'mount: nope'], 'Expected off, error(TEXT)'],
  ])('does not start with %s, and leaves no socket', async (_title, argv, message) => {
    await expect(start(...argv)).rejects.toThrow(message);
    await expect(stat(socketPath())).rejects.toThrow('ENOENT');
  });

  it("takes the thin pool's options and says that they are not used", async () => {
    const places = ['--root', join(directory, 'root'), '--socket', socketPath(), '--plugin-spec-dir', directory];
    const options = ['dm.datadev=/dev/loop5', 'dm.metadatadev=/dev/loop6', 'dm.thinpoolblocksize=128'];
    const argv = ['daemon', '--drivers', 'devicemapper', ...options.flatMap((option) => ['--driver-opts', option])];
    const line = parseCommandLine([...argv, ...places]);
    if (line.kind !== 'daemon') throw new Error('not a daemon command line');
    const warnings: string[] = [];
    daemon = await startDaemon(line.flags, { warn: (text) => warnings.push(text) });
    expect(warnings.map((text) => text.split(' ')[0])).toEqual(['dm.datadev', 'dm.metadatadev']);
    expect((await convoy('create', '--size', '65537', 'v1')).stdout).toContain('Size must be multiple of block size');
  });

  it('keeps vfs volumes where it is told to', async () => {
    await start('--driver-opts', `vfs.path=${join(directory, 'data')}`);
    await convoy('create', 'v1');
    expect((await stat(join(directory, 'data', 'v1'))).isDirectory()).toBe(true);
  });
});

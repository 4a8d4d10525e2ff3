import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, runOrThrow, type RunResult } from '@drydock/base/subprocess';
import { waitUntil } from '@drydock/base/wait-until';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const apps = join(import.meta.dirname, '..', '..');
const convoyBin = [process.execPath, join(apps, 'convoy', 'bin', 'convoy.js')] as const;
const dvdcliBin = [process.execPath, join(apps, 'dvdcli', 'bin', 'dvdcli.js')] as const;

let directory: string;
let children: ChildProcess[];
/** Goes before every command: nothing, or the way into a private mount namespace. */
let inside: readonly string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'convoy-'));
  children = [];
  inside = [];
});

afterEach(async () => {
  for (const child of children.toReversed()) await end(child, 'SIGKILL');
  await rm(directory, { recursive: true });
});

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const { promise, resolve } = Promise.withResolvers<void>();
    child.once('exit', () => resolve());
    child.kill(signal);
    await promise;
  }
  return child.exitCode;
}

async function startDaemon(...argv: string[]): Promise<ChildProcess> {
  const flags = [
    '--root',
    join(directory, 'root'),
    '--socket',
    socketPath(),
    '--plugin-spec-dir',
    join(directory, 'etc'),
  ];
  const [program = '', ...args] = [...inside, ...convoyBin, 'daemon', ...flags, ...argv];
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  children.push(child);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  await waitUntil(() => stderr.includes('is ready on'), { what: 'convoy to be ready' }).catch((error: unknown) => {
    throw new Error(`convoy did not start: ${stderr}`, { cause: error });
  });
  return child;
}

const socketPath = (): string =>
  inside.length > 0 ? '/run/docker/plugins/convoy.sock' : join(directory, 'convoy.sock');

async function convoy(...argv: string[]): Promise<RunResult> {
  const [program, ...args] = [...inside, ...convoyBin, '--socket', socketPath(), ...argv];
  return await run([program ?? '', ...args]);
}

async function dvdcli(command: string): Promise<RunResult> {
  const [program, ...args] = [...inside, ...dvdcliBin, command, '--volumedriver=convoy', '--volumename=myvolume'];
  return await run([program ?? '', ...args]);
}

describe('a convoy daemon process', () => {
  it('ends with status 0 on SIGTERM and leaves neither socket nor spec file', async () => {
    const daemon = await startDaemon('--drivers', 'vfs');
    expect((await stat(socketPath())).isSocket()).toBe(true);
    expect(await end(daemon, 'SIGTERM')).toBe(0);
    expect(await readdir(directory)).not.toContain('convoy.sock');
    expect(await readdir(join(directory, 'etc'))).toEqual([]);
  });

  it('starts again after SIGKILL with its volumes, and removes the spec file that was left behind', async () => {
    const first = await startDaemon('--drivers', 'vfs');
    expect(await convoy('create', 'myvolume')).toMatchObject({ exitCode: 0, stdout: 'myvolume\n' });
    await end(first, 'SIGKILL');
    expect(await readFile(join(directory, 'etc', 'convoy.spec'), 'utf8')).toContain('unix://');
    const second = await startDaemon();
    expect(JSON.parse((await convoy('list')).stdout)).toHaveProperty('myvolume');
    await end(second, 'SIGTERM');
    expect(await readdir(join(directory, 'etc'))).toEqual([]);
  });

  it('tells why it does not start and exits with status 1', async () => {
    const result = await convoy('daemon', '--root', directory, '--drivers', 'ebs');
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toContain('level=error msg="Cannot find driver ebs');
  });

  it('prints help for itself and for every command', async () => {
    expect((await run([...convoyBin, '--help'])).stdout).toContain('USAGE:\n   convoy');
    expect((await run([...convoyBin, 'create', '--help'])).stdout).toContain('convoy create - create a new volume');
  });
});

describe('a convoy daemon process with ext4 on loop devices', () => {
  /** A mount namespace of its own with an empty /run, kept by a process that ends with this test. */
  async function enterNamespace(): Promise<void> {
    const script = 'mount -t tmpfs drydock /run && echo ready && exec cat';
    const holder = spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-c', script], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    children.push(holder);
    let stdout = '';
    holder.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    await waitUntil(() => stdout.includes('ready'), { what: 'a private mount namespace' });
    inside = ['nsenter', '-t', String(holder.pid), '-m', '--'];
  }

  async function sh(script: string): Promise<RunResult> {
    const [program, ...args] = [...inside, 'sh', '-c', script];
    return await run([program ?? '', ...args]);
  }

  /** Loop devices of this test's images. */
  async function loopDevices(): Promise<readonly string[]> {
    const all = await runOrThrow(['losetup', '--list', '--noheadings', '--output', 'BACK-FILE']);
    return all.split('\n').filter((line) => line.startsWith(directory));
  }

  it('keeps myfile beside lost+found over mounts, daemons and SIGKILL', { tags: ['root'] }, async () => {
    await runOrThrow([process.execPath, join(apps, 'dvdcli', 'build.mjs')]);
    await enterNamespace();
    const first = await startDaemon();
    const mountpoint = join(directory, 'root', 'devicemapper', 'mounts', 'myvolume');
    expect(await convoy('create', 'myvolume')).toMatchObject({ exitCode: 0, stdout: 'myvolume\n' });
    expect(await dvdcli('mount')).toMatchObject({ exitCode: 0, stdout: `${mountpoint}\n` });
    expect((await sh(`stat -c '%a %u %g' ${mountpoint}`)).stdout).toBe('755 0 0\n');
    expect(await sh(`touch ${mountpoint}/myfile`)).toMatchObject({ exitCode: 0 });
    expect(await dvdcli('unmount')).toMatchObject({ exitCode: 0, stdout: '' });
    expect(await loopDevices()).toEqual([]);
    expect(await dvdcli('mount')).toMatchObject({ exitCode: 0, stdout: `${mountpoint}\n` });
    await end(first, 'SIGKILL');

    await startDaemon();
    expect(await dvdcli('path')).toMatchObject({ exitCode: 0, stdout: `${mountpoint}\n` });
    expect(await dvdcli('mount')).toMatchObject({ exitCode: 0, stdout: `${mountpoint}\n` });
    expect((await sh(`ls ${mountpoint}`)).stdout).toBe('lost+found\nmyfile\n');
    expect(await convoy('delete', 'myvolume')).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining("Cannot delete volume myvolume, it hasn't been umounted"),
    });
    expect(
      (await sh(`cd ${mountpoint} && ${[...convoyBin, '--socket', socketPath(), 'umount', 'myvolume'].join(' ')}`))
        .stdout,
    ).toContain(
      `Failed to execute: umount [${mountpoint}], output umount: ${mountpoint}: target is busy.\\n, error exit status 32`,
    );
    expect(await dvdcli('unmount')).toMatchObject({ exitCode: 0 });
    expect(await convoy('delete', 'myvolume')).toMatchObject({ exitCode: 0, stdout: '\n' });
    expect(await loopDevices()).toEqual([]);
    expect(await readdir(join(directory, 'root', 'devicemapper', 'images'))).toEqual([]);
  });

  it('leaves volumes mounted when it stops', { tags: ['root'] }, async () => {
    await enterNamespace();
    const daemon = await startDaemon('--drivers', 'devicemapper');
    await convoy('create', 'myvolume', '--size', '16M');
    const { stdout: mountpoint } = await convoy('mount', 'myvolume');
    await end(daemon, 'SIGTERM');
    expect((await sh(`ls ${mountpoint}`)).stdout).toBe('lost+found\n');
    await startDaemon();
    expect(JSON.parse((await convoy('inspect', 'myvolume')).stdout)).toMatchObject({
      MountPoint: mountpoint.trim(),
      DriverInfo: {
        DevID: '1',
        Device: '/dev/mapper/myvolume',
        Driver: 'devicemapper',
        Filesystem: 'ext4',
        Size: String(16 * 1024 ** 2),
        VolumeName: 'myvolume',
      },
    });
    expect(await convoy('umount', 'myvolume')).toMatchObject({ exitCode: 0 });
  });

  it('mounts at the UUID when it speaks like 0.4, and takes no second place', { tags: ['root'] }, async () => {
    await enterNamespace();
    await startDaemon('--drivers', 'devicemapper', '--compat', '0.4');
    const old = ['--compat', '0.4'];
    const uuid = (await convoy(...old, 'create', 'myvolume', '--size', '16M')).stdout.trim();
    const mountpoint = join(directory, 'root', 'devicemapper', 'mounts', uuid);
    expect(await convoy(...old, 'mount', 'myvolume')).toMatchObject({ exitCode: 0, stdout: `${mountpoint}\n` });
    expect((await convoy(...old, 'mount', 'myvolume', '--mountpoint', '/m')).stdout).toContain(
      `Volume myvolume was already mounted at ${mountpoint}, but asked to mount at /m`,
    );
    const volumes = JSON.parse((await convoy(...old, 'list')).stdout) as Record<string, { DriverInfo: object }>;
    expect(volumes[uuid]?.DriverInfo).toEqual({
      DevID: '1',
      Device: `/dev/mapper/${uuid}`,
      Driver: 'devicemapper',
      MountPoint: mountpoint,
      Size: String(16 * 1024 ** 2),
    });
    expect((await convoy(...old, 'delete', 'myvolume')).stdout).toContain(
      `Cannot delete volume ${uuid}, it hasn't been umounted`,
    );
    expect(await convoy(...old, 'umount', uuid)).toMatchObject({ exitCode: 0, stdout: '\n' });
    expect(await convoy(...old, 'delete', uuid)).toMatchObject({ exitCode: 0, stdout: '\n' });
    expect(await loopDevices()).toEqual([]);
  });

  it('refuses a size that the thin pool of the real driver would', { tags: ['root'] }, async () => {
    await enterNamespace();
    await startDaemon('--drivers', 'devicemapper');
    const { exitCode, stdout } = await convoy('create', 'myvolume', '--size', '4095');
    expect(stdout).toContain('Size must be multiple of block size');
    expect(exitCode).toBe(1);
  });
});

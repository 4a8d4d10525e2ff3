import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, runOrThrow, type RunResult } from '@drydock/base/subprocess';
import { waitUntil } from '@drydock/base/wait-until';
import { driverProfiles } from '@drydock/fake-drivers';
import { createSocketClient } from '@drydock/fake-drivers/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const BIN = fileURLToPath(new URL('../../bin/drydock.js', import.meta.url));
const drydock = async (...args: readonly string[]): Promise<RunResult> => await run([process.execPath, BIN, ...args]);

let directory: string;
let children: ChildProcess[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'driver-'));
  children = [];
});

afterEach(async () => {
  for (const child of children) await end(child, 'SIGKILL');
  await rm(directory, { recursive: true });
});

interface Ready {
  readonly child: ChildProcess;
  readonly socketPath: string;
  readonly seed: number;
  readonly endpoint: string | undefined;
  readonly stderr: () => string;
}

/** Starts a driver, in a mount namespace of its own if it mounts. */
async function start(args: readonly string[], inside: readonly string[] = []): Promise<Ready> {
  const places = ['--directory', join(directory, 'home'), '--socket-dir', join(directory, 'run')];
  const command = [...inside, process.execPath, BIN, 'driver', 'start', '--json', ...places, ...args];
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  await waitUntil(() => stdout.includes('\n'), { what: 'the driver to be ready' }).catch((error: unknown) => {
    throw new Error(`the driver did not start: ${stderr}`, { cause: error });
  });
  const facts = JSON.parse(stdout) as { socketPath: string; seed: number; endpoint?: string }; // the command's own output
  return { ...facts, child, endpoint: facts.endpoint, stderr: () => stderr };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const { promise, resolve } = Promise.withResolvers<void>();
    child.once('exit', () => resolve());
    child.kill(signal);
    await promise;
  }
  return child.exitCode;
}

async function post(socketPath: string, method: string, body: object): Promise<unknown> {
  return (await createSocketClient(socketPath, { signal: AbortSignal.timeout(10_000) }).post(method, body)).json;
}

describe('drydock driver service', () => {
  it('serves what drivers on several hosts share until it is told to end', async () => {
    const shared = join(directory, 'shared');
    const argv = [BIN, 'driver', 'service', '--profile', 'rexray-ebs', '--shared', shared, '--json'];
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { endpoint } = JSON.parse(line.toString()) as { readonly endpoint: string };
    expect(endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    // EC2's query API refuses what is no action of its own, in XML.
    const answer = await fetch(`${endpoint}/?Action=None`);
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('<Code>InvalidAction</Code>')]);
    expect(await end(child, 'SIGTERM')).toBe(0);
  });

  it.each([
    [['--profile', 'convoy-0.5-vfs', '--shared', '/tmp/x'], 'Allowed choices are flocker, rexray-ebs, rexray-cinder'],
    [['--profile', 'flocker', '--shared', 'here'], "Expected --shared to be an absolute path, got 'here'"],
    [['--profile', 'flocker', '--shared', '/tmp/x', '--port', 'x'], "Expected --port to be 0 to 65535, got 'x'"],
  ])('refuses %j', async (args, text) => {
    const { exitCode, stderr } = await drydock('driver', 'service', ...args);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(text)]);
  });
});

describe('drydock driver list', () => {
  it('explains every profile', async () => {
    const { exitCode, stdout } = await drydock('driver', 'list');
    expect(exitCode).toBe(0);
    for (const { name, summary, source } of driverProfiles) {
      for (const text of [name, summary, source]) expect(stdout).toContain(text);
    }
  });

  it.each([
    ['convoy-0.4', ['tells no scope', 'one Unmount undoes any number of Mounts', 'Get, List, Capabilities']],
    ['flocker', ['tells no scope', 'moves to whoever mounts it', 'Unmount does nothing']],
    ['glusterfs-sapk', ['scope global', 'shared, mounted by any number', 'the first Mount only', 'voluri=pool:<name>']],
    ['rexray-ebs', ['spoken to as EC2', 'mounted by one, refused to others (with --preempt: taken from it)']],
    ['rclone-id (trap)', ['scope local', 'the ids of the callers']],
  ])('says of %s what is special about it', async (title, texts) => {
    const { stdout } = await drydock('driver', 'list');
    const paragraph = stdout.split('\n\n').find((text) => text.startsWith(`${title}\n`));
    for (const text of texts) expect(paragraph).toContain(text);
  });

  it('gives every field as JSON', async () => {
    const profiles = JSON.parse((await drydock('driver', 'list', '--json')).stdout) as object[];
    expect(profiles).toHaveLength(driverProfiles.length);
    expect(profiles[0]).toMatchObject({ name: 'convoy-0.4', replyStyle: 'convoy', nameRule: expect.any(String) });
  });
});

describe('drydock driver start', () => {
  const local = ['--profile', 'convoy-0.5-vfs', '--name', 'mine'];

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'serves until %s, tells what clients did wrong and leaves nothing',
    async (signal) => {
      const driver = await start([...local, '--seed', '7']);
      expect(driver).toMatchObject({ socketPath: join(directory, 'run', 'mine.sock'), seed: 7 });
      expect(await post(driver.socketPath, 'VolumeDriver.Create', { Name: 'v1' })).toEqual({});
      expect(await post(driver.socketPath, 'VolumeDriver.Mount', { Name: 'v1' })).toHaveProperty('Mountpoint');
      expect(await end(driver.child, signal)).toBe(0);
      expect(driver.stderr()).toContain('stopped after 2 calls, 2 of them misuses\n  call-before-activate: ');
      expect(await readdir(directory)).toEqual([]);
    },
  );

  it('takes back what a killed predecessor left, and keeps data only with --keep', async () => {
    const first = await start([...local, '--keep']);
    await post(first.socketPath, 'VolumeDriver.Create', { Name: 'v1' });
    await end(first.child, 'SIGKILL');
    const second = await start([...local, '--keep']);
    expect(await post(second.socketPath, 'VolumeDriver.List', {})).toEqual({ Volumes: [{ Name: 'v1' }] });
    await end(second.child, 'SIGKILL');
    const third = await start(local);
    expect(await post(third.socketPath, 'VolumeDriver.List', {})).toEqual({});
    expect(await end(third.child, 'SIGTERM')).toBe(0);
    expect(await readdir(directory)).toEqual(['run']); // made by the one that was killed, and empty
  });

  it('does not start beside another one of its directory', async () => {
    await start(local);
    const places = ['--directory', join(directory, 'home'), '--socket-dir', join(directory, 'run')];
    const second = await drydock('driver', 'start', ...local, ...places);
    expect(second).toMatchObject({ exitCode: 1, stdout: '' });
    expect(second.stderr).toContain('Failed to lock the file at');
  });

  it('dies of a crash fault', async () => {
    const driver = await start([...local, '--faults', 'mount: crash(before)']);
    await expect(post(driver.socketPath, 'VolumeDriver.Mount', { Name: 'v1' })).rejects.toThrow('socket hang up');
    await waitUntil(() => driver.child.signalCode !== null, { what: 'the driver to be dead' });
    expect(driver.child.signalCode).toBe('SIGKILL');
  });

  it.each([
    [['--profile', 'nope'], 'nope'],
    [[], '--profile'],
    [['--profile', 'flocker', '--store', 'tmpfs'], 'flocker'],
    [[...local, '--name', 'a/b'], "Expected --name of letters, digits, dot, dash and underscore, got 'a/b'"],
    [[...local, '--directory', 'x'], "Expected --directory to be an absolute path, got 'x'"],
    [[...local, '--seed', 'x'], "Expected --seed to be a number, got 'x'"],
    [[...local, '--faults', 'mount: nope'], 'in faults "mount: nope"'],
    [[...local, '--preempt'], 'Expected --preempt with a profile that attaches exclusively'],
    [['--profile', 'glusterfs-calavera', '--store', 'glusterfs'], 'Expected the gluster servers whose volumes'],
    [[...local, '--servers', 'host'], 'Expected gluster servers only with the store glusterfs'],
    [['--profile', 'glusterfs-sapk', '--store', 'glusterfs', '--shared', '/x'], 'Expected no --shared with --store'],
    [['--profile', 'rexray-ebs', '--endpoint', 'http://127.0.0.1:1'], 'Expected --shared with --endpoint'],
  ])('refuses %j', async (args, message) => {
    const places = ['--directory', join(directory, 'home'), '--socket-dir', join(directory, 'run')];
    const result = await drydock('driver', 'start', ...places, ...args);
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toContain(message);
    await expect(stat(join(directory, 'home'))).rejects.toThrow('ENOENT');
  });

  describe('in a mount namespace', () => {
    let inside: readonly string[];

    beforeEach(async () => {
      const holder = spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-c', 'echo ready && exec cat'], {
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      children.push(holder);
      await once(holder.stdout, 'data');
      inside = ['nsenter', '-t', String(holder.pid), '-m', '--'];
    });

    const sh = async (script: string): Promise<string> => {
      const [program, ...args] = [...inside, 'sh', '-c', script];
      return await runOrThrow([program, ...args]);
    };
    const mounts = async (): Promise<readonly string[]> =>
      (await sh('cat /proc/self/mountinfo')).split('\n').filter((line) => line.includes(directory));
    const loops = async (): Promise<readonly string[]> => {
      const all = await runOrThrow(['losetup', '--list', '--noheadings', '--output', 'BACK-FILE']);
      return all.split('\n').filter((line) => line.startsWith(directory));
    };
    const mountpoint = async (socketPath: string, name: string): Promise<string> => {
      const answer = (await post(socketPath, 'VolumeDriver.Mount', { Name: name })) as Record<string, string>; // shown when it is none
      return answer['Mountpoint'] ?? JSON.stringify(answer);
    };

    it('leaves neither mount nor loop device, also not those of a killed predecessor', { tags: ['root'] }, async () => {
      for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
        const driver = await start(['--profile', 'rexray-ebs', '--name', 'ebs'], inside);
        await post(driver.socketPath, 'VolumeDriver.Create', { Name: 'v1', Opts: { size: '1' } });
        expect(await mountpoint(driver.socketPath, 'v1')).toContain('/volumes/v1/data');
        expect(await mounts()).toHaveLength(1);
        await end(driver.child, signal);
      }
      expect(await mounts()).toEqual([]);
      expect(await loops()).toEqual([]);
      expect(await readdir(directory)).toEqual(['run']); // made by the one that was killed, and empty
    });

    it('is one of two nodes that share a volume, or take it from each other', { tags: ['root'] }, async () => {
      const shared = ['--profile', 'rexray-ebs', '--shared', join(directory, 'shared')];
      const home = (name: string): readonly string[] => ['--name', name, '--directory', join(directory, name)];
      const a = await start([...shared, ...home('a'), '--node', 'i-a'], inside);
      const toA = ['--endpoint', a.endpoint ?? '', '--node', 'i-b'];
      const b = await start([...shared, ...home('b'), ...toA], inside);
      await post(a.socketPath, 'VolumeDriver.Create', { Name: 'v1', Opts: { size: '1' } });
      const onA = await mountpoint(a.socketPath, 'v1');
      await sh(`echo from a > ${onA}/myfile`);
      expect(await mountpoint(b.socketPath, 'v1')).toContain('volume already attached to a host');
      await post(a.socketPath, 'VolumeDriver.Unmount', { Name: 'v1' });
      const onB = await mountpoint(b.socketPath, 'v1');
      expect(await sh(`ls ${onB} && cat ${onB}/myfile && echo from b > ${onB}/other && sync`)).toBe(
        'lost+found\nmyfile\nfrom a\n',
      );
      const thief = await start([...shared, ...home('c'), '--preempt', ...toA.with(3, 'i-c')], inside);
      const onC = await mountpoint(thief.socketPath, 'v1');
      await sh(`echo late > ${onB}/late`);
      expect(await sh(`ls ${onC}`)).toBe('lost+found\nmyfile\nother\n');
      for (const { child } of [thief, b, a]) expect(await end(child, 'SIGTERM')).toBe(0);
      expect(await mounts()).toEqual([]);
      expect(await loops()).toEqual([]);
    });
  });
});

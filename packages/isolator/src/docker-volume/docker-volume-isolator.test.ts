import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@drydock/base/log';
import { systemFiles, systemRandom, type FileSystemPort } from '@drydock/base/ports';
import type { ContainerID, DockerVolume, Volume } from '@drydock/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerConfig } from '../isolator.ts';
import { DockerVolumeIsolator } from './docker-volume-isolator.ts';
import { DriverCallError } from './driver-client.ts';
import { RecordingDriver } from './recording-driver.ts';
import { parseVolumeKey } from './volume-key.ts';

let root = '';
let driver: RecordingDriver;
let isolator: DockerVolumeIsolator;
const signal = AbortSignal.timeout(60_000);
const id = (value: string): ContainerID => ({ value });

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'docker-volume-'));
  await mkdir(join(root, 'mountpoint'));
  await mkdir(join(root, 'sandbox'));
  driver = new RecordingDriver(join(root, 'mountpoint'));
  isolator = await DockerVolumeIsolator.create({
    client: driver,
    checkpointDir: join(root, 'checkpoints'),
    sandboxDirectory: '/mnt/mesos/sandbox',
    files: systemFiles,
    random: systemRandom,
    logger: silentLogger,
  });
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

function aVolume(containerPath: string, docker: Partial<DockerVolume> = {}, mode: 'RW' | 'RO' = 'RW'): Volume {
  return {
    container_path: containerPath,
    mode,
    source: { type: 'DOCKER_VOLUME', docker_volume: { driver: 'convoy', name: 'v1', ...docker } },
  };
}

function aConfig(volumes: Volume[], options: { hasRootfs?: boolean } = {}): ContainerConfig {
  return {
    command: { value: 'true' },
    container: { type: 'MESOS', volumes },
    resources: [],
    sandboxDirectory: join(root, 'sandbox'),
    user: 'root',
    ...(options.hasRootfs === false ? {} : { image: { entrypoint: [], cmd: [], env: [] } }),
  };
}

const prepare = async (container: string, config: ContainerConfig): ReturnType<DockerVolumeIsolator['prepare']> =>
  await isolator.prepare(id(container), config, { signal });
const cleanup = async (container: string): Promise<void> => await isolator.cleanup(id(container), { signal });
const checkpoints = async (): Promise<string[]> => await readdir(join(root, 'checkpoints'));

describe('prepare', () => {
  it('does nothing for a container without Docker volumes', async () => {
    expect(await prepare('c1', aConfig([]))).toBeUndefined();
    expect(driver.calls).toEqual([]);
    expect(await checkpoints()).toEqual([]);
  });

  it('binds the mountpoint that the driver named, with the mode asked for', async () => {
    const launch = await prepare('c1', aConfig([aVolume('/data', {}, 'RO'), aVolume('/more', { name: 'v2' })]));
    const source = join(root, 'mountpoint');
    expect(launch?.mounts).toEqual([
      { source, target: '/data', isReadOnly: true },
      { source, target: '/more', isReadOnly: false },
    ]);
  });

  it('hands the driver its options in order, duplicates included', async () => {
    const parameter = [
      { key: 'size', value: '1G' },
      { key: 'iops', value: '150' },
      { key: 'size', value: '2G' },
    ];
    await prepare('c1', aConfig([aVolume('/data', { driver_options: { parameter } })]));
    expect(driver.calls).toEqual(['mount convoy/v1 size=1G,iops=150,size=2G']);
  });

  it('has the checkpoint on disk before the driver is called', async () => {
    let seen = '';
    driver.onMount = async () => {
      seen = await readFile(join(root, 'checkpoints', 'c1', 'volumes'), 'utf8');
      return join(root, 'mountpoint');
    };
    await prepare('c1', aConfig([aVolume('/data')]));
    expect(JSON.parse(seen)).toMatchObject({ volumes: [{ driver: 'convoy', name: 'v1' }] });
  });

  it('leaves nothing when the checkpoint cannot be written, and calls no driver', async () => {
    const files: FileSystemPort = {
      ...systemFiles,
      createSynced: async () => await Promise.reject(new Error('no space left on device')),
    };
    const full = await DockerVolumeIsolator.create({
      client: driver,
      checkpointDir: join(root, 'checkpoints'),
      sandboxDirectory: '/mnt/mesos/sandbox',
      files,
      random: systemRandom,
      logger: silentLogger,
    });
    await expect(full.prepare(id('c1'), aConfig([aVolume('/data')]), { signal })).rejects.toThrow(
      `Failed to checkpoint docker volumes at '${join(root, 'checkpoints', 'c1', 'volumes')}': no space left on device`,
    );
    expect(await checkpoints()).toEqual([]);
    expect(driver.calls).toEqual([]);
  });

  it('refuses an id whose checkpoint belongs to another container', async () => {
    await mkdir(join(root, 'checkpoints', 'c1'));
    await expect(prepare('c1', aConfig([aVolume('/data')]))).rejects.toThrow('it belongs to another container');
    expect(driver.calls).toEqual([]);
  });

  it.each([
    [
      'no driver',
      aVolume('/data', { driver: '' }),
      "The volume driver is not specified for volume 'v1' with container c1",
    ],
    ['a driver with a slash', aVolume('/data', { driver: '../x' }), 'Invalid volume driver "../x"'],
    ['a name with a NUL', aVolume('/data', { name: 'a\0b' }), "of a 'convoy' volume"],
    ['an empty path', aVolume(''), 'Invalid container path ""'],
    ['.. in the path', aVolume('/a/../../etc'), 'Invalid container path "/a/../../etc"'],
    ['.. in a relative path', aVolume('../x'), 'Invalid container path "../x"'],
  ])('refuses %s before any driver is called', async (_, volume, message) => {
    await expect(prepare('c1', aConfig([volume]))).rejects.toThrow(message);
    await cleanup('c1');
    expect(driver.calls).toEqual([]);
    expect(await checkpoints()).toEqual([]);
  });

  it('refuses the same volume twice in one container', async () => {
    const twice = aConfig([aVolume('/a'), aVolume('/b')]);
    await expect(prepare('c1', twice)).rejects.toThrow(
      "Found duplicate docker volume with driver 'convoy' and name 'v1'",
    );
    expect(driver.calls).toEqual([]);
  });

  it('refuses a container that is not a MESOS one', async () => {
    const config = { ...aConfig([aVolume('/data')]), container: { type: 'DOCKER' as const } };
    await expect(prepare('c1', config)).rejects.toThrow('Can only prepare docker volume driver for a MESOS container');
  });

  it.each([
    ['empty', ''],
    ['relative', 'var/mnt'],
    ['the root', '/'],
    ['two lines', '/tmp\n/etc'],
    ['missing', '/does/not/exist'],
  ])('refuses a mountpoint that is %s, and unmounts what the driver may have mounted', async (_, mountpoint) => {
    driver.onMount = async () => await Promise.resolve(mountpoint);
    await expect(prepare('c1', aConfig([aVolume('/data')]))).rejects.toThrow(
      `Volume driver 'convoy' named ${JSON.stringify(mountpoint)} as the mountpoint of volume 'v1'`,
    );
    await cleanup('c1');
    expect(driver.calls).toEqual(['mount convoy/v1', 'unmount convoy/v1']);
    expect(await checkpoints()).toEqual([]);
  });
});

describe('container_path', () => {
  it.each([
    { path: '/data', hasRootfs: true, target: '/data', made: [] },
    { path: '/data//deep/./x/', hasRootfs: true, target: '/data/deep/x', made: [] },
    { path: 'data/deep', hasRootfs: true, target: '/mnt/mesos/sandbox/data/deep', made: ['data', 'data/deep'] },
    { path: '/usr', hasRootfs: false, target: '/usr', made: [] },
    { path: 'data', hasRootfs: false, target: 'SANDBOX/data', made: ['data'] },
  ])('$path, rootfs $hasRootfs: $target', async ({ path, hasRootfs, target, made }) => {
    const launch = await prepare('c1', aConfig([aVolume(path)], { hasRootfs }));
    expect(launch?.mounts?.[0]?.target).toBe(target.replace('SANDBOX', join(root, 'sandbox')));
    expect(await readdir(join(root, 'sandbox'), { recursive: true })).toEqual(made);
  });

  it('must exist on the host when it is absolute and there is no rootfs', async () => {
    const config = aConfig([aVolume('/does/not/exist')], { hasRootfs: false });
    await expect(prepare('c1', config)).rejects.toThrow("Absolute container path '/does/not/exist' does not exist");
    expect(driver.calls).toEqual([]);
  });

  it('names the target that cannot be made', async () => {
    await writeFile(join(root, 'sandbox', 'data'), 'a file in the way');
    await expect(prepare('c1', aConfig([aVolume('data/deep')]))).rejects.toThrow(
      `Failed to create the target of the mount at '${join(root, 'sandbox', 'data/deep')}'`,
    );
  });
});

describe('a volume that several containers hold', () => {
  it('is mounted for each and unmounted once, when the last one is gone', async () => {
    await Promise.all([prepare('c1', aConfig([aVolume('/a')])), prepare('c2', aConfig([aVolume('/b')]))]);
    await cleanup('c1');
    expect(driver.calls).toEqual(['mount convoy/v1', 'mount convoy/v1']);
    await cleanup('c2');
    expect(driver.calls).toEqual(['mount convoy/v1', 'mount convoy/v1', 'unmount convoy/v1']);
    expect(await checkpoints()).toEqual([]);
  });

  it('has one call in flight at a time, while another volume goes on beside it', async () => {
    const gate = Promise.withResolvers<string>();
    const inFlight = Promise.withResolvers<void>();
    driver.onMount = async (key) => {
      if (key.name !== 'v1') return join(root, 'mountpoint');
      inFlight.resolve();
      return await gate.promise;
    };
    const first = prepare('c1', aConfig([aVolume('/a')]));
    await inFlight.promise;
    const second = prepare('c2', aConfig([aVolume('/a')]));
    await prepare('c3', aConfig([aVolume('/a', { name: 'other' })]));
    expect(driver.calls).toEqual(['mount convoy/v1', 'mount convoy/other']);
    gate.resolve(join(root, 'mountpoint'));
    await Promise.all([first, second]);
    expect(driver.calls.slice(2)).toEqual(['mount convoy/v1']);
  });

  it('stays mounted when a container asks for it while the last one leaves', async () => {
    await prepare('c1', aConfig([aVolume('/a')]));
    const leaving = cleanup('c1');
    await Promise.all([leaving, prepare('c2', aConfig([aVolume('/a')]))]);
    expect(driver.mounted.size).toBe(1);
    expect(driver.calls.at(-1)).toBe('mount convoy/v1');
    await cleanup('c2');
    expect(driver.mounted.size).toBe(0);
  });
});

describe('a mount that fails', () => {
  const key = parseVolumeKey('convoy', 'v1');

  it('waits for the other mounts, joins all failures, and unmounts only what was mounted', async () => {
    driver.onMount = async ({ name }) => {
      if (name === 'v3') return join(root, 'mountpoint');
      throw new DriverCallError({ call: 'mount', volume: key, outcome: 'rejected', message: `no ${name}` });
    };
    const config = aConfig([aVolume('/1'), aVolume('/2', { name: 'v2' }), aVolume('/3', { name: 'v3' })]);
    await expect(prepare('c1', config)).rejects.toThrow('no v1\nno v2');
    await cleanup('c1');
    expect(driver.calls.filter((call) => call.startsWith('unmount'))).toEqual(['unmount convoy/v3']);
    expect(await checkpoints()).toEqual([]);
  });

  it('is unmounted when it was refused although the driver has it mounted', async () => {
    driver.onMount = async () => {
      driver.mounted.add('convoy\nv1');
      return await Promise.reject(
        new DriverCallError({ call: 'mount', volume: key, outcome: 'rejected', message: 'connection dropped' }),
      );
    };
    await expect(prepare('c1', aConfig([aVolume('/a')]))).rejects.toThrow('connection dropped');
    await cleanup('c1');
    expect(driver.calls.at(-1)).toBe('unmount convoy/v1');
  });

  it('asks nothing more of a driver that could not be reached', async () => {
    driver.onMount = async () => {
      driver.mounted.add('convoy\nv1');
      return await Promise.reject(
        new DriverCallError({ call: 'mount', volume: key, outcome: 'never-reached', message: 'plugin not found' }),
      );
    };
    await expect(prepare('c1', aConfig([aVolume('/a')]))).rejects.toThrow('plugin not found');
    await cleanup('c1');
    expect(driver.calls).toEqual(['mount convoy/v1']);
    expect(await checkpoints()).toEqual([]);
  });

  it('is unmounted when its outcome is unclear', async () => {
    driver.onMount = async () =>
      await Promise.reject(
        new DriverCallError({ call: 'mount', volume: key, outcome: 'unclear', message: "'mount' timed out in 2mins" }),
      );
    await expect(prepare('c1', aConfig([aVolume('/a')]))).rejects.toThrow("'mount' timed out in 2mins");
    await cleanup('c1');
    expect(driver.calls.at(-1)).toBe('unmount convoy/v1');
  });

  it('leaves a container that waits behind it unharmed when that one is killed', async () => {
    const gate = Promise.withResolvers<string>();
    const inFlight = Promise.withResolvers<void>();
    driver.onMount = async () => {
      inFlight.resolve();
      return await gate.promise;
    };
    const kill = new AbortController();
    const first = prepare('c1', aConfig([aVolume('/a')]));
    await inFlight.promise;
    const second = isolator.prepare(id('c2'), aConfig([aVolume('/a')]), { signal: kill.signal });
    kill.abort(new Error('task killed'));
    await expect(second).rejects.toThrow('task killed');
    await cleanup('c2');
    gate.resolve(join(root, 'mountpoint'));
    await first;
    await cleanup('c1');
    expect(driver.calls).toEqual(['mount convoy/v1', 'unmount convoy/v1']);
  });
});

describe('cleanup', () => {
  it('does nothing for a container that was never prepared, and nothing the second time', async () => {
    await cleanup('unknown');
    await prepare('c1', aConfig([aVolume('/a')]));
    await cleanup('c1');
    await cleanup('c1');
    expect(driver.calls).toEqual(['mount convoy/v1', 'unmount convoy/v1']);
  });

  it('keeps the checkpoint after a failed unmount and unmounts when it is asked again', async () => {
    await prepare('c1', aConfig([aVolume('/a'), aVolume('/b', { name: 'v2' })]));
    driver.onUnmount = async ({ name }) => {
      if (name === 'v1') throw new Error('device is busy');
      await Promise.resolve();
    };
    await expect(cleanup('c1')).rejects.toThrow('device is busy');
    expect(driver.mounted).toEqual(new Set(['convoy\nv1']));
    expect(await checkpoints()).toEqual(['c1']);
    driver.onUnmount = async () => await Promise.resolve();
    await cleanup('c1');
    expect(driver.mounted.size).toBe(0);
    expect(await checkpoints()).toEqual([]);
  });

  it('unmounts with the next container when an earlier unmount failed', async () => {
    await prepare('c1', aConfig([aVolume('/a')]));
    driver.onUnmount = async () => await Promise.reject(new Error('Mock failure'));
    await expect(cleanup('c1')).rejects.toThrow('Mock failure');
    driver.onUnmount = async () => await Promise.resolve();
    await prepare('c2', aConfig([aVolume('/a')]));
    await cleanup('c2');
    expect(driver.calls.slice(2)).toEqual(['mount convoy/v1', 'unmount convoy/v1']);
  });
});

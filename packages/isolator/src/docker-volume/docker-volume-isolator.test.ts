import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemFiles, type FileSystemPort } from '@drydock/base/ports';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerConfig, ContainerLaunchInfo } from '../isolator.ts';
import { DriverCallError } from './driver-client.ts';
import { IsolatorFixture, aVolume } from './isolator-fixture.ts';
import type { RecordingDriver } from './recording-driver.ts';
import { parseVolumeKey } from './volume-key.ts';

let fixture: IsolatorFixture;
let root = '';
let driver: RecordingDriver;
beforeEach(async () => {
  fixture = await IsolatorFixture.create();
  ({ root, driver } = fixture);
});
afterEach(async () => {
  await fixture[Symbol.asyncDispose]();
});

const aConfig = (...args: Parameters<IsolatorFixture['config']>): ContainerConfig => fixture.config(...args);
const prepare = async (container: string, config: ContainerConfig): Promise<ContainerLaunchInfo | undefined> =>
  await fixture.prepare(container, config);
const cleanup = async (container: string): Promise<void> => await fixture.cleanup(container);
const checkpoints = async (): Promise<readonly string[]> => await fixture.checkpoints();

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
    await fixture.restart({ files });
    await expect(prepare('c1', aConfig())).rejects.toThrow(
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
    ['the root', aVolume('/'), "it covers the container's root or its sandbox"],
    ['the sandbox', aVolume('.'), "it covers the container's root or its sandbox"],
    ['what the sandbox lies in', aVolume('/mnt'), "it covers the container's root or its sandbox"],
    ['/proc', aVolume('/proc'), 'it belongs to the kernel'],
    ['what lies in /sys', aVolume('/sys/fs/cgroup'), 'it belongs to the kernel'],
    ['/dev', aVolume('/dev/'), 'it belongs to the kernel'],
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
    ["the host's own", '/etc'],
    ["in a tree of the host's", '/proc/self'],
    ['a path that goes up', '/tmp/../etc'],
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

describe('a mountpoint', () => {
  it('may be reached over a link, but be none itself', async () => {
    await symlink(join(root, 'mountpoint'), join(root, 'link'));
    await symlink(root, join(root, 'up'));
    driver.onMount = async () => await Promise.resolve(join(root, 'link'));
    await expect(prepare('c1', aConfig())).rejects.toThrow('expected a directory, not a link to');
    await cleanup('c1');
    driver.onMount = async () => await Promise.resolve(join(root, 'up', 'mountpoint'));
    const launch = await prepare('c2', aConfig());
    expect(launch?.mounts?.[0]?.source).toBe(join(root, 'mountpoint'));
  });
});

describe('container_path', () => {
  it('of one volume may lie in that of another, and is mounted after it', async () => {
    const launch = await prepare(
      'c1',
      aConfig([aVolume('/a/b/c', { name: 'deep' }), aVolume('/z', { name: 'z' }), aVolume('/a', { name: 'top' })]),
    );
    expect(launch?.mounts?.map(({ target }) => target)).toEqual(['/z', '/a', '/a/b/c']);
  });

  it('is refused twice', async () => {
    const config = aConfig([aVolume('/a', { name: 'v1' }), aVolume('/a//', { name: 'v2' })]);
    await expect(prepare('c1', config)).rejects.toThrow("Two docker volumes have the container path '/a//'");
    expect(driver.calls).toEqual([]);
  });

  it('in the sandbox goes through no link, which would make directories elsewhere', async () => {
    await mkdir(join(root, 'elsewhere'));
    await symlink(join(root, 'elsewhere'), join(root, 'sandbox', 'link'));
    await expect(prepare('c1', aConfig([aVolume('link/made')]))).rejects.toThrow(
      `${join(root, 'sandbox', 'link')} is a link to ${join(root, 'elsewhere')}`,
    );
    expect(await readdir(join(root, 'elsewhere'))).toEqual([]);
  });

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
    const second = fixture.prepare('c2', aConfig([aVolume('/a')]), kill.signal);
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
});

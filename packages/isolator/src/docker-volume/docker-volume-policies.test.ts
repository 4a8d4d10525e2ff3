import { join } from 'node:path';
import { systemFiles, type FileSystemPort } from '@drydock/base/ports';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerConfig, ContainerLaunchInfo } from '../isolator.ts';
import { IsolatorFixture, aVolume, withOptions } from './isolator-fixture.ts';
import type { RecordingDriver } from './recording-driver.ts';

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

describe('--docker_volume_mount_counting=first_container', () => {
  beforeEach(async () => {
    await fixture.restart({ counting: 'first_container' });
  });

  it('has the driver mount for the first holder only, and unmount after the last', async () => {
    for (const container of ['c1', 'c2', 'c3']) await prepare(container, aConfig());
    for (const container of ['c1', 'c2', 'c3']) await cleanup(container);
    expect(driver.calls).toEqual(['mount convoy/v1', 'unmount convoy/v1']);
  });

  it('mounts again when the mount has gone meanwhile', async () => {
    fixture.mountPoints.add(join(root, 'mountpoint'));
    await prepare('c1', aConfig());
    fixture.mountPoints.clear();
    await prepare('c2', aConfig());
    expect(driver.calls).toEqual(['mount convoy/v1', 'mount convoy/v1']);
  });
});

describe('options of a volume in use', () => {
  it('that are others are refused by name, before any driver is called and without a checkpoint', async () => {
    await prepare('c1', aConfig([aVolume('/a', withOptions('size=1G'))]));
    await expect(prepare('c2', aConfig([aVolume('/a', withOptions('size=1G', 'iops=9'))]))).rejects.toThrow(
      "Docker volume 'v1' of driver 'convoy' is in use without the option 'iops=9' that is asked for: " +
        'expected the options that it was mounted with, or none',
    );
    expect(driver.calls).toEqual(['mount convoy/v1 size=1G']);
    expect(await checkpoints()).toEqual(['c1']);
    await prepare('c3', aConfig());
  });
});

describe('--docker_volume_chown', () => {
  const owners: string[] = [];
  beforeEach(async () => {
    owners.length = 0;
    const setOwner: FileSystemPort['setOwner'] = async (path, { uid, gid }) => {
      owners.push(`${path} ${uid}:${gid}`);
      await Promise.resolve();
    };
    const findOwner = async (): Promise<{ uid: number; gid: number }> => await Promise.resolve({ uid: 1000, gid: 100 });
    await fixture.restart({ findOwner, files: { ...systemFiles, setOwner } });
  });

  it('gives a volume to the first user who may write to it, once', async () => {
    await prepare('reader', aConfig([aVolume('/a', {}, 'RO')], { user: 'alice' }));
    await prepare('root', aConfig());
    expect(owners).toEqual([]);
    await prepare('c1', aConfig(undefined, { user: 'alice' }));
    await prepare('c2', aConfig(undefined, { user: 'bob' }));
    expect(owners).toEqual([`${join(root, 'mountpoint')} 1000:100`]);
    for (const container of ['reader', 'root', 'c1', 'c2']) await cleanup(container);
    await prepare('c3', aConfig(undefined, { user: 'bob' }));
    expect(owners).toHaveLength(2);
  });

  it("fails in upstream's words", async () => {
    const findOwner = async (): Promise<never> => await Promise.reject(new Error('no such user'));
    await fixture.restart({ findOwner });
    await expect(prepare('c1', aConfig(undefined, { user: 'alice' }))).rejects.toThrow(
      `Failed to set 'alice' as the docker volume '${join(root, 'mountpoint')}' owner: no such user`,
    );
  });
});

describe('nested containers', () => {
  const child = { value: 'child', parent: { value: 'parent' } };

  it('may hold the volume of their parent, which is not cleaned up before them', async () => {
    await prepare('parent', aConfig());
    await fixture.prepare(child, aConfig());
    await expect(cleanup('parent')).rejects.toThrow(
      'Failed to clean up container parent: it has child container parent.child which is not cleaned up yet',
    );
    await fixture.cleanup(child);
    expect(driver.mounted.size).toBe(1);
    await cleanup('parent');
    expect(driver.calls.filter((call) => call.startsWith('unmount'))).toEqual(['unmount convoy/v1']);
  });

  it('of two parents do not share a checkpoint', async () => {
    await fixture.prepare(child, aConfig());
    const other = { value: 'child', parent: { value: 'other' } };
    await expect(fixture.prepare(other, aConfig([aVolume('/a', { name: 'v2' })]))).rejects.toThrow(
      'it belongs to another container',
    );
  });
});

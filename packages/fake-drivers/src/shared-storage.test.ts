import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startEmulator, type EmulatorOptions } from './emulators/start-emulator.ts';
import { startFakeDriver, type StartedFakeDriver } from './fake-driver.ts';
import type { DriverProfile } from './profile.ts';
import { findProfile } from './profiles/index.ts';

let directory: string;
let started: AsyncDisposableStack;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'shared-'));
  started = new AsyncDisposableStack();
});

afterEach(async () => {
  await started.disposeAsync();
  await rm(directory, { recursive: true });
});

/** Two nodes of one cluster. */
async function nodes(
  profile: DriverProfile,
  emulator: Pick<EmulatorOptions, 'limits' | 'tokenMs'> = { limits: { stepMs: 1 } },
): Promise<readonly [StartedFakeDriver, StartedFakeDriver]> {
  const shared = { directory: join(directory, 'shared') };
  const { backing } = profile;
  const endpoint =
    backing === 'local' || backing === 'pool'
      ? undefined
      : started.use(await startEmulator(backing, { ...emulator, ...shared, convergeMs: 1 })).endpoint;
  const start = async (node: string): Promise<StartedFakeDriver> =>
    started.use(
      await startFakeDriver({
        socketPath: join(directory, `${node}.sock`),
        directory: join(directory, node),
        profile,
        store: 'directory',
        shared: { ...shared, node, pollMs: 2, ...(endpoint === undefined ? {} : { endpoint }) },
      }),
    );
  return [await start('i-a'), await start('i-b')];
}

const options = (profile: DriverProfile): Record<string, string> =>
  Object.fromEntries(Object.entries(profile.exampleOptions).map(([key, text]) => [key, text.replace('<name>', 'v1')]));

describe('two nodes', () => {
  it.each(['rexray-ebs', 'rexray-cinder', 'flocker', 'glusterfs-calavera', 'glusterfs-sapk'])(
    'of %s read what the other one wrote',
    async (name) => {
      const profile = findProfile(name);
      const [a, b] = await nodes(profile);
      await a.engine.create('v1', { options: options(profile) });
      await writeFile(join(await a.engine.mount('v1'), 'myfile'), 'from a');
      await a.engine.unmount('v1');
      if (name === 'glusterfs-sapk') await b.engine.create('v1', { options: options(profile) });
      expect(await readFile(join(await b.engine.mount('v1'), 'myfile'), 'utf8')).toBe('from a');
      await b.engine.unmount('v1');
    },
  );

  it.each(['rexray-ebs', 'rexray-cinder'])('of %s do not have one volume at a time', async (name) => {
    const [a, b] = await nodes(findProfile(name));
    await a.engine.create('v1');
    await a.engine.mount('v1');
    await expect(b.engine.mount('v1')).rejects.toThrow('volume already attached to a host');
    await expect(b.engine.remove('v1')).rejects.toThrow(name === 'rexray-ebs' ? 'VolumeInUse' : 'Invalid volume');
    await a.engine.unmount('v1');
    await b.engine.mount('v1');
    await b.engine.unmount('v1');
    await b.engine.remove('v1');
    expect(await a.engine.list()).toEqual([]);
  });

  it.each(['rexray-ebs', 'rexray-cinder'])('of %s never both have what both want at once', async (name) => {
    const [a, b] = await nodes(findProfile(name));
    await a.engine.create('v1');
    for (let round = 0; round < 10; round++) {
      const outcomes = await Promise.allSettled([a.engine.mount('v1'), b.engine.mount('v1')]);
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const [index, driver] of [a, b].entries()) {
        if (outcomes[index]?.status === 'fulfilled') await driver.engine.unmount('v1');
      }
    }
  });

  it('take a volume from each other where the profile preempts', async () => {
    const [a, b] = await nodes({ ...findProfile('rexray-ebs'), attach: 'exclusive-preempt' });
    await a.engine.create('v1');
    const before = await a.engine.mount('v1');
    await writeFile(join(before, 'myfile'), 'from a');
    const after = await b.engine.mount('v1');
    expect(await readFile(join(after, 'myfile'), 'utf8')).toBe('from a');
    // The mount of the node that lost it stays behind, as rexray's does; undoing it takes nothing from the other one.
    expect((await a.engine.get('v1'))?.mountpoint).toBe(before);
    await a.engine.unmount('v1');
    await expect(a.engine.remove('v1')).rejects.toThrow('VolumeInUse');
    expect((await b.engine.get('v1'))?.mountpoint).toBe(after);
    await b.engine.unmount('v1');
  });

  it('of flocker move a dataset back and forth', async () => {
    const [a, b] = await nodes(findProfile('flocker'));
    await a.engine.create('v1');
    const path = await a.engine.mount('v1');
    expect(await b.engine.mount('v1')).toBe(path);
    expect(await a.engine.mount('v1')).toBe(path);
  });
});

describe('a block store', () => {
  it('takes names whatever their case, the oldest first', async () => {
    const [a] = await nodes(findProfile('rexray-cinder'));
    expect(await a.engine.create('Data')).toBe('created');
    expect(await a.engine.create('data')).toBe('created');
    expect((await a.engine.get('DATA'))?.name).toBe('Data');
    expect(await a.engine.list()).toHaveLength(2);
  });

  it('refuses more attachments than a node has room for', async () => {
    const [a] = await nodes(findProfile('rexray-ebs'), { limits: { stepMs: 1, attachmentsPerNodeMax: 1 } });
    await a.engine.create('v1');
    await a.engine.create('v2');
    await a.engine.mount('v1');
    await expect(a.engine.mount('v2')).rejects.toThrow('AttachmentLimitExceeded');
  });

  it('lets drivers through that it throttles or whose tokens run out', async () => {
    const [a] = await nodes(findProfile('rexray-cinder'), {
      limits: { stepMs: 1, requestsPerSecondMax: 20 },
      tokenMs: 30,
    });
    await a.engine.create('v1');
    await a.engine.mount('v1');
    for (let count = 0; count < 25; count++) expect((await a.engine.get('v1'))?.mountpoint).toBeDefined();
  });

  it('keeps its volumes over a restart of driver and store', async () => {
    const profile = findProfile('rexray-ebs');
    const start = async (): Promise<StartedFakeDriver> =>
      await startFakeDriver({
        socketPath: join(directory, 'd.sock'),
        directory: join(directory, 'own'),
        profile,
        store: 'directory',
      });
    {
      await using first = await start();
      await first.engine.create('v1', { options: { size: '2' } });
    }
    await using second = await start();
    expect(await second.engine.get('v1')).toMatchObject({
      sizeBytes: 2 * 1024 ** 3,
      status: { name: 'v1', size: 2, service: 'ebs', availabilityZone: 'drydock-1a' },
    });
  });
});

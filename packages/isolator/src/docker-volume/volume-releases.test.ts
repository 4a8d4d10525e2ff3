import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemFiles } from '@drydock/base/ports';
import { waitUntil } from '@drydock/base/wait-until';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DriverCallError, type DriverCallOutcome } from './driver-client.ts';
import { IsolatorFixture, aVolume } from './isolator-fixture.ts';
import { parseVolumeKey } from './volume-key.ts';

let fixture: IsolatorFixture;
beforeEach(async () => {
  fixture = await IsolatorFixture.create();
});
afterEach(async () => {
  await fixture[Symbol.asyncDispose]();
});

const volume = parseVolumeKey('convoy', 'v1');
const failure = (outcome: DriverCallOutcome, message: string): DriverCallError =>
  new DriverCallError({ call: 'unmount', volume, outcome, message });
const failWith = (outcome: DriverCallOutcome, message: string) => async (): Promise<never> =>
  await Promise.reject(failure(outcome, message));
const succeed = async (): Promise<void> => await Promise.resolve();
const unmounts = (): readonly string[] => fixture.driver.calls.filter((call) => call.startsWith('unmount'));

/** Lets time pass until the state is as wanted. */
const passUntil = async (what: string, isReached: () => boolean | Promise<boolean>): Promise<void> => {
  await waitUntil(
    async () => {
      if (await isReached()) return true;
      fixture.clock.advance();
      return false;
    },
    { what, intervalMs: 1 },
  );
};

describe('an unmount that fails', () => {
  it('is told, tried again with growing pauses, shown meanwhile, and forgotten when it is done', async () => {
    await fixture.prepare('c1', fixture.config());
    fixture.driver.onUnmount = failWith('rejected', 'device is busy');
    await expect(fixture.cleanup('c1')).rejects.toThrow('device is busy');
    expect(await fixture.checkpoints()).toEqual(['c1']);
    await passUntil('three attempts', () => unmounts().length >= 3);
    expect(fixture.clock.now()).toBe(1_000 + 2_000);
    await passUntil('the failure to be known', () => fixture.isolator.status.pending[0]?.failedCount === 3);
    expect(fixture.isolator.status.pending).toEqual([
      { containerIds: [{ value: 'c1' }], volume, failedCount: 3, error: 'device is busy', since: 0 },
    ]);
    fixture.driver.onUnmount = succeed;
    await passUntil('the checkpoint to be gone', async () => (await fixture.checkpoints()).length === 0);
    expect(fixture.isolator.status).toMatchObject({ volumeCount: 0, pending: [] });
    expect(fixture.isolator.status.counts).toEqual({ mounts: 1, mountErrors: 0, unmounts: 4, unmountErrors: 3 });
  });

  it('does not keep the next container from the volume, whose clean-up then does it', async () => {
    await fixture.prepare('c1', fixture.config());
    fixture.driver.onUnmount = failWith('rejected', 'Mock failure');
    await expect(fixture.cleanup('c1')).rejects.toThrow('Mock failure');
    fixture.driver.onUnmount = succeed;
    await fixture.prepare('c2', fixture.config());
    await passUntil('the checkpoint of the first to be gone', async () => (await fixture.checkpoints()).length === 1);
    await fixture.cleanup('c2');
    expect(fixture.driver.calls.at(-1)).toBe('unmount convoy/v1');
    expect(fixture.driver.mounted.size).toBe(0);
    expect(await fixture.checkpoints()).toEqual([]);
  });

  it('does not hold up the unmount of other volumes', async () => {
    await fixture.prepare('c1', fixture.config([aVolume('/a'), aVolume('/b', { name: 'v2' })]));
    fixture.driver.onUnmount = async ({ name }) => {
      if (name === 'v1') throw failure('rejected', 'device is busy');
      await Promise.resolve();
    };
    await expect(fixture.cleanup('c1')).rejects.toThrow('device is busy');
    expect(fixture.driver.mounted).toEqual(new Set(['convoy\nv1']));
  });

  it('is over when the mount table has the volume no more', async () => {
    fixture.mountPoints.add(join(fixture.root, 'mountpoint'));
    await fixture.prepare('c1', fixture.config());
    fixture.driver.onUnmount = async () => {
      fixture.mountPoints.clear();
      return await Promise.reject(failure('rejected', 'unmounted, but not detached'));
    };
    await expect(fixture.cleanup('c1')).rejects.toThrow('not detached');
    await passUntil('the checkpoint to be gone', async () => (await fixture.checkpoints()).length === 0);
    expect(unmounts()).toHaveLength(1);
  });
});

describe('containers that leave a volume at the same time', () => {
  it('are remembered until its unmount is over', async () => {
    const gate = Promise.withResolvers<void>();
    for (const id of ['c1', 'c2']) await fixture.prepare(id, fixture.config());
    fixture.driver.onUnmount = async () => await gate.promise;
    const [first, second] = [fixture.cleanup('c1'), fixture.cleanup('c2')];
    await waitUntil(() => unmounts().length === 1, { what: 'the unmount to begin' });
    await first;
    expect(await fixture.checkpoints()).toContain('c2');
    gate.resolve();
    await second;
    expect(await fixture.checkpoints()).toEqual([]);
    expect(unmounts()).toHaveLength(1);
  });
});

describe('an unmount that takes long', () => {
  it('goes on in the background after a minute', async () => {
    const gate = Promise.withResolvers<void>();
    await fixture.prepare('c1', fixture.config());
    fixture.driver.onUnmount = async () => await gate.promise;
    const cleaning = fixture.cleanup('c1');
    await waitUntil(() => unmounts().length === 1, { what: 'the unmount to begin' });
    fixture.clock.advance();
    await expect(cleaning).rejects.toThrow('takes longer than 60000 ms and goes on in the background');
    expect(fixture.isolator.status.pending).toEqual([{ containerIds: [{ value: 'c1' }], volume, failedCount: 0 }]);
    gate.resolve();
    await waitUntil(async () => (await fixture.checkpoints()).length === 0, { what: 'the checkpoint to be gone' });
    expect(unmounts()).toHaveLength(1);
  });
});

describe('a volume whose mount ended without an answer', () => {
  const timeOut = async (): Promise<never> =>
    await Promise.reject(new DriverCallError({ call: 'mount', volume, outcome: 'unclear', message: 'timed out' }));

  it('is given to nobody before it is unmounted', async () => {
    fixture.driver.onMount = timeOut;
    await expect(fixture.prepare('c1', fixture.config())).rejects.toThrow('timed out');
    fixture.driver.onUnmount = failWith('unclear', 'timed out, too');
    await expect(fixture.prepare('c2', fixture.config())).rejects.toThrow(
      "Docker volume 'v1' of driver 'convoy' cannot be used: it may still be mounted (timed out), " +
        'and to unmount it failed: timed out, too',
    );
    fixture.driver.onUnmount = succeed;
    fixture.driver.onMount = async () => await Promise.resolve(join(fixture.root, 'mountpoint'));
    await fixture.prepare('c3', fixture.config());
    expect(fixture.driver.calls.slice(-2)).toEqual(['unmount convoy/v1', 'mount convoy/v1']);
  });

  it('is looked at again, and unmounted when its driver has mounted it late', async () => {
    fixture.driver.onMount = timeOut;
    await expect(fixture.prepare('c1', fixture.config())).rejects.toThrow('timed out');
    await fixture.cleanup('c1');
    expect(await fixture.checkpoints()).toEqual([]);
    fixture.driver.mounted.add('convoy\nv1');
    await passUntil('the late mount to be undone', () => fixture.driver.mounted.size === 0);
    expect(unmounts()).toHaveLength(2);
  });
});

describe('a volume that its driver does not know, as when an agent ended before the call', () => {
  const endBeforeTheCall = async (): Promise<void> => {
    const gate = Promise.withResolvers<never>();
    fixture.driver.onMount = async () => await gate.promise;
    const preparing = fixture.prepare('c1', fixture.config());
    await waitUntil(() => fixture.driver.calls.length === 1, { what: 'the mount' });
    await fixture.restart();
    gate.reject(new DriverCallError({ call: 'mount', volume, outcome: 'unclear', message: 'the agent ended' }));
    await expect(preparing).rejects.toThrow('the agent ended');
    fixture.driver.isBlind = true;
    fixture.driver.onUnmount = failWith('rejected', 'Could not find volume v1.');
    fixture.driver.onMount = async () => await Promise.resolve(join(fixture.root, 'mountpoint'));
  };

  it('is let go of after five attempts, and looked at again four times', async () => {
    await endBeforeTheCall();
    await fixture.recover();
    await passUntil('the checkpoint to be gone', async () => (await fixture.checkpoints()).length === 0);
    expect(unmounts().length).toBeGreaterThanOrEqual(5);
    // Each look asks at least once, and asks again while the next one is not due.
    await passUntil('the last look', () => unmounts().length >= 5 + 4);
    await passUntil('it to be over', () => {
      const { pending, volumeCount } = fixture.isolator.status;
      return pending.length === 0 && volumeCount === 0 && !fixture.clock.advance();
    });
  });

  it('is given to a container after that, however many asked for it before', async () => {
    await endBeforeTheCall();
    await fixture.recover();
    for (const id of ['c2', 'c3', 'c4', 'c5']) {
      await expect(fixture.prepare(id, fixture.config())).rejects.toThrow('Could not find volume v1.');
      await expect(fixture.cleanup(id)).rejects.toThrow('Could not find volume v1.');
    }
    await passUntil('all checkpoints to be gone', async () => (await fixture.checkpoints()).length === 0);
    await fixture.prepare('c6', fixture.config());
    expect(fixture.driver.calls.at(-1)).toBe('mount convoy/v1');
    fixture.driver.onUnmount = succeed;
    await fixture.cleanup('c6');
    expect(await fixture.checkpoints()).toEqual([]);
  });

  it('is kept while its driver cannot be asked', async () => {
    await endBeforeTheCall();
    fixture.driver.onUnmount = failWith('never-reached', 'Error looking up volume plugin');
    await fixture.recover();
    await passUntil('many attempts', () => unmounts().length > 10);
    expect(await fixture.checkpoints()).toEqual(['c1']);
    await expect(fixture.prepare('c2', fixture.config())).rejects.toThrow('cannot be used');
  });
});

describe('a volume of before the last start of the machine', () => {
  it('is left alone when its driver refuses to hear of it', async () => {
    await fixture.prepare('c1', fixture.config());
    await fixture.restart({ bootId: 'boot-2' });
    fixture.driver.onUnmount = failWith('rejected', 'volume is not mounted');
    await fixture.recover();
    await passUntil('the checkpoint to be gone', async () => (await fixture.checkpoints()).length === 0);
    expect(unmounts().length).toBeGreaterThanOrEqual(5);
    expect(fixture.isolator.status).toMatchObject({ volumeCount: 0, pending: [] });
  });
});

describe('a checkpoint that cannot be removed', () => {
  it('is tried again, shown meanwhile', async () => {
    let isReadOnly = true;
    const remove = async (path: string): Promise<void> => {
      if (isReadOnly) throw new Error('read-only file system');
      await systemFiles.remove(path);
    };
    await fixture.restart({ files: { ...systemFiles, remove } });
    await fixture.prepare('c1', fixture.config());
    await fixture.cleanup('c1');
    expect(fixture.isolator.status.pending).toMatchObject([{ containerIds: [{ value: 'c1' }], failedCount: 1 }]);
    isReadOnly = false;
    await passUntil('the checkpoint to be gone', async () => (await fixture.checkpoints()).length === 0);
  });
});

describe('a checkpoint directory with a foreign file', () => {
  it('is no obstacle', async () => {
    await writeFile(join(fixture.checkpointDir, 'foreign'), '');
    await fixture.recover();
    await fixture.prepare('c1', fixture.config());
    await fixture.cleanup('c1');
    expect(await fixture.checkpoints()).toEqual(['foreign']);
  });
});

/** The engine is killed before and after every effect on its records; what it had acknowledged must be there again. */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, systemFiles, systemRandom, type FileSystemPort } from '@drydock/base/ports';
import { createSeededRandom } from '@drydock/base/seeded-random';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DriverEngine } from './driver-engine.ts';
import { openEngine } from './open-engine.ts';
import { findProfile } from './profiles/index.ts';

let directory: string;

beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'crash-')));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

class KilledError extends Error {
  override readonly name = 'KilledError';
}

/** Files that are killed at their `killAt`-th effect, before it or after it; nothing has an effect from then on. */
function killedFiles(killAt: number, phase: 'before' | 'after'): { files: FileSystemPort; effectCount: () => number } {
  let effectCount = 0;
  const effect = async (perform: () => Promise<void>): Promise<void> => {
    effectCount++;
    if (effectCount > killAt || (effectCount === killAt && phase === 'before')) throw new KilledError('killed');
    await perform();
    if (effectCount === killAt) throw new KilledError('killed');
  };
  const files: FileSystemPort = {
    ...systemFiles,
    createSynced: async (path, data, options) =>
      await effect(async () => await systemFiles.createSynced(path, data, options)),
    rename: async (from, to) => await effect(async () => await systemFiles.rename(from, to)),
    syncDirectory: async (path) => await effect(async () => await systemFiles.syncDirectory(path)),
    remove: async (path) => await effect(async () => await systemFiles.remove(path)),
  };
  return { files, effectCount: () => effectCount };
}

async function open(profile: string, files: FileSystemPort): Promise<DriverEngine> {
  const { engine } = await openEngine({
    profile: findProfile(profile),
    directory,
    store: 'directory',
    ports: { files, clock: systemClock, random: systemRandom },
    random: createSeededRandom(1),
    signal: AbortSignal.timeout(60_000),
  });
  return engine;
}

/** What was acknowledged: volume to whether it is mounted; a volume in the making is not in it. */
type Acknowledged = Map<string, boolean>;

/** Runs the story as far as it comes; gives what was acknowledged, and the volume whose call was cut off. */
async function runStory(engine: DriverEngine): Promise<{ known: Acknowledged; cutOff: string | undefined }> {
  const known: Acknowledged = new Map();
  const steps: readonly (readonly [string, () => Promise<unknown>, () => void])[] = [
    ['a1', async () => await engine.create('a1'), () => known.set('a1', false)],
    ['b1', async () => await engine.create('b1'), () => known.set('b1', false)],
    ['a1', async () => await engine.mount('a1'), () => known.set('a1', true)],
    ['b1', async () => await engine.mount('b1'), () => known.set('b1', true)],
    ['a1', async () => await engine.unmount('a1'), () => known.set('a1', false)],
    ['a1', async () => await engine.remove('a1'), () => known.delete('a1')],
  ];
  for (const [volume, perform, acknowledge] of steps) {
    try {
      await perform();
    } catch (error) {
      if (error instanceof KilledError) return { known, cutOff: volume };
      throw error;
    }
    acknowledge();
  }
  return { known, cutOff: undefined };
}

describe('a driver with durable records', () => {
  it.each(['before', 'after'] as const)('has what it acknowledged when it is killed %s any effect', async (phase) => {
    const whole = killedFiles(Number.POSITIVE_INFINITY, phase);
    expect((await runStory(await open('convoy-0.5-vfs', whole.files))).cutOff).toBeUndefined();
    expect(whole.effectCount()).toBeGreaterThan(15);
    for (let killAt = 1; killAt <= whole.effectCount(); killAt++) {
      await rm(directory, { recursive: true });
      const { known, cutOff } = await runStory(await open('convoy-0.5-vfs', killedFiles(killAt, phase).files));
      const again = await open('convoy-0.5-vfs', systemFiles);
      for (const [volume, isMounted] of known) {
        if (volume === cutOff) continue;
        const found = await again.get(volume);
        expect(found, `${volume}, killed ${phase} effect ${killAt}`).toBeDefined();
        expect(found?.mountpoint !== undefined, `${volume}, killed ${phase} effect ${killAt}`).toBe(isMounted);
      }
      const strangers = (await again.list()).filter(({ name }) => !known.has(name) && name !== cutOff);
      expect(strangers).toEqual([]);
      await again.create('a1');
      expect(await again.mount('a1')).toContain('a1');
    }
  });
});

describe('a driver that overwrites one file', () => {
  it('can lose everything when it is killed, as the real ones do, and starts all the same', async () => {
    const whole = killedFiles(Number.POSITIVE_INFINITY, 'after');
    const story = async (engine: DriverEngine): Promise<void> => {
      for (const name of ['a1', 'b1']) await engine.create(name, { options: { sshcmd: `u@h:${name}` } });
    };
    await story(await open('sshfs', whole.files));
    const left = new Set<number>();
    for (let killAt = 1; killAt <= whole.effectCount(); killAt++) {
      await rm(directory, { recursive: true });
      await story(await open('sshfs', killedFiles(killAt, 'after').files)).catch((error: unknown) => {
        if (!(error instanceof KilledError)) throw error;
      });
      left.add((await (await open('sshfs', systemFiles)).list()).length);
    }
    expect(left).toEqual(new Set([0, 1, 2]));
  });
});

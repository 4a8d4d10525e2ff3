/** Calls at the same time. Schedules come from the check's seed. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CheckBodies, CheckContext } from '../run/check-context.ts';
import { listedCount, mountBare, mustBeMountedOnce, pathTold, removeBare, unmountBare } from './bare-volume.ts';
import { raceRounds } from './race-rounds.ts';

const PARALLEL_COUNT = 16;
/** How far apart calls "at once" start at most. */
const STAGGER_MS_MAX = 3;
const DELAY_MS_MAX = 1_000;
const REMOVE_RACE_COUNT = 10;

export const conChecks: CheckBodies = {
  async 'CON-001'(context) {
    const { plugin, expect, manifest } = context;
    const name = await context.volume();
    const request = { Name: name, Opts: context.optionsFor(name) };
    const answers = await atOnce(
      context,
      PARALLEL_COUNT,
      async () => await plugin.call('VolumeDriver.Create', request),
    );
    const refused = answers.filter(({ isSuccess }) => !isSuccess);
    expect(refused.length < answers.length, 'one Create to succeed at least', refused[0]?.summary);
    const silent = refused.find(({ err, text }) => err === '' && text.trim() === '');
    expect(silent === undefined, 'a Create that is refused to say why', silent?.summary);
    const count = await listedCount(context, name);
    expect(count === undefined || count === 1, 'List to tell of one volume of that name', `${count}`);
    await mustTakeData(context, name);
    await removeBare(context, name);
    if (manifest.removePolicy === 'noop') return;
    const left = await listedCount(context, name);
    expect(left === undefined || left === 0, 'no volume of that name after Remove', `${left}`);
  },

  async 'CON-002'(context) {
    const { agentSide, expect } = context;
    const names = await atOnce(context, PARALLEL_COUNT, async () => await context.createdVolume());
    const mountpoints = await Promise.all(names.map(async (name) => await mountBare(context, name)));
    const shared = mountpoints.find((mountpoint, index) => mountpoints.indexOf(mountpoint) !== index);
    expect(shared === undefined, 'a mountpoint for each volume', `${shared} for two of them`);
    await Promise.all(names.map(async (name, at) => await agentSide.write(tokenOf(mountpoints[at]), name)));
    await Promise.all(names.map(async (name) => await unmountBare(context, name)));
    await Promise.all(
      names.map(async (name) => {
        const token = await agentSide.read(tokenOf(await mountBare(context, name)));
        expect(token === name, `${name} to have its own token`, token ?? 'no file');
        await unmountBare(context, name);
        await removeBare(context, name);
      }),
    );
  },

  async 'CON-003'(context) {
    const { expect } = context;
    const name = await context.createdVolume();
    const pathBefore = await pathTold(context, name);
    const paths = await atOnce(context, PARALLEL_COUNT, async () => await mountBare(context, name));
    const [mountpoint = ''] = paths;
    expect(new Set(paths).size === 1, 'every Mount to give the same path', [...new Set(paths)].join(' and '));
    await mustBeMountedOnce(context, { name, mountpoint, pathBefore });
  },

  'CON-004': async (context) => {
    const name = await context.createdVolume();
    await raceRounds(context, name);
    await mustTakeData(context, name);
    await removeBare(context, name);
  },

  async 'CON-005'(context) {
    const { plugin, expect, measure } = context;
    const [first, second] = [await context.createdVolume(), await context.createdVolume()];
    const others = await Promise.all(Array.from({ length: PARALLEL_COUNT }, context.createdVolume));
    const timed = async (Name: string): Promise<{ readonly Get: number; readonly Mount: number }> => {
      const { durationMs } = await plugin.call('VolumeDriver.Get', { Name });
      const mounted = (await plugin.call('VolumeDriver.Mount', { Name })).mustSucceed();
      return { Get: durationMs, Mount: mounted.durationMs };
    };
    const alone = await timed(first);
    const mounting = Promise.all(others.map(async (name) => await mountBare(context, name)));
    const [among] = await Promise.all([timed(second), mounting]);
    for (const call of ['Get', 'Mount'] as const) {
      measure(`${call.toLowerCase()}AloneMs`, alone[call]);
      measure(`${call.toLowerCase()}AmongOthersMs`, among[call]);
      expect(
        among[call] - alone[call] <= DELAY_MS_MAX,
        `${call} not to take over 1 s longer than the ${alone[call]} ms alone`,
        `${among[call]} ms while others were being mounted`,
      );
    }
  },

  async 'CON-006'({ client, createdVolume, expect }) {
    const [first, second, shared] = [await createdVolume(), await createdVolume(), await createdVolume()];
    const paths = await client.mountInProcesses([
      [first, shared],
      [second, shared],
    ]);
    const [[ofFirst, ofShared], [ofSecond, ofSharedToo]] = [paths[0] ?? [], paths[1] ?? []];
    expect(ofShared === ofSharedToo, `one path of the volume that both mount, ${ofShared}`, ofSharedToo);
    expect(new Set([ofFirst, ofSecond, ofShared]).size === 3, 'a path for each volume', paths.flat().join(', '));
    for (const name of [first, second, shared]) await client.unmount(name);
  },

  async 'CON-007'(context) {
    const { plugin, manifest, expect, random, signal, note } = context;
    if (manifest.removePolicy === 'noop') note('Remove does nothing, so it always succeeds; Mount has to win');
    for (let round = 1; round <= REMOVE_RACE_COUNT; round++) {
      const name = await context.createdVolume();
      const [mountFirst, wait] = [random.between(0, 1) === 1, random.between(0, STAGGER_MS_MAX)];
      const call = async (method: string, isFirst: boolean) => {
        if (!isFirst) await delay(wait, undefined, { signal });
        return await plugin.call(method, { Name: name });
      };
      const [mounted, removed] = await Promise.all([
        call('VolumeDriver.Mount', mountFirst),
        call('VolumeDriver.Remove', !mountFirst),
      ]);
      const winners = [...(mounted.isSuccess ? ['Mount'] : []), ...(removed.isSuccess ? ['Remove'] : [])];
      const isExpected = manifest.removePolicy === 'noop' ? mounted.isSuccess : winners.length === 1;
      expect(
        isExpected,
        `one of Mount and Remove to win in round ${round}`,
        winners.length === 0 ? `neither: ${mounted.summary}; ${removed.summary}` : 'both',
      );
      if (!mounted.isSuccess) continue;
      await mustHoldFile(context, String(mounted.json?.['Mountpoint']));
      await unmountBare(context, name);
    }
  },
};

/** Starts `count` calls within a few milliseconds, as the seed says. */
async function atOnce<T>({ random, signal }: CheckContext, count: number, call: () => Promise<T>): Promise<T[]> {
  const waits = Array.from({ length: count }, () => random.between(0, STAGGER_MS_MAX));
  return await Promise.all(
    waits.map(async (ms) => {
      if (ms > 0) await delay(ms, undefined, { signal });
      return await call();
    }),
  );
}

function tokenOf(mountpoint = ''): string {
  return join(mountpoint, 'token');
}

async function mustTakeData(context: CheckContext, name: string): Promise<void> {
  await mustHoldFile(context, await mountBare(context, name));
  await unmountBare(context, name);
}

async function mustHoldFile({ agentSide, expect }: CheckContext, mountpoint: string): Promise<void> {
  await agentSide.write(tokenOf(mountpoint), 'kept');
  const text = await agentSide.read(tokenOf(mountpoint));
  expect(text === 'kept', `${tokenOf(mountpoint)} to hold what was written`, text ?? 'no file');
}

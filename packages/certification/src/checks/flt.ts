/** Faults between client and driver. What is judged is the driver's state afterwards. */
import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CheckBodies, CheckContext } from '../run/check-context.ts';
import { CheckFailedError } from '../run/outcome.ts';
import type { BareAnswer } from '../wire/bare-plugin.ts';
import {
  listedCount,
  mountBare,
  mountedBare,
  mustBeMountedOnce,
  mustBeUnmounted,
  pathTold,
  removeBare,
  traceOfMount,
  unmountBare,
  type BareVolume,
} from './bare-volume.ts';
import { garbageFor, sendGarbage } from './garbage.ts';

const SAMPLE_COUNT = 5;
const RETRY_MS = 50;
/** A Mount that nobody waits for any more has this many times its usual time to come to its end. */
const LATE_FACTOR = 4;
const LATE_MS_MIN = 200;
const SLOW_BYTE_MS = 200;
const SERVED_MS_MAX = 1_000;
const HALF_OPEN_COUNT = 1_000;
const OPENED_AT_ONCE = 50;
/** Files that a driver may have opened meanwhile for itself. */
const FD_SLACK = 20;
const PAUSE_MS_MAX = 20_000;

export const fltChecks: CheckBodies = {
  async 'FLT-001'(context) {
    const usualMs = await usualMountMs(context);
    for (const share of [0, 0.5, 1]) {
      const name = await context.createdVolume();
      const pathBefore = await pathTold(context, name);
      await giveUp(context, name, usualMs * share);
      const again = await untilSuccess(context, 'VolumeDriver.Mount', name);
      const volume = { name, pathBefore, mountpoint: String(again.json?.['Mountpoint']) };
      await mustBeMountedOnce(context, volume);
      await endVolume(context, volume);
    }
  },

  async 'FLT-002'(context) {
    const { expect, plugin, manifest } = context;
    const name = await context.volume();
    const request = { Name: name, Opts: context.optionsFor(name) };
    const lost = async (method: string): Promise<BareAnswer> => {
      using connection = plugin.connection();
      return await plugin.call(method, request, { connection }); // it ends with the first bytes of its answer
    };
    const repeated = async (method: string): Promise<BareAnswer> => {
      await lost(method);
      return await plugin.call(method, request);
    };
    (await repeated('VolumeDriver.Create')).mustSucceed();
    const pathBefore = await pathTold(context, name);
    const mounted = (await repeated('VolumeDriver.Mount')).mustSucceed();
    const volume = { name, pathBefore, mountpoint: String(mounted.json?.['Mountpoint']) };
    await mustBeMountedOnce(context, volume);
    for (const method of ['VolumeDriver.Path', 'VolumeDriver.Get']) {
      const first = await lost(method);
      const second = await plugin.call(method, request);
      expect(first.isSuccess === second.isSuccess, `${method} to be answered as before`, second.summary);
    }
    mustSucceedOrSayWhyNot(context, await repeated('VolumeDriver.Unmount'));
    await mustBeUnmounted(context, volume);
    mustSucceedOrSayWhyNot(context, await repeated('VolumeDriver.Remove'));
    const left = await listedCount(context, name);
    const isGone = left === undefined || left === 0 || manifest.removePolicy === 'noop';
    expect(isGone, 'no volume of that name after Remove', `${left}`);
  },

  async 'FLT-003'(context) {
    const { signal, measure } = context;
    const usualMs = await usualMountMs(context);
    measure('usualMountMs', usualMs);
    const volume = await unmountedVolume(context);
    await giveUp(context, volume.name, usualMs / 2);
    // The isolator unmounts at once when its dvdcli was killed.
    await untilSuccess(context, 'VolumeDriver.Unmount', volume.name);
    await delay(Math.max(usualMs * LATE_FACTOR, LATE_MS_MIN), undefined, { signal });
    await mustBeUnmounted(context, volume);
    await removeBare(context, volume.name);
  },

  async 'FLT-004'(context) {
    const { plugin, manifest, note, signal } = context;
    using connection = plugin.connection();
    const slow = Buffer.from(`POST /Plugin.Activate HTTP/1.1\r\nHost: slow\r\nX-Slow: ${'slow '.repeat(1_000)}`);
    const name = await context.createdVolume();
    const deadline = performance.now() + manifest.budgets.raceMs;
    let socket = connection.send(slow.subarray(0, 1));
    let sentCount = 1;
    for (; performance.now() < deadline && !socket.destroyed; sentCount++) {
      await plugin.call('Plugin.Activate', '', { timeoutMs: SERVED_MS_MAX });
      await plugin.call('VolumeDriver.Path', { Name: name }, { timeoutMs: SERVED_MS_MAX });
      await delay(SLOW_BYTE_MS, undefined, { signal });
      if (!socket.destroyed) socket = connection.send(slow.subarray(sentCount, sentCount + 1));
    }
    note(`The slow connection was ${socket.destroyed ? 'ended' : 'still served'} after ${sentCount} bytes`);
  },

  async 'FLT-005'(context) {
    const { plugin, expect } = context;
    const volume = await unmountedVolume(context);
    const { name } = volume;
    const listed = await listedCount(context, name);
    for (const { what, bytes, isHalfClosed } of garbageFor(name)) {
      const answer = await sendGarbage(context, bytes, { isHalfClosed });
      expect(answer?.isSuccess !== true, `a Mount with ${what} to be refused`, answer?.summary);
      (await plugin.call('Plugin.Activate')).mustSucceed();
      const trace = await traceOfMount(context, volume);
      expect(trace === undefined, `${name} not to be mounted by ${what}`, trace);
      const count = await listedCount(context, name);
      expect(count === listed, `List to tell of ${name} as before ${what}`, `${count} times`);
    }
    await mustBeMountedOnce(context, { ...volume, mountpoint: await mountBare(context, name) });
    await unmountBare(context, name);
  },

  async 'FLT-006'(context) {
    const { plugin, measure, signal } = context;
    await using connections = new AsyncDisposableStack();
    const filesBefore = await openFileCount(context);
    for (let count = 0; count < HALF_OPEN_COUNT; count += OPENED_AT_ONCE) {
      signal.throwIfAborted();
      for (let at = 0; at < OPENED_AT_ONCE; at++) {
        connections.use(plugin.connection()).send('POST /Plugin.Activate HTTP/1.1\r\nHost: ');
      }
      // The one after them is answered when they have come through.
      (await plugin.call('Plugin.Activate')).mustSucceed();
    }
    await endVolume(context, await mountedBare(context));
    await connections.disposeAsync();
    if (filesBefore === undefined) return;
    await mustReleaseFiles(context, filesBefore);
    measure('openFileCount', filesBefore);
  },

  async 'FLT-009'(context) {
    const { driver, expect, manifest, plugin, signal } = context;
    const usualMs = await usualMountMs(context);
    const pauseMs = Math.min(PAUSE_MS_MAX, manifest.budgets.raceMs);
    const name = await context.createdVolume();
    const pathBefore = await pathTold(context, name);
    const mount = async (): Promise<BareAnswer> =>
      await plugin.call('VolumeDriver.Mount', { Name: name }, { timeoutMs: pauseMs + manifest.budgets.mountMs });
    const first = mount();
    first.catch(() => undefined); // looked at below
    await delay(usualMs / 2, undefined, { signal });
    await driver.kill('SIGSTOP');
    const second = mount();
    second.catch(() => undefined);
    try {
      await delay(pauseMs, undefined, { signal });
    } finally {
      await driver.kill('SIGCONT');
    }
    const [before, within] = [(await first).mustSucceed(), (await second).mustSucceed()];
    const mountpoint = String(before.json?.['Mountpoint']);
    expect(within.json?.['Mountpoint'] === mountpoint, `one path, ${mountpoint}`, within.summary);
    await mustBeMountedOnce(context, { name, mountpoint, pathBefore });
    await endVolume(context, { name, mountpoint, pathBefore });
  },

  async 'FLT-010'(context) {
    const { agentSide, plugin, expect, note } = context;
    const volume = await mountedBare(context);
    const { name, mountpoint } = volume;
    const path = join(mountpoint, 'held');
    const trace = await traceOfMount(context, volume);
    await agentSide.write(path, 'held');
    const { stdout } = await agentSide.exec(['readlink', '-f', '--', path]);
    const file = await open(agentSide.pathFromHere(stdout.trimEnd()), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const busy = await plugin.call('VolumeDriver.Unmount', { Name: name });
      note(`Unmount of a volume with an open file: ${busy.summary}`);
      if (busy.isSuccess) return await mustBeUnmounted(context, volume);
      mustSucceedOrSayWhyNot(context, busy);
      const told = await traceOfMount(context, volume);
      expect(told === trace, `the volume to be told as mounted, ${trace}`, told ?? 'as unmounted');
      const text = await agentSide.read(path);
      expect(text === 'held', 'a volume whose Unmount was refused to be as before', text ?? 'no file');
    } finally {
      await file.close();
    }
    await endVolume(context, volume);
  },
};

/** The median of a few Mounts. */
async function usualMountMs(context: CheckContext): Promise<number> {
  const name = await context.createdVolume();
  const samples: number[] = [];
  for (let count = 0; count < SAMPLE_COUNT; count++) {
    const { durationMs } = (await context.plugin.call('VolumeDriver.Mount', { Name: name })).mustSucceed();
    samples.push(durationMs);
    await unmountBare(context, name);
  }
  return samples.toSorted((a, b) => a - b)[Math.floor(SAMPLE_COUNT / 2)] ?? 0;
}

/** A Mount whose client hangs up after a while, as a dvdcli that is killed. */
async function giveUp({ plugin }: CheckContext, name: string, afterMs: number): Promise<void> {
  try {
    await plugin.call('VolumeDriver.Mount', { Name: name }, { timeoutMs: Math.max(Math.round(afterMs), 1) });
  } catch (error) {
    if (!(error instanceof CheckFailedError)) throw error; // that is the end of its patience
  }
}

/** Repeats a call that is refused. @throws CheckFailedError when it still is after the budget of a Mount */
async function untilSuccess(context: CheckContext, method: string, name: string): Promise<BareAnswer> {
  const deadline = performance.now() + context.manifest.budgets.mountMs;
  for (;;) {
    const answer = await context.plugin.call(method, { Name: name });
    if (answer.isSuccess || performance.now() > deadline) return answer.mustSucceed();
    await delay(RETRY_MS, undefined, { signal: context.signal });
  }
}

/** A volume that was mounted, and is not any more. */
async function unmountedVolume(context: CheckContext): Promise<BareVolume> {
  const volume = await mountedBare(context);
  await unmountBare(context, volume.name);
  await mustBeUnmounted(context, volume);
  return volume;
}

/** @throws CheckFailedError unless one Unmount unmounts it, and it can be removed */
async function endVolume(context: CheckContext, volume: BareVolume): Promise<void> {
  await unmountBare(context, volume.name);
  await mustBeUnmounted(context, volume);
  await removeBare(context, volume.name);
}

function mustSucceedOrSayWhyNot({ expect }: CheckContext, answer: BareAnswer): void {
  const saysWhy = answer.isSuccess || answer.err !== '' || answer.text.trim() !== '';
  expect(saysWhy, `${answer.method} to succeed or to say why not`, answer.summary);
}

/** Open files of the driver; undefined, and told, when nobody can know. */
async function openFileCount({ driver, note }: CheckContext): Promise<number | undefined> {
  const pid = await driver.findPid();
  if (pid === undefined || pid === process.pid) note('The open files of the driver could not be counted');
  return pid === undefined || pid === process.pid ? undefined : (await readdir(`/proc/${pid}/fd`)).length;
}

async function mustReleaseFiles(context: CheckContext, before: number): Promise<void> {
  const { expect, manifest, signal } = context;
  const deadline = performance.now() + manifest.budgets.settleMs;
  for (;;) {
    const now = (await openFileCount(context)) ?? before;
    if (now <= before + FD_SLACK) return;
    expect(performance.now() < deadline, `the driver to have about ${before} open files again`, `${now}`);
    await delay(RETRY_MS, undefined, { signal });
  }
}

/**
 * How Mesos counts: the isolator mounts for each container without an id, and unmounts once, for the last one.
 * @see https://issues.apache.org/jira/browse/MESOS-4355
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CheckBodies, CheckContext } from '../run/check-context.ts';
import { failingMount } from './failing-mount.ts';
import {
  eventually,
  faultOf,
  mountedVolume,
  mustBeMounted,
  mustBeUnmounted,
  mustStillBeMounted,
  openFileIn,
} from './volume-state.ts';

const CONTAINER_COUNT = 3;
const ROUND_COUNT = 50;

export const cntChecks: CheckBodies = {
  async 'CNT-001'(context) {
    const { client } = context;
    const volume = await mountedVolume(context);
    for (let count = 1; count < CONTAINER_COUNT; count++) await client.mount(volume.name);
    await client.unmount(volume.name);
    await mustBeUnmounted(context, volume);
    await client.remove(volume.name);
  },

  async 'CNT-002'(context) {
    const { client, agentSide, expect } = context;
    const forA = await mountedVolume(context);
    await agentSide.write(join(forA.mountpoint, 'of-a'), 'a');
    const forB = await client.mount(forA.name);
    const seen = await agentSide.read(join(forB, 'of-a'));
    expect(seen === 'a', 'B to see what A wrote', seen ?? 'no file');
    // A ends, of which the driver hears nothing; meanwhile another task comes and goes.
    const other = await mountedVolume(context);
    await client.unmount(other.name);
    await mustBeUnmounted(context, other);
    await agentSide.write(join(forB, 'of-b'), 'b');
    const kept = await agentSide.list(forB);
    expect(kept.includes('of-a') && kept.includes('of-b'), 'B to have both files', kept);
    await mustBeMounted(context, { ...forA, mountpoint: forB });
    await client.unmount(forA.name);
  },

  async 'CNT-003'(context) {
    const { client, expect, measure } = context;
    const { name, realPath } = await mountedVolume(context);
    const round = async (): Promise<void> => {
      await client.mount(name);
      await client.mount(name);
      await client.unmount(name);
    };
    await round(); // what a driver opens once and keeps is no leak
    const volume = { name, realPath };
    const before = await usageOf(context, volume);
    for (let count = 0; count < ROUND_COUNT; count++) await round();
    await eventually(context, `no growth after ${ROUND_COUNT} rounds`, async () => {
      const after = await usageOf(context, volume);
      for (const kind of ['mounts', 'loopDevices'] as const) {
        if (after[kind] > before[kind]) return `${kind}: ${before[kind]} before, ${after[kind]} after`;
      }
      if (before.files === undefined || after.files === undefined) return undefined;
      measure('grownFiles', after.files - before.files);
      // A driver keeps some connections open, and other requests are under way.
      return after.files - before.files < ROUND_COUNT / 2 ? undefined : `${after.files - before.files} open files more`;
    });
    if (before.files === undefined) context.note("The driver's process is not known: its files were not counted");
    expect((await faultOf(client.mount(name))) === undefined, 'the volume to be mountable still', 'a refusal');
  },

  async 'CNT-004'(context) {
    const { client, random } = context;
    const [first, ...others] = Array.from({ length: CONTAINER_COUNT }, () => random.hex(32));
    const volume = await mountedVolume(context, undefined, first);
    for (const mountId of others) await client.mount(volume.name, { mountId });
    for (const mountId of others) {
      await client.unmount(volume.name, { mountId });
      await mustStillBeMounted(context, volume, 'while an id holds it');
    }
    await client.unmount(volume.name, first === undefined ? {} : { mountId: first });
    await mustBeUnmounted(context, volume);
  },

  async 'CNT-005'(context) {
    const { client, createdVolume, note } = context;
    // Both at once, as the isolator does; it waits for all, then unmounts all that it had planned.
    const [mounted, failed] = await Promise.all([mountedVolume(context, await createdVolume()), failingMount(context)]);
    await mustBeMounted(context, mounted);
    const [, cleaned] = await Promise.all([client.unmount(mounted.name), faultOf(client.unmount(failed))]);
    if (cleaned !== undefined) note(`Unmount of the volume whose Mount failed: ${cleaned.got}`);
    await mustBeUnmounted(context, mounted);
    const again = await mountedVolume(context, mounted.name);
    await mustBeMounted(context, again);
    await client.unmount(mounted.name);
    await mustBeUnmounted(context, again);
    await client.remove(mounted.name);
  },

  async 'CNT-006'(context) {
    const { client, note } = context;
    const volume = await mountedVolume(context);
    {
      await using _held = await openFileIn(context, volume.mountpoint);
      const refusal = await faultOf(client.unmount(volume.name));
      note(refusal === undefined ? 'Unmount does not fail while a file is open' : `Unmount fails: ${refusal.got}`);
    }
    const again = await mountedVolume(context, volume.name);
    await mustBeMounted(context, again);
    await client.unmount(volume.name);
    await mustBeUnmounted(context, { ...again, pathBefore: volume.pathBefore });
    await client.remove(volume.name);
  },
};

interface Usage {
  readonly mounts: number;
  readonly loopDevices: number;
  /** Open ones of the driver's process; absent when that is not known. */
  readonly files?: number;
}

async function usageOf(
  { agentSide, driver }: CheckContext,
  { name, realPath }: { readonly name: string; readonly realPath: string },
): Promise<Usage> {
  const mounts = (await agentSide.mounts()).filter(
    ({ mountpoint }) => mountpoint === realPath || mountpoint.includes(name),
  ).length;
  const images = await agentSide.exec(['sh', '-c', 'cat /sys/block/loop*/loop/backing_file 2>/dev/null || true']);
  const loopDevices = images.stdout.split('\n').filter((image) => image.includes(name)).length;
  const pid = await driver.findPid();
  if (pid === undefined) return { mounts, loopDevices };
  try {
    return { mounts, loopDevices, files: (await readdir(`/proc/${pid}/fd`)).length };
  } catch {
    return { mounts, loopDevices }; // the process is another user's
  }
}

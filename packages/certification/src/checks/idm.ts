/** Idempotency: clients say everything more than once. */
import { join } from 'node:path';
import type { VolumeOptions } from '@drydock/volume-plugin';
import type { CheckBodies, CheckContext } from '../run/check-context.ts';
import {
  getTold,
  listedCount,
  mountedVolume,
  mustBeMounted,
  mustBeUnmounted,
  mustStillBeMounted,
  pathTold,
  type MountedVolume,
} from './volume-state.ts';

/** As csi-sanity repeats what has to be idempotent. */
const REPEAT_COUNT = 10;
const bodiless = [
  'VolumeDriver.Create',
  'VolumeDriver.Mount',
  'VolumeDriver.Unmount',
  'VolumeDriver.Remove',
  'VolumeDriver.Get',
  'VolumeDriver.Path',
];

export const idmChecks: CheckBodies = {
  async 'IDM-001'(context) {
    const { client, volume, expect, note } = context;
    const name = await volume();
    for (let count = 0; count < REPEAT_COUNT; count++) await client.create(name);
    const listed = await listedCount(context, name);
    if (listed === undefined) note('The driver has no List, so how many volumes there are was not looked at');
    else expect(listed === 1, 'List to have the volume once', `${listed} times`);
  },

  async 'IDM-002'(context) {
    const { client, plugin } = context;
    const volume = await volumeWithToken(context);
    await client.unmount(volume.name);
    const before = await getTold(context, volume.name);
    (await plugin.call('VolumeDriver.Create', { Name: volume.name, Opts: null })).mustSucceed();
    mustTellTheSame(context, before, await getTold(context, volume.name));
    const again = await mountedVolume(context, volume.name);
    await mustHoldToken(context, again);
    await client.unmount(volume.name);
    await mustBeUnmounted(context, again);
  },

  async 'IDM-003'(context) {
    const { client, plugin, agentSide, expect } = context;
    const volume = await volumeWithToken(context);
    const before = await agentSide.mountsAt(volume.realPath);
    const pathBefore = await pathTold(context, volume.name);
    (await plugin.call('VolumeDriver.Create', { Name: volume.name, Opts: null })).mustSucceed();
    const after = await agentSide.mountsAt(volume.realPath);
    const [had, has] = [before, after].map((mounts) => mounts.map(({ id }) => id).join(' '));
    expect(had === has, `the mounts at ${volume.mountpoint} to stay`, after);
    const path = await pathTold(context, volume.name);
    expect(path === pathBefore, `Path to tell '${pathBefore}' as before`, path);
    await mustHoldToken(context, volume);
    await mustBeMounted(context, volume);
    // One Mount was counted, before and after.
    await client.unmount(volume.name);
    await mustBeUnmounted(context, volume);
    await client.remove(volume.name);
  },

  async 'IDM-004'(context) {
    const { client, plugin, optionsFor, expect, note } = context;
    const volume = await volumeWithToken(context);
    await client.unmount(volume.name);
    const before = await getTold(context, volume.name);
    const created = await plugin.call('VolumeDriver.Create', {
      Name: volume.name,
      Opts: conflictingOptions(optionsFor(volume.name)),
    });
    note(created.isSuccess ? 'Other options are ignored' : `Other options are refused: ${created.summary}`);
    mustTellTheSame(context, before, await getTold(context, volume.name));
    const listed = await listedCount(context, volume.name);
    expect(listed === undefined || listed === 1, 'List to have the volume once', `${listed} times`);
    const again = await mountedVolume(context, volume.name);
    await mustHoldToken(context, again);
    await client.unmount(volume.name);
  },

  async 'IDM-005'(context) {
    const { client, agentSide, expect } = context;
    const first = await mountedVolume(context);
    const stackedBefore = (await agentSide.mountsAt(first.realPath)).length;
    for (let count = 1; count < REPEAT_COUNT; count++) {
      const mountpoint = await client.mount(first.name);
      expect(mountpoint === first.mountpoint, `every Mount to give ${first.mountpoint}`, mountpoint);
    }
    const stacked = (await agentSide.mountsAt(first.realPath)).length;
    expect(stacked === stackedBefore, `${stackedBefore} mount at ${first.mountpoint}`, `${stacked}`);
    await mustBeMounted(context, first);
  },

  async 'IDM-006'(context) {
    const { plugin, client, createdVolume, expect } = context;
    const bystander = await mountedVolume(context);
    const name = await createdVolume();
    const unmountIdle = async (when: string): Promise<void> => {
      const answer = await plugin.call('VolumeDriver.Unmount', { Name: name });
      const hasText = answer.isSuccess || (answer.err || answer.text).trim() !== '';
      expect(hasText, `Unmount of a volume that ${when} to succeed, or to say why not`, answer.summary);
    };
    await unmountIdle('was never mounted');
    const volume = await mountedVolume(context, name);
    await mustBeMounted(context, volume);
    await client.unmount(name);
    await mustBeUnmounted(context, volume);
    await unmountIdle('was unmounted');
    const again = await mountedVolume(context, name);
    await mustBeMounted(context, again);
    await client.unmount(name);
    await mustBeUnmounted(context, again);
    await mustBeMounted(context, bystander);
    await client.unmount(bystander.name);
  },

  async 'IDM-007'(context) {
    const { plugin, volume, createdVolume, expect } = context;
    const bystander = await createdVolume();
    const answer = await plugin.call('VolumeDriver.Remove', { Name: await volume() });
    const hasText = answer.isSuccess || (answer.err || answer.text).trim() !== '';
    expect(hasText, 'Remove of an unknown volume to succeed, or to say why not', answer.summary);
    const activated = await plugin.call('Plugin.Activate');
    expect(activated.status === 200, 'the driver to live', activated.summary);
    const got = await getTold(context, bystander);
    expect(got !== undefined, 'the other volume to be there', 'Get is refused');
  },

  async 'IDM-008'(context) {
    const { plugin, createdVolume, expect } = context;
    const bystander = await createdVolume();
    for (const method of bodiless) {
      const answer = await plugin.call(method, '');
      expect(!answer.isSuccess, `${method} without a body to be refused`, answer.summary);
    }
    const nameless = await listedCount(context, '');
    expect(nameless === undefined || nameless === 0, 'no volume without a name (remove it by hand)', `${nameless}`);
    const activated = await plugin.call('Plugin.Activate');
    expect(activated.status === 200, 'the driver to live', activated.summary);
    const got = await getTold(context, bystander);
    expect(got !== undefined, 'the other volume to be there', 'Get is refused');
  },

  async 'IDM-009'(context) {
    const { plugin, client, random, expect, note } = context;
    const mountId = random.hex(32);
    const volume = await mountedVolume(context, undefined, mountId);
    const again = await plugin.call('VolumeDriver.Mount', { Name: volume.name, ID: mountId });
    if (again.isSuccess) {
      const given = again.json?.['Mountpoint'];
      expect(given === volume.mountpoint, `the same id to get ${volume.mountpoint} again`, again.summary);
    } else note(`A second Mount with one id is refused: ${again.summary}`);
    const stranger = await plugin.call('VolumeDriver.Unmount', { Name: volume.name, ID: random.hex(32) });
    note(`Unmount with an id that never mounted: ${stranger.summary}`);
    await mustStillBeMounted(context, volume, 'after an Unmount with an id that never mounted');
    await client.unmount(volume.name, { mountId });
    const isCounted = (await pathTold(context, volume.name)) === volume.mountpoint && volume.pathBefore === '';
    note(isCounted ? 'Mounts of one id are counted' : 'Mounts of one id count once');
    if (isCounted) await client.unmount(volume.name, { mountId });
    await mustBeUnmounted(context, volume);
  },
};

/** A mounted volume that holds its name. */
async function volumeWithToken(context: CheckContext): Promise<MountedVolume> {
  const volume = await mountedVolume(context);
  await context.agentSide.write(join(volume.mountpoint, 'token'), volume.name);
  return volume;
}

async function mustHoldToken({ agentSide, expect }: CheckContext, { name, mountpoint }: MountedVolume): Promise<void> {
  const token = await agentSide.read(join(mountpoint, 'token'));
  expect(token === name, 'the data to be as they were', token ?? 'no file');
}

/** What Get tells of a volume that is not mounted. Status may have whatever changes by itself. */
function mustTellTheSame(
  { expect, note }: CheckContext,
  before: Awaited<ReturnType<typeof getTold>>,
  after: Awaited<ReturnType<typeof getTold>>,
): void {
  if (typeof before !== 'object' || before === undefined) return;
  expect(typeof after === 'object', 'Get to know the volume still', 'a refusal');
  if (typeof after !== 'object') return;
  for (const field of ['Name', 'CreatedAt', 'Mountpoint'] as const) {
    const [had, has] = [before[field], after[field]].map((value) => JSON.stringify(value) ?? 'nothing');
    expect(had === has, `Get to tell the ${field} ${had}`, has);
  }
  const [had, has] = [before, after].map((told) => JSON.stringify(told['Status']) ?? 'none');
  if (had !== has) note(`Status was ${had}, now ${has}`);
}

/** Other values for the same options; of a driver without options, one that it does not know. */
function conflictingOptions(options: VolumeOptions): VolumeOptions {
  const other = Object.entries(options).map(([key, value]) => [key, `${value}-other`]);
  return other.length > 0 ? Object.fromEntries(other) : { 'certify-other': 'value' };
}

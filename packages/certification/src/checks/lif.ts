/** Lifecycle. @see https://docs.docker.com/engine/extend/plugins_volume/ */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextIfThere } from '@drydock/base/read-if-there';
import { mountDifference } from '../driver/mount-table.ts';
import type { CheckBodies, CheckContext } from '../run/check-context.ts';
import { HarnessError } from '../run/outcome.ts';
import { failingMount } from './failing-mount.ts';
import { lifMountpointChecks } from './lif-mountpoint.ts';
import {
  eventually,
  faultOf,
  getTold,
  listedCount,
  mountedVolume,
  mustBeMounted,
  mustBeUnmounted,
  mustBeUsable,
  mustStillBeMounted,
  openFileIn,
  pathTold,
} from './volume-state.ts';

export const lifChecks: CheckBodies = {
  ...lifMountpointChecks,

  async 'LIF-001'(context) {
    const { client, volume, expect, manifest } = context;
    const name = await volume();
    const mustKnow = async (when: string): Promise<void> => {
      const got = await getTold(context, name);
      expect(got !== undefined, `Get to know the volume ${when}`, 'a refusal');
    };
    await client.create(name);
    await mustKnow('after Create');
    await client.mount(name);
    await mustKnow('while it is mounted');
    await client.unmount(name);
    await mustKnow('after Unmount');
    await client.remove(name);
    if (manifest.removePolicy === 'noop') return;
    const got = await getTold(context, name);
    expect(got === undefined || got === 'missing', 'Get to be refused after Remove', got);
  },

  async 'LIF-008'(context) {
    const { client, agentSide, expect, manifest } = context;
    const volume = await mountedVolume(context);
    const kept = join(volume.mountpoint, 'kept');
    await agentSide.write(kept, volume.name);
    const refusal = await faultOf(client.remove(volume.name));
    const read = await agentSide.read(kept);
    expect(read === volume.name, 'the data of the mounted volume to be there after Remove', read ?? 'no file');
    if (refusal === undefined) {
      const isDeclared = manifest.removeMounted === 'defer' || manifest.removePolicy === 'noop';
      expect(isDeclared, 'Remove of a mounted volume to be refused', 'success, and removeMounted is not defer');
    } else await mustBeMounted(context, volume);
    await agentSide.exec(['rm', '-f', '--', kept]);
    await client.unmount(volume.name);
    await mustBeUnmounted(context, volume);
    if (refusal !== undefined) await client.remove(volume.name);
  },

  async 'LIF-009'(context) {
    const { client, agentSide, expect, manifest, note } = context;
    const { removePolicy } = manifest;
    const first = await mountedVolume(context);
    await agentSide.write(join(first.mountpoint, 'old'), first.name);
    await client.unmount(first.name);
    await client.remove(first.name);
    const isGone = (await getTold(context, first.name)) !== undefined ? 'Get knows it' : undefined;
    const listed = ((await listedCount(context, first.name)) ?? 0) > 0 ? 'List has it' : undefined;
    const still = isGone ?? listed;
    if (removePolicy === 'noop') note(`Remove is declared to do nothing; afterwards: ${still ?? 'it is gone'}`);
    else expect(still === undefined, 'the volume to be gone after Remove', still);
    await client.create(first.name);
    const again = await mountedVolume(context, first.name);
    const old = join(again.mountpoint, 'old');
    const hasOld = (await agentSide.read(old)) !== undefined;
    if (removePolicy === 'delete') expect(!hasOld, 'no old data in a volume that was made anew', 'the old file');
    else note(`Remove is declared ${removePolicy}; the data were ${hasOld ? 'kept' : 'deleted'}`);
    await agentSide.exec(['rm', '-f', '--', old]);
    await client.unmount(first.name);
  },

  async 'LIF-010'(context) {
    const { client, volume, plugin, agentSide, expect, manifest } = context;
    const mounted = await mountedVolume(context, await volume());
    await mustBeMounted(context, mounted);
    const got = await getTold(context, mounted.name);
    expect(got !== undefined, 'the volume to be known after the mount that made it', 'Get is refused');
    const { probe } = manifest.options;
    if (probe !== undefined) {
      const { exitCode, stderr } = await agentSide.exec([
        'sh',
        '-c',
        'cd "$1" && shift && exec "$@"',
        'probe',
        mounted.mountpoint,
        ...probe,
      ]);
      expect(exitCode === 0, "the manifest's options.probe to succeed", stderr.trim() || `exit status ${exitCode}`);
    }
    await client.unmount(mounted.name);
    // The client creates first; who mounts without it is told so, or gets a volume, and never an empty path.
    const unknown = await volume();
    const answer = await plugin.call('VolumeDriver.Mount', { Name: unknown });
    if (!answer.isSuccess) return;
    const mountpoint = answer.json?.['Mountpoint'];
    const isPath = typeof mountpoint === 'string' && mountpoint.startsWith('/');
    expect(isPath, 'a Mount without Create to be refused, or to make the volume', answer.summary);
    await mustBeUsable(context, String(mountpoint));
  },

  async 'LIF-011'(context) {
    const { client, volume, expect } = context;
    const name = await volume();
    await runVendorCli(context, 'create', name);
    const got = await getTold(context, name);
    expect(got !== undefined, 'Get to know a volume that the vendor made', 'a refusal');
    const mounted = await mountedVolume(context, name);
    await mustBeMounted(context, mounted);
    await client.unmount(name);
    await mustBeUnmounted(context, mounted);
  },

  async 'LIF-012'(context) {
    const { client, createdVolume } = context;
    const name = await createdVolume();
    await runVendorCli(context, 'remove', name);
    await eventually(context, 'Get to be refused after the vendor removed the volume', async () => {
      const got = await getTold(context, name);
      return got === undefined || got === 'missing' ? undefined : JSON.stringify(got);
    });
    await client.create(name);
    const mounted = await mountedVolume(context, name);
    await mustBeMounted(context, mounted);
    await client.unmount(name);
  },

  async 'LIF-014'(context) {
    const { client, note } = context;
    const volume = await mountedVolume(context);
    {
      await using _held = await openFileIn(context, volume.mountpoint);
      const refusal = await faultOf(client.unmount(volume.name));
      note(refusal === undefined ? 'Unmount with an open file succeeds' : `Unmount with an open file: ${refusal.got}`);
      if (refusal === undefined) await mustBeUnmounted(context, volume);
      else await mustStillBeMounted(context, volume, 'after an Unmount that was refused');
      if (refusal === undefined) return;
    }
    await client.unmount(volume.name);
    await mustBeUnmounted(context, volume);
  },

  async 'LIF-015'(context) {
    const { client, agentSide, plugin, optionsFor, expect, manifest } = context;
    const before = await agentSide.mounts();
    const failed = await failingMount(context);
    const pathAfter = await pathTold(context, failed);
    const removal = await plugin.call('VolumeDriver.Remove', { Name: failed });
    if (!removal.isSuccess) {
      const got = await getTold(context, failed);
      expect(got === undefined, 'a volume whose Mount failed to be removable', removal.summary);
    }
    (await plugin.call('VolumeDriver.Create', { Name: failed, Opts: optionsFor(failed) })).mustSucceed();
    const mounted = await mountedVolume(context, failed);
    await mustBeMounted(context, mounted);
    await client.unmount(failed);
    await mustBeUnmounted(context, mounted);
    if (manifest.plainDirectory) {
      const path = await pathTold(context, failed);
      const told = `Path to tell '${path}' after a failed Mount, as of every volume that is not mounted`;
      expect(pathAfter === '' || pathAfter === path, told, pathAfter);
    }
    // Others mount, too; what the failed Mount left has its name, or lies where it is mounted now.
    const { added } = mountDifference(before, await agentSide.mounts());
    const left = added.find((mount) => mount.mountpoint === mounted.realPath || mount.mountpoint.includes(failed));
    expect(left === undefined, 'nothing to be left of the failed Mount', left);
  },

  async 'LIF-016'(context) {
    const { client, secrets, createdVolume, agentSide, expect, events, manifest, note } = context;
    if (secrets.length === 0) throw new HarnessError('No secret of the options has a value', 'set the variables');
    const { log } = manifest;
    const logBytes = log === undefined ? 0 : await sizeOf(context, log);
    const volume = await createdVolume();
    await client.mount(volume);
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const line = (await readTextIfThere(`/proc/${pid}/cmdline`).catch(() => undefined)) ?? ''; // it ended meanwhile
      expect(!hasSecret(line, secrets), 'no secret in the arguments of a process', `one of process ${pid}`);
    }
    await getTold(context, volume);
    await listedCount(context, volume);
    await client.unmount(volume);
    for (const event of events()) {
      if (event.kind !== 'exchange') continue;
      const text = event.response?.body ?? '';
      expect(!hasSecret(text, secrets), 'no secret in an answer', `one in that of ${event.method}`);
    }
    if (log === undefined) {
      note("The manifest names no log, so the driver's was not looked at");
      return;
    }
    const { stdout } = await agentSide.exec(['tail', '-c', `+${logBytes + 1}`, '--', log]);
    expect(!hasSecret(stdout, secrets), "no secret in the driver's log", `one in ${log}`);
  },

  async 'LIF-017'(context) {
    const { client, agentSide, createdVolume, volumeInCapitals, plugin, optionsFor, expect, note } = context;
    const name = await createdVolume();
    const capitals = await volumeInCapitals(name);
    const created = await plugin.call('VolumeDriver.Create', { Name: capitals, Opts: optionsFor(capitals) });
    if (!created.isSuccess) {
      note(`The second Create is refused: ${created.summary}`);
      return;
    }
    const [one, other] = [await mountedVolume(context, name), await mountedVolume(context, capitals)];
    await agentSide.write(join(one.mountpoint, 'token'), name);
    const token = await agentSide.read(join(other.mountpoint, 'token'));
    expect(token === undefined, `${capitals} to be another volume than ${name}`, `it holds the file of ${name}`);
    await client.unmount(capitals);
    await mustBeUsable(context, one.mountpoint);
    await client.unmount(name);
  },
};

async function runVendorCli(
  { agentSide, manifest, expect }: CheckContext,
  command: 'create' | 'remove',
  volume: string,
): Promise<void> {
  const [file, ...args] = manifest.vendorCli?.[command] ?? [];
  if (file === undefined) throw new HarnessError('There is no vendorCli', 'declare it in the manifest');
  const argv = [file, ...args.map((argument) => argument.replaceAll('<name>', volume))] as const;
  const { exitCode, stderr } = await agentSide.exec(argv);
  expect(exitCode === 0, `vendorCli.${command} to succeed`, stderr.trim() || `exit status ${exitCode}`);
}

function hasSecret(text: string, secrets: readonly string[]): boolean {
  return secrets.some((secret) => text.includes(secret) || text.includes(JSON.stringify(secret).slice(1, -1)));
}

async function sizeOf({ agentSide }: CheckContext, path: string): Promise<number> {
  const { stdout } = await agentSide.exec(['stat', '-c', '%s', '--', path]);
  return Number(stdout.trim()) || 0;
}

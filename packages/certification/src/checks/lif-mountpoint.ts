/** Lifecycle: where a volume is mounted, and that it is gone afterwards. */
import { join, normalize } from 'node:path';
import type { CheckBodies, CheckContext } from '../run/check-context.ts';
import {
  eventually,
  getTold,
  mountedVolume,
  mustBeMounted,
  mustBeUnmounted,
  mustBeUsable,
  pathTold,
  type MountedVolume,
} from './volume-state.ts';

export const lifMountpointChecks: CheckBodies = {
  async 'LIF-002'({ client, createdVolume, agentSide, expect }) {
    const volume = await createdVolume();
    const mountpoint = await client.mount(volume);
    const isThere = await agentSide.exec(['test', '-d', mountpoint]);
    expect(mountpoint !== '', 'a mountpoint', 'an empty one');
    expect(mountpoint.startsWith('/'), 'an absolute mountpoint', mountpoint);
    const clean = normalize(mountpoint).replace(/(.)\/$/, '$1');
    expect(mountpoint === clean, `a clean path, ${clean}`, mountpoint);
    expect(mountpoint !== '/', 'a directory of the volume', mountpoint);
    expect(isThere.exitCode === 0, `${mountpoint} to be a directory at once`, 'none is there');
    await client.unmount(volume);
  },

  async 'LIF-003'(context) {
    const { client, agentSide, manifest, note } = context;
    const volume = await mountedVolume(context);
    const token = join(volume.mountpoint, 'token');
    if (manifest.plainDirectory) {
      await agentSide.write(token, volume.name);
      if (manifest.backingDirectory === undefined) {
        note('The manifest says plainDirectory and no backingDirectory, so where the data lie was not looked at');
      } else await mustLieIn(context, volume, manifest.backingDirectory);
      await agentSide.exec(['rm', '-f', '--', token]);
      await client.unmount(volume.name);
      return;
    }
    await mustBeMounted(context, volume);
    await agentSide.write(token, volume.name);
    await client.unmount(volume.name);
    await mustBeUnmounted(context, volume);
    await eventually(context, `${token} not to be on the host below the volume`, async () =>
      (await agentSide.read(token)) === undefined ? undefined : 'it is there without the mount',
    );
  },

  async 'LIF-004'(context) {
    const { client, plugin, expect } = context;
    const { name, mountpoint } = await mountedVolume(context);
    const got = await getTold(context, name);
    if (got !== 'missing') {
      const told = got?.['Mountpoint'];
      expect(told === mountpoint, `Get to tell ${mountpoint}`, told ?? 'no Mountpoint');
    }
    const path = (await plugin.call('VolumeDriver.Path', { Name: name })).mustSucceed();
    expect(path.json?.['Mountpoint'] === mountpoint, `Path to tell ${mountpoint}`, path.summary);
    const clientPath = await client.path(name);
    expect(clientPath === mountpoint, `the client's path command to give ${mountpoint}`, clientPath);
    await client.unmount(name);
  },

  async 'LIF-005'(context) {
    const { client, createdVolume, expect } = context;
    const [unmounted, never] = [await createdVolume(), await createdVolume()];
    await client.mount(unmounted);
    await client.unmount(unmounted);
    const { name, mountpoint } = await mountedVolume(context);
    for (const other of [unmounted, never]) {
      const path = await pathTold(context, other);
      expect(path !== mountpoint, `Path of ${other} not to tell the mountpoint of ${name}`, path);
      const got = await getTold(context, other);
      const told = typeof got === 'object' ? got['Mountpoint'] : undefined;
      expect(told !== mountpoint, `Get of ${other} not to tell the mountpoint of ${name}`, told);
    }
    await client.unmount(name);
  },

  async 'LIF-006'(context) {
    const { client, agentSide, expect } = context;
    const volume = await mountedVolume(context);
    await mustBeMounted(context, volume);
    const [mount] = await agentSide.mountsAt(volume.realPath);
    const image = mount === undefined ? undefined : await loopImage(context, mount.device);
    await client.unmount(volume.name);
    await mustBeUnmounted(context, volume);
    if (mount === undefined || image === undefined) return;
    await eventually(context, `loop device ${mount.source} to be detached`, async () =>
      (await loopImage(context, mount.device)) === image ? `it still has ${image}` : undefined,
    );
    expect(!(await agentSide.mounts()).some(({ device }) => device === mount.device), 'no mount of the device', 'one');
  },

  async 'LIF-007'(context) {
    const { client, agentSide, expect } = context;
    const first = await mountedVolume(context);
    await agentSide.write(join(first.mountpoint, 'kept'), first.name);
    await client.unmount(first.name);
    await mustBeUnmounted(context, first);
    const again = await mountedVolume(context, first.name);
    const kept = await agentSide.read(join(again.mountpoint, 'kept'));
    expect(kept === first.name, 'the file that was written before', kept ?? 'no file');
    await mustBeMounted(context, again);
    await client.unmount(first.name);
  },

  async 'LIF-013'(context) {
    const { client, volume, optionsFor, plugin, agentSide, expect, note } = context;
    const [one, other] = [await mountedVolume(context), await mountedVolume(context)];
    mustDiffer(context, one, other);
    for (const { name, mountpoint } of [one, other]) await agentSide.write(join(mountpoint, 'token'), name);
    for (const { name, mountpoint } of [one, other]) {
      const token = await agentSide.read(join(mountpoint, 'token'));
      expect(token === name, `the token of ${name}`, token ?? 'none');
    }
    // With the very options of the first: the data may be shared then, the mountpoint may not.
    const twin = await volume();
    const created = await plugin.call('VolumeDriver.Create', { Name: twin, Opts: optionsFor(one.name) });
    if (created.isSuccess) {
      const same = await mountedVolume(context, twin);
      mustDiffer(context, one, same);
      await client.unmount(twin);
      await mustBeUsable(context, one.mountpoint);
    } else note(`A second volume with the options of the first is refused: ${created.summary}`);
    await client.unmount(one.name);
    await mustBeUsable(context, other.mountpoint);
    await client.unmount(other.name);
  },
};

function mustDiffer({ expect }: CheckContext, one: MountedVolume, other: MountedVolume): void {
  expect(one.realPath !== other.realPath, `${one.name} and ${other.name} to have two mountpoints`, one.mountpoint);
}

async function mustLieIn({ agentSide, expect }: CheckContext, volume: MountedVolume, backing: string): Promise<void> {
  const { stdout } = await agentSide.exec(['readlink', '-f', '--', backing]);
  const directory = stdout.trim() || backing;
  expect(volume.realPath.startsWith(`${directory}/`), `data below ${directory}`, volume.realPath);
}

/** The file behind a loop device; undefined for any other device, and for a loop device that has none. */
async function loopImage({ agentSide }: CheckContext, device: string): Promise<string | undefined> {
  const { exitCode, stdout } = await agentSide.exec(['cat', `/sys/dev/block/${device}/loop/backing_file`]);
  return exitCode === 0 && stdout.trim() !== '' ? stdout.trim() : undefined;
}

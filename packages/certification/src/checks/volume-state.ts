/**
 * Whether a volume is mounted, as a check can see it: in the mount table, or, of a driver that mounts nothing, by what
 * Path tells.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { constants } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CheckContext } from '../run/check-context.ts';
import { driverFault, type CheckFailedError } from '../run/outcome.ts';

/** A volume that a check has mounted. */
export interface MountedVolume {
  readonly name: string;
  /** As Mount gave it. */
  readonly mountpoint: string;
  /** The same without links on the way, by which the mount table tells it. */
  readonly realPath: string;
  /** What Path told before it was mounted: nothing, or a path that never changes. */
  readonly pathBefore: string;
}

const POLL_MS = 25;

/**
 * Mounts a volume as the client does; without a name, one that is created with the manifest's options.
 * @param mountId of the engine; default: a new one
 * @throws CheckFailedError without a path
 */
export async function mountedVolume(context: CheckContext, name?: string, mountId?: string): Promise<MountedVolume> {
  const volume = name ?? (await context.createdVolume());
  const pathBefore = await pathTold(context, volume);
  const mountpoint = await context.client.mount(volume, mountId === undefined ? {} : { mountId });
  context.expect(mountpoint.startsWith('/'), 'Mount to give an absolute path', `'${mountpoint}'`);
  return { name: volume, mountpoint, realPath: await realPathOf(context, mountpoint), pathBefore };
}

/** What Path tells of a volume; '' also when it is refused. */
export async function pathTold({ plugin }: CheckContext, volume: string): Promise<string> {
  const answer = await plugin.call('VolumeDriver.Path', { Name: volume });
  const path = answer.isSuccess ? answer.json?.['Mountpoint'] : undefined;
  return typeof path === 'string' ? path : '';
}

/** What Get tells; undefined when it is refused. `missing`: the driver has no Get, which dvdcli 0.1 does not need. */
export async function getTold(
  context: CheckContext,
  volume: string,
): Promise<Readonly<Record<string, unknown>> | 'missing' | undefined> {
  const answer = await context.plugin.call('VolumeDriver.Get', { Name: volume });
  if (context.client.name === 'dvdcli-0.1' && answer.status === 404 && answer.json === undefined) return 'missing';
  const told = answer.isSuccess ? answer.json?.['Volume'] : undefined;
  // An object without fields is what some drivers say of a volume that is not there.
  if (typeof told !== 'object' || told === null || !('Name' in told)) return undefined;
  return told as Readonly<Record<string, unknown>>; // an object
}

/** How often List tells a name; undefined when the driver has no List. */
export async function listedCount({ plugin }: CheckContext, volume: string): Promise<number | undefined> {
  const answer = await plugin.call('VolumeDriver.List', {});
  const volumes = answer.isSuccess ? answer.json?.['Volumes'] : undefined;
  if (!answer.isSuccess) return undefined;
  if (!Array.isArray(volumes)) return 0;
  return volumes.filter((told: { readonly Name?: unknown } | null) => told?.Name === volume).length;
}

async function realPathOf({ agentSide }: CheckContext, path: string): Promise<string> {
  const { exitCode, stdout } = await agentSide.exec(['readlink', '-f', '--', path]);
  return exitCode === 0 ? stdout.replace(/\n$/, '') : path;
}

/** @throws CheckFailedError unless the volume is mounted, and takes and gives a file */
export async function mustBeMounted(context: CheckContext, volume: MountedVolume): Promise<void> {
  const { agentSide, expect, manifest } = context;
  if (!manifest.plainDirectory) {
    const mounts = await agentSide.mountsAt(volume.realPath);
    expect(mounts.length > 0, `a mount at ${volume.realPath}`, 'none');
  }
  await mustBeUsable(context, volume.mountpoint);
}

/** @throws CheckFailedError unless a file can be written there, read and removed */
export async function mustBeUsable({ agentSide, expect }: CheckContext, mountpoint: string): Promise<void> {
  const probe = join(mountpoint, '.certify-probe');
  const script = 'cat > "$1" && cat "$1" && rm -- "$1"';
  const { stdout, stderr } = await agentSide.exec(['sh', '-c', script, 'probe', probe], { input: 'written' });
  expect(stdout === 'written', `${probe} to be written, read and removed`, stderr.trim() || 'something else in it');
}

/**
 * As `mustBeMounted`, for a volume that somebody still holds after a call that may have unmounted it: a path that was
 * told because of the mount has to be told still.
 */
export async function mustStillBeMounted(context: CheckContext, volume: MountedVolume, when: string): Promise<void> {
  const { manifest, expect } = context;
  if (manifest.plainDirectory && volume.pathBefore === '') {
    const told = await pathTold(context, volume.name);
    expect(told === volume.mountpoint, `${volume.name} to be mounted ${when}`, 'Path tells nothing');
  }
  await mustBeMounted(context, volume);
}

/** @throws CheckFailedError unless the volume is unmounted within the manifest's `settleMs` */
export async function mustBeUnmounted(context: CheckContext, volume: MountedVolume): Promise<void> {
  const { agentSide, manifest } = context;
  const { name, realPath, pathBefore } = volume;
  await eventually(context, `${name} not to be mounted`, async () => {
    if (manifest.plainDirectory) {
      const told = await pathTold(context, name);
      return told === pathBefore || told === '' ? undefined : `Path still tells ${told}`;
    }
    const count = (await agentSide.mountsAt(realPath)).length;
    return count === 0 ? undefined : `${count} mount${count === 1 ? '' : 's'} at ${realPath}`;
  });
}

/** Looks until nothing is wrong any more. @throws CheckFailedError when something still is after the manifest's `settleMs` */
export async function eventually(
  { expect, manifest, signal }: CheckContext,
  expected: string,
  wrong: () => Promise<string | undefined>,
): Promise<void> {
  const deadline = performance.now() + manifest.budgets.settleMs;
  for (;;) {
    const seen = await wrong();
    if (seen === undefined) return;
    expect(performance.now() < deadline, `${expected} within ${manifest.budgets.settleMs / 1_000} s`, seen);
    await delay(POLL_MS, undefined, { signal });
  }
}

/** Why the driver did not do it; undefined when it did. @throws what is not the driver's fault */
export async function faultOf(command: Promise<unknown>): Promise<CheckFailedError | undefined> {
  try {
    await command;
    return undefined;
  } catch (error) {
    const fault = driverFault(error);
    if (fault === undefined) throw error;
    return fault;
  }
}

/** Keeps a file of a mounted volume open, so that a plain umount(2) is refused. Close it at the end. */
export async function openFileIn(context: CheckContext, mountpoint: string): Promise<FileHandle> {
  const { agentSide } = context;
  const path = join(mountpoint, 'held');
  await agentSide.write(path, 'held');
  // Without links on the way, else a link could lead out of the agent's side.
  const real = await realPathOf(context, path);
  return await open(agentSide.pathFromHere(real), constants.O_RDONLY | constants.O_NOFOLLOW);
}

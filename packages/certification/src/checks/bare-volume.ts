/** Volumes over the bare protocol, for checks that judge what becomes of a volume whichever client asks. */
import { setTimeout as delay } from 'node:timers/promises';
import type { CheckContext } from '../run/check-context.ts';

const POLL_MS = 20;

/** A volume that was mounted, and what Path told before. */
export interface BareVolume {
  readonly name: string;
  readonly mountpoint: string;
  /** `''` when Path told nothing or was refused; the mountpoint when it never changes. */
  readonly pathBefore: string;
}

/** Creates a volume with the manifest's options and mounts it. @throws CheckFailedError */
export async function mountedBare(context: CheckContext): Promise<BareVolume> {
  const name = await context.createdVolume();
  const pathBefore = await pathTold(context, name);
  return { name, mountpoint: await mountBare(context, name), pathBefore };
}

/** @throws CheckFailedError unless the mountpoint is an absolute path */
export async function mountBare({ plugin, expect }: CheckContext, name: string): Promise<string> {
  const answer = (await plugin.call('VolumeDriver.Mount', { Name: name })).mustSucceed();
  const mountpoint = answer.json?.['Mountpoint'];
  expect(typeof mountpoint === 'string' && mountpoint.startsWith('/'), 'an absolute Mountpoint', answer.summary);
  return String(mountpoint);
}

/** @throws CheckFailedError when it is refused */
export async function unmountBare({ plugin }: CheckContext, name: string): Promise<void> {
  (await plugin.call('VolumeDriver.Unmount', { Name: name })).mustSucceed();
}

/** @throws CheckFailedError when it is refused */
export async function removeBare({ plugin }: CheckContext, name: string): Promise<void> {
  (await plugin.call('VolumeDriver.Remove', { Name: name })).mustSucceed();
}

/** What Path tells of a volume; `''` also when it is refused. */
export async function pathTold({ plugin }: CheckContext, name: string): Promise<string> {
  const answer = await plugin.call('VolumeDriver.Path', { Name: name });
  const path = answer.isSuccess ? answer.json?.['Mountpoint'] : undefined;
  return typeof path === 'string' ? path : '';
}

/** How often List tells of a volume; undefined when the driver has no List. */
export async function listedCount({ plugin }: CheckContext, name: string): Promise<number | undefined> {
  const answer = await plugin.call('VolumeDriver.List', {});
  const volumes = answer.isSuccess ? answer.json?.['Volumes'] : undefined;
  if (!answer.isSuccess) return undefined;
  return Array.isArray(volumes) ? volumes.filter((told: { Name?: unknown } | null) => told?.Name === name).length : 0;
}

/** How many mounts there are at a path, links on the way followed; undefined of a driver that mounts nothing. */
export async function mountCountAt(
  { agentSide, manifest }: CheckContext,
  mountpoint: string,
): Promise<number | undefined> {
  if (manifest.plainDirectory) return undefined;
  const { exitCode, stdout } = await agentSide.exec(['readlink', '-f', '--', mountpoint]);
  return (await agentSide.mountsAt(exitCode === 0 ? stdout.replace(/\n$/, '') : mountpoint)).length;
}

/** @throws CheckFailedError unless it is mounted, once */
export async function mustBeMountedOnce(
  context: CheckContext,
  { name, mountpoint, pathBefore }: BareVolume,
): Promise<void> {
  const { expect } = context;
  const count = await mountCountAt(context, mountpoint);
  expect(count === undefined || count === 1, `one mount at ${mountpoint}`, `${count}`);
  const told = await pathTold(context, name);
  const isTold = told === mountpoint || (told === '' && pathBefore === '');
  expect(isTold, `Path to tell ${mountpoint} while it is mounted`, told || 'nothing');
}

/** What shows that a volume is mounted; undefined when nothing does. */
export async function traceOfMount(
  context: CheckContext,
  { name, mountpoint, pathBefore }: BareVolume,
): Promise<string | undefined> {
  const count = (await mountCountAt(context, mountpoint)) ?? 0;
  if (count > 0) return `${count} mount${count === 1 ? '' : 's'} at ${mountpoint}`;
  const told = await pathTold(context, name);
  return told === pathBefore || told === '' ? undefined : `Path still tells ${told}`;
}

/** @throws CheckFailedError unless the volume is unmounted within the manifest's `settleMs` */
export async function mustBeUnmounted(context: CheckContext, volume: BareVolume): Promise<void> {
  const { settleMs } = context.manifest.budgets;
  const deadline = performance.now() + settleMs;
  for (;;) {
    const trace = await traceOfMount(context, volume);
    if (trace === undefined) return;
    context.expect(performance.now() < deadline, `${volume.name} to be unmounted within ${settleMs / 1_000} s`, trace);
    await delay(POLL_MS, undefined, { signal: context.signal });
  }
}

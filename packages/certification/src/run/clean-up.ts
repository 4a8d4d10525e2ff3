/** Removes what a check, or a run that crashed, has made: by the journal, over the bare protocol, in bounded time. */
import { messageOf } from '@drydock/base/errors';
import type { Manifest } from '../manifest/manifest.ts';
import type { BareAnswer, BarePlugin } from '../wire/bare-plugin.ts';
import type { Journal, JournalledVolume } from './journal.ts';

export interface CleanUpParts {
  readonly plugin: BarePlugin;
  readonly manifest: Manifest;
}

/** Each call of clean-up. */
const CALL_MS_MAX = 5_000;

/** Undoes what is in the journal; gives what stayed, in words. Never throws: what it cannot do it tells. */
export async function cleanUp(journal: Journal, parts: CleanUpParts): Promise<readonly string[]> {
  const leftovers: string[] = [];
  for (const volume of journal.left()) {
    const problem = await removeVolume(volume, parts);
    if (problem === undefined) await journal.gone(volume.name);
    else leftovers.push(`volume ${volume.name}: ${problem}`);
  }
  return leftovers;
}

/** Undefined when the driver has no trace of it any more. */
export async function removeVolume(volume: JournalledVolume, parts: CleanUpParts): Promise<string | undefined> {
  const { plugin, manifest } = parts;
  const { name } = volume;
  try {
    let remaining = volume.mountIds.length;
    // A driver that counts wants as many Unmounts as there were Mounts; the others say that there is nothing, or that all is well.
    for (const mountId of volume.mountIds) {
      const answer = await plugin.call('VolumeDriver.Unmount', withId(name, mountId), { timeoutMs: CALL_MS_MAX });
      remaining--;
      if (!answer.isSuccess && remaining === 0) break;
    }
    const removed = await plugin.call('VolumeDriver.Remove', { Name: name }, { timeoutMs: CALL_MS_MAX });
    if (removed.isSuccess) return undefined;
    const known = await isKnown(plugin, name);
    if (known === false || manifest.removePolicy === 'noop') return undefined;
    // Without Get and List nobody can tell: then a volume that was never made is refused by Remove as well.
    return known === undefined && isUnknownText(removed) ? undefined : `Remove: ${removed.summary}`;
  } catch (error) {
    return messageOf(error);
  }
}

/** Whether Get or List tells of the volume; undefined when the driver has neither. */
async function isKnown(plugin: BarePlugin, name: string): Promise<boolean | undefined> {
  const list = await plugin.call('VolumeDriver.List', {}, { timeoutMs: CALL_MS_MAX });
  if (list.isSuccess) {
    const volumes = list.json?.['Volumes'];
    return (
      Array.isArray(volumes) && volumes.some((volume: { readonly Name?: unknown } | null) => volume?.Name === name)
    );
  }
  const get = await plugin.call('VolumeDriver.Get', { Name: name }, { timeoutMs: CALL_MS_MAX });
  if (get.status === 404 && get.json === undefined) return undefined;
  return get.isSuccess && get.json?.['Volume'] !== null && get.json?.['Volume'] !== undefined;
}

function isUnknownText(answer: BareAnswer): boolean {
  return /not found|no such|unknown|does not exist|couldn't find/i.test(answer.text);
}

function withId(name: string, mountId: string | undefined): object {
  return mountId === undefined ? { Name: name } : { Name: name, ID: mountId };
}

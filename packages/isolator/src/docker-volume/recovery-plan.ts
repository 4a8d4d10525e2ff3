/**
 * What an agent that starts makes of the checkpoints of an earlier one, as a pure function: all references are counted
 * before anything is cleaned up.
 */
import { messageOf } from '@drydock/base/errors';
import { containerKey, containerText, type ContainerID } from '@drydock/mesos';
import type { ContainerState } from '../isolator.ts';
import { requestedVolumes } from './requested-volumes.ts';
import type { Checkpoint, CheckpointedVolume, CheckpointEntry } from './volume-checkpoint.ts';
import type { VolumeInUse } from './volume-in-use.ts';
import { volumeId, type VolumeKey } from './volume-key.ts';

export interface RecoveryInput {
  readonly entries: readonly CheckpointEntry[];
  readonly running: readonly ContainerState[];
  /** Known to the containerizer, which will have them cleaned up. */
  readonly orphans: readonly ContainerID[];
  readonly bootId: string;
}

interface PlannedContainer {
  readonly id: ContainerID;
  readonly volumes: readonly CheckpointedVolume[];
}

export interface RecoveryPlan {
  /** All that hold volumes: running ones, orphans, and those that only a checkpoint knows. */
  readonly containers: readonly PlannedContainer[];
  readonly volumes: readonly { readonly key: VolumeKey; readonly volume: VolumeInUse }[];
  /** Only a checkpoint knows them: to be cleaned up now. */
  readonly unknown: readonly ContainerID[];
  /** Running ones whose checkpoint has to be written again. */
  readonly toWrite: readonly PlannedContainer[];
  /** Directories of containers that hold nothing. */
  readonly toRemove: readonly string[];
  readonly corrupt: readonly { readonly name: string; readonly reason: string }[];
  /** For the log. */
  readonly notes: readonly string[];
}

export function planRecovery({ entries, running, orphans, bootId }: RecoveryInput): RecoveryPlan {
  const notes: string[] = [];
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const containers: PlannedContainer[] = [];
  const toWrite: PlannedContainer[] = [];
  const bootIds = new Map<string, string | undefined>();
  const checkpointOf = (id: ContainerID): Checkpoint | undefined => {
    const entry = byName.get(id.value);
    if (entry?.kind !== 'checkpoint') return undefined;
    const { checkpoint } = entry;
    // Upstream names no parents; ours are those of one container only.
    const isOther =
      checkpoint.containerId.parent !== undefined && containerKey(checkpoint.containerId) !== containerKey(id);
    return isOther ? undefined : checkpoint;
  };
  const claimed = new Set<string>();
  for (const { containerId: id, container } of running) {
    const checkpoint = checkpointOf(id);
    // A checkpoint of another container with this last part in its id stays that container's.
    if (checkpoint !== undefined || byName.get(id.value)?.kind !== 'checkpoint') claimed.add(id.value);
    if (checkpoint !== undefined) {
      containers.push({ id, volumes: checkpoint.volumes });
      bootIds.set(containerKey(id), checkpoint.bootId);
      continue;
    }
    const { volumes, note } = askedFor(id, container);
    if (volumes.length === 0) continue;
    notes.push(note);
    const planned = { id, volumes };
    containers.push(planned);
    toWrite.push(planned);
  }
  const runningKeys = new Set(containers.map(({ id }) => containerKey(id)));
  for (const id of orphans) {
    const checkpoint = checkpointOf(id);
    if (checkpoint === undefined || claimed.has(id.value)) continue;
    claimed.add(id.value);
    containers.push({ id, volumes: checkpoint.volumes });
    bootIds.set(containerKey(id), checkpoint.bootId);
  }
  const unknown: ContainerID[] = [];
  const toRemove: string[] = [];
  for (const entry of entries) {
    if (entry.kind === 'checkpoint') notes.push(...entry.notes.map((note) => `${entry.name}: ${note}`));
    if (entry.kind === 'foreign') notes.push(`${entry.name}: ignored, since it is no directory of a container`);
    if (claimed.has(entry.name)) continue;
    if (entry.kind === 'empty') {
      notes.push(`${entry.name}: no volumes are recorded for this container, which is gone`);
      toRemove.push(entry.name);
    } else if (entry.kind === 'checkpoint') {
      const { containerId: id, volumes } = entry.checkpoint;
      containers.push({ id, volumes });
      bootIds.set(containerKey(id), entry.checkpoint.bootId);
      unknown.push(id);
    }
  }
  const corrupt = entries.flatMap((entry) =>
    entry.kind === 'corrupt' ? [{ name: entry.name, reason: entry.reason }] : [],
  );
  return {
    containers,
    volumes: volumesOf({ containers, runningKeys, isStale: (key) => isOfAnotherBoot(bootIds.get(key), bootId) }),
    unknown,
    toWrite,
    toRemove,
    corrupt,
    notes,
  };
}

function isOfAnotherBoot(recorded: string | undefined, current: string): boolean {
  return recorded !== undefined && recorded !== current;
}

/** What a running container was launched with, when its checkpoint does not tell. */
function askedFor(
  id: ContainerID,
  container: ContainerState['container'],
): { readonly volumes: readonly CheckpointedVolume[]; readonly note: string } {
  try {
    const volumes = requestedVolumes(id, container).map(({ key, options }): CheckpointedVolume => ({
      key,
      options,
      phase: 'mounted',
    }));
    return {
      volumes,
      note: `${containerText(id)}: its checkpoint is missing and is made again from its ContainerInfo`,
    };
  } catch (error) {
    return { volumes: [], note: `${containerText(id)}: its volumes are not known: ${messageOf(error)}` };
  }
}

function volumesOf(facts: {
  readonly containers: readonly PlannedContainer[];
  readonly runningKeys: ReadonlySet<string>;
  readonly isStale: (containerKey: string) => boolean;
}): RecoveryPlan['volumes'] {
  const { containers, runningKeys, isStale } = facts;
  const claims = new Map<string, { holder: string; volume: CheckpointedVolume }[]>();
  for (const { id, volumes } of containers) {
    for (const volume of volumes) {
      const claim = { holder: containerKey(id), volume };
      const known = claims.get(volumeId(volume.key));
      if (known === undefined) claims.set(volumeId(volume.key), [claim]);
      else known.push(claim);
    }
  }
  return [...claims.values()].flatMap((list): RecoveryPlan['volumes'] => {
    const [first] = list;
    if (first === undefined) return [];
    const holders = new Set(list.map(({ holder }) => holder));
    const user = list.find(({ holder }) => runningKeys.has(holder));
    const at = [user, ...list].find((claim) => claim?.volume.at !== undefined)?.volume.at;
    const { options } = (user ?? first).volume;
    const { key } = first.volume;
    // A driver that was asked to mount may still be about to.
    const mayMountLate = list.some(({ volume }) => volume.phase === 'mounting');
    if (user !== undefined) return [{ key, volume: { state: 'mounted', at, holders, options, mayMountLate } }];
    const isReboot = list.every(({ holder }) => isStale(holder));
    const reason = isReboot ? 'it was mounted before the machine was started' : 'the agent that mounted it is gone';
    // An unmount may be under way, too, whatever the phase: whoever claimed it last may have waited for that.
    const doubt = isReboot ? 'reboot' : 'crash';
    const place = isReboot ? undefined : at;
    return [{ key, volume: { state: 'uncertain', at: place, doubt, reason, holders, options, mayMountLate } }];
  });
}

/**
 * What an agent that starts finds of an earlier one: containers that it wants to keep, and orphans.
 *
 * | in the runtime or the provisioner's directory | known to the caller | becomes                                        |
 * |-----------------------------------------------|---------------------|------------------------------------------------|
 * | yes, its shim was written down                | yes                 | attached, alive or with how it ended           |
 * | no, or the agent died before that             | yes                 | a remainder: `destroy` has it cleaned up       |
 * | yes                                           | no                  | an orphan: ended and cleaned up by `recover`   |
 *
 * DEVIATION: upstream gives isolators as running whatever the agent has checkpointed; here one that is gone is an orphan to
 * them, so that a volume that only it held is not taken for mounted, for example after a reboot.
 * @see src/slave/containerizer/mesos/containerizer.cpp MesosContainerizerProcess::recover
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '@drydock/base/errors';
import type { ContainerState } from '@drydock/isolator';
import type { ContainerID } from '@drydock/mesos';
import { depthOf, pathOf } from './container-ids.ts';
import type { ContainerProcess } from './launcher/container-process.ts';
import type { SentSignal } from './launcher/container-termination.ts';
import type { Launcher } from './launcher/launcher.ts';

/** A container that the agent has checkpointed and wants to keep. */
export interface KnownContainer extends ContainerState {
  /** What an earlier agent has sent to it: with SIGTERM, exit code 143 means that the signal ended it. */
  readonly sentSignals?: Iterable<SentSignal>;
}

export interface FoundContainers {
  readonly attached: readonly { readonly containerId: ContainerID; readonly process: ContainerProcess }[];
  /** Those of `attached` that are alive. */
  readonly running: readonly ContainerState[];
  /** Known, without a process of which anybody could learn more. */
  readonly remainders: readonly ContainerID[];
  readonly orphans: readonly ContainerID[];
}

export async function findContainers(
  known: readonly KnownContainer[],
  options: { readonly runtimeDir: string; readonly provisionerDir?: string; readonly launcher: Launcher },
): Promise<FoundContainers> {
  const { runtimeDir, provisionerDir, launcher } = options;
  const attached: { containerId: ContainerID; process: ContainerProcess }[] = [];
  const running: ContainerState[] = [];
  const remainders: ContainerID[] = [];
  const knownPaths = new Set<string>();
  const attaching = known.map(async ({ sentSignals, ...state }) => {
    const { containerId } = state;
    const path = pathOf(containerId);
    knownPaths.add(path);
    const found = await launcher.attach({
      runtimeId: containerId.value,
      directory: join(runtimeDir, 'containers', path),
      ...(sentSignals === undefined ? {} : { sentSignals }),
    });
    if (found === undefined) {
      remainders.push(containerId);
      return;
    }
    attached.push({ containerId, process: found.process });
    if (found.wasAlive) running.push(state);
  });
  await Promise.all(attaching);
  const there = new Map<string, ContainerID>();
  for (const directory of provisionerDir === undefined ? [runtimeDir] : [runtimeDir, provisionerDir]) {
    for (const id of await containersBelow(directory)) there.set(pathOf(id), id);
  }
  const orphans = [...there].flatMap(([path, id]) => (knownPaths.has(path) ? [] : [id]));
  return { attached, running, remainders, orphans };
}

/** Children before their parents, those of one depth at once. */
export async function endOrphans(
  orphans: readonly ContainerID[],
  end: (containerId: ContainerID) => Promise<void>,
): Promise<void> {
  const byDepth = Map.groupBy(orphans, depthOf);
  for (const depth of [...byDepth.keys()].toSorted((a, b) => b - a)) {
    await Promise.all((byDepth.get(depth) ?? []).map(end));
  }
}

/** All that have a directory `<directory>/containers/<id>[/containers/<id>]..`, parents first. */
async function containersBelow(directory: string, parent?: ContainerID): Promise<readonly ContainerID[]> {
  const ids: ContainerID[] = [];
  for (const value of await directoriesIn(join(directory, 'containers'))) {
    const id = parent === undefined ? { value } : { value, parent };
    ids.push(id, ...(await containersBelow(join(directory, 'containers', value), id)));
  }
  return ids;
}

async function directoriesIn(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

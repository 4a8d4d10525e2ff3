/**
 * What an agent that starts finds of an earlier one. Known are the containers that the caller names, and what is nested in
 * them.
 *
 * | there is                                                     | known | becomes                                    |
 * |--------------------------------------------------------------|-------|--------------------------------------------|
 * | who the shim is, or that it is held without a process        | yes   | recovered, alive or with how it ended      |
 * | the termination of a nested one                              | yes   | nothing: it is kept for `wait`             |
 * | anything else, or nothing, and the caller names it           | yes   | a remainder: `destroy` has it cleaned up   |
 * | anything else of a nested one, or below an orphan            | yes   | an orphan: ended and cleaned up            |
 * | a directory of the containerizer's or the provisioner's      | no    | an orphan                                  |
 *
 * DEVIATION: upstream gives isolators as running whatever the agent has checkpointed; here one that is gone is an orphan to
 * them, so that a volume that only it held is not taken for mounted, for example after a reboot.
 * @see src/slave/containerizer/mesos/containerizer.cpp MesosContainerizerProcess::recover
 */
import { join } from 'node:path';
import type { ContainerState } from '@drydock/isolator';
import { containerDepth, containerText, rootContainer, type ContainerID } from '@drydock/mesos';
import { pathOf } from './container-ids.ts';
import { containersBelow, isHeld, readState, readTermination } from './kept-files.ts';
import type { ContainerProcess } from './launcher/container-process.ts';
import type { ContainerTermination, SentSignal } from './launcher/container-termination.ts';
import type { Launcher } from './launcher/launcher.ts';

/** A container that the agent has checkpointed and wants to keep. Nested ones need not be named. */
export interface KnownContainer extends ContainerState {
  /** What an earlier agent has sent to it: with SIGTERM, exit code 143 means that the signal ended it. */
  readonly sentSignals?: Iterable<SentSignal>;
}

export interface FoundContainer {
  readonly state: ContainerState;
  /** Undefined for one that is held without a process. */
  readonly process: ContainerProcess | undefined;
  readonly isAlive: boolean;
}

export interface FoundContainers {
  /** Parents before their children. */
  readonly recovered: readonly FoundContainer[];
  readonly remainders: readonly ContainerState[];
  readonly terminated: readonly { readonly containerId: ContainerID; readonly termination: ContainerTermination }[];
  readonly orphans: readonly ContainerID[];
}

interface FindOptions {
  readonly runtimeDir: string;
  readonly provisionerDir?: string;
  readonly launcher: Launcher;
}

export async function findContainers(known: readonly KnownContainer[], options: FindOptions): Promise<FoundContainers> {
  const named = new Map(known.map((one) => [pathOf(one.containerId), one]));
  const there = await containersBelow(options.runtimeDir);
  const nested = there.filter((id) => named.has(pathOf(rootContainer(id))) && !named.has(pathOf(id)));
  const candidates = [...named.values().map(({ containerId }) => containerId), ...nested];
  const looks = candidates
    .toSorted((a, b) => containerDepth(a) - containerDepth(b))
    .map(async (id) => ({ id, ...(await lookAt(id, named.get(pathOf(id)), options)) }));
  const recovered: FoundContainer[] = [];
  const remainders: ContainerState[] = [];
  const kept = new Set<string>();
  const terminated: { containerId: ContainerID; termination: ContainerTermination }[] = [];
  for (const { id, found, termination, state } of await Promise.all(looks)) {
    const path = pathOf(id);
    const hasParent = id.parent === undefined || kept.has(pathOf(id.parent));
    if (termination !== undefined && hasParent) terminated.push({ containerId: id, termination });
    else if (found !== undefined && hasParent) recovered.push(found);
    else if (named.has(path) && state !== undefined && hasParent) remainders.push(state);
    else {
      found?.process?.detach();
      continue;
    }
    kept.add(path);
  }
  const provisioned = options.provisionerDir === undefined ? [] : await containersBelow(options.provisionerDir);
  const ids = new Map([...there, ...provisioned].map((id) => [pathOf(id), id]));
  const orphans = [...ids].flatMap(([path, id]) => (kept.has(path) ? [] : [id]));
  return { recovered, remainders, terminated, orphans };
}

interface Look {
  readonly termination?: ContainerTermination;
  /** As far as it is known. */
  readonly state?: ContainerState;
  readonly found?: FoundContainer;
}

async function lookAt(id: ContainerID, named: KnownContainer | undefined, options: FindOptions): Promise<Look> {
  const directory = join(options.runtimeDir, 'containers', pathOf(id));
  const termination = id.parent === undefined ? undefined : await readTermination(directory);
  if (termination !== undefined) return { termination };
  const state = named === undefined ? await readState(directory, id) : toState(named);
  if (state === undefined) return {};
  const sentSignals = named?.sentSignals;
  const attached = await options.launcher.attach({
    runtimeId: containerText(id),
    directory,
    ...(sentSignals === undefined ? {} : { sentSignals }),
  });
  if (attached !== undefined) {
    const { process, wasAlive: isAlive } = attached;
    return { state, found: { state, process, isAlive } };
  }
  if (!(await isHeld(directory))) return { state };
  return { state, found: { state, process: undefined, isAlive: true } };
}

function toState({ containerId, sandboxDirectory, container }: KnownContainer): ContainerState {
  return { containerId, sandboxDirectory, ...(container === undefined ? {} : { container }) };
}

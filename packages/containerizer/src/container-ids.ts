import { messageOf } from '@drydock/base/errors';
import { containerDepth } from '@drydock/isolator';
import type { ContainerID } from '@drydock/mesos';
import { LaunchFailedError } from './errors.ts';

/**
 * `<parent>/containers/<child>`, as upstream nests directories; one text per container.
 * @throws LaunchFailedError for an id that cannot name a directory
 */
export function pathOf(containerId: ContainerID): string {
  const { value, parent } = containerId;
  if (value === '' || value === '.' || value === '..' || value.includes('/') || value.includes('\0')) {
    throw new LaunchFailedError(`Expected a container id that can name a directory, got '${value}'`);
  }
  return parent === undefined ? value : `${pathOf(parent)}/containers/${value}`;
}

/**
 * Refuses what would make two ids one text, `a.b` is the child `b` of `a`, to the runtime, too.
 * @throws LaunchFailedError
 * @see src/slave/validation.cpp validateContainerId
 */
export function assertUnambiguous({ value, parent }: ContainerID): void {
  if (/[. ]/.test(value)) throw new LaunchFailedError(`'ContainerID.value' '${value}' contains invalid characters`);
  if (parent === undefined) return;
  try {
    assertUnambiguous(parent);
  } catch (error) {
    throw new LaunchFailedError(`'ContainerID.parent' is invalid: ${messageOf(error)}`, { cause: error });
  }
}

export function rootOf(containerId: ContainerID): ContainerID {
  return containerId.parent === undefined ? containerId : rootOf(containerId.parent);
}

/** `<sandbox of the root>/containers/<child>/..`, as upstream nests sandboxes. */
export function sandboxBelow(rootSandbox: string, { value, parent }: ContainerID): string {
  return parent === undefined ? rootSandbox : `${sandboxBelow(rootSandbox, parent)}/containers/${value}`;
}

/** Each with runtime calls of its own. */
const AT_ONCE_COUNT_MAX = 16;

/** Children before their parents; of one depth some at once. */
export async function forEachDeepestFirst(
  ids: readonly ContainerID[],
  act: (containerId: ContainerID) => Promise<void>,
): Promise<void> {
  const byDepth = Map.groupBy(ids, containerDepth);
  for (const depth of [...byDepth.keys()].toSorted((a, b) => b - a)) {
    const waiting = (byDepth.get(depth) ?? []).values();
    const takeTurns = async (): Promise<void> => {
      for (const id of waiting) await act(id);
    };
    await Promise.all(Array.from({ length: AT_ONCE_COUNT_MAX }, takeTurns));
  }
}

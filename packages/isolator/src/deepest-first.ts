import { containerDepth, type ContainerID } from '@drydock/mesos';

/** Each with calls to a driver or a runtime. */
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

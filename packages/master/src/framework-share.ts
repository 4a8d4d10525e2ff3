/** What a framework holds. */
import { isTerminalState, type Resource } from '@drydock/mesos';
import { stateOf, sumOf } from './master.ts';
import type { FrameworkRecord } from './registry.ts';

/** Held by the framework's tasks. */
export function usedBy(framework: FrameworkRecord): readonly Resource[] {
  return sumOf(
    [...framework.tasks.values()].map((task) => (isTerminalState(stateOf(task)) ? [] : task.info.resources)),
  );
}

/** Held by the framework's offers. */
export function offeredTo(framework: FrameworkRecord): readonly Resource[] {
  return sumOf([...framework.offers.values()].map(({ offer }) => offer.resources));
}

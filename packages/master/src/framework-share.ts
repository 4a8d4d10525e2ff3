/** What a framework holds, in all of its roles or in one. */
import { isTerminalState, type Resource } from '@drydock/mesos';
import { executorsOf } from './executors.ts';
import { stateOf, sumOf, type FrameworkRecord } from './registry.ts';

/** Held by the framework's tasks and executors. */
export function usedBy(framework: FrameworkRecord, inRole?: string): readonly Resource[] {
  const tasks = [...framework.tasks.values()].filter((task) => !isTerminalState(stateOf(task)));
  const holders = [...tasks, ...executorsOf(framework)].filter(({ role }) => (inRole ?? role) === role);
  return sumOf(holders.map(({ info }) => info.resources));
}

/** Held by the framework's offers. */
export function offeredTo({ offers }: FrameworkRecord, inRole?: string): readonly Resource[] {
  const own = [...offers.values()].filter(({ role }) => (inRole ?? role) === role);
  return sumOf(own.map(({ resources }) => resources));
}

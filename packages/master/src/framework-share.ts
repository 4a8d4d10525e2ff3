/** What a framework holds, in all of its roles. */
import { isTerminalState, type Resource } from '@drydock/mesos';
import { executorsOf } from './executors.ts';
import { stateOf, sumOf, type ExecutorRecord, type FrameworkRecord, type TaskRecord } from './registry.ts';

/** The framework's tasks and executors that hold what they were launched with. */
export function holdersOf(framework: FrameworkRecord): readonly (TaskRecord | ExecutorRecord)[] {
  const tasks = [...framework.tasks.values()].filter((task) => !isTerminalState(stateOf(task)));
  return [...tasks, ...executorsOf(framework)];
}

/** Held by the framework's tasks and executors. */
export function usedBy(framework: FrameworkRecord): readonly Resource[] {
  return sumOf(holdersOf(framework).map(({ info }) => info.resources));
}

/** Held by the framework's offers. */
export function offeredTo({ offers }: FrameworkRecord): readonly Resource[] {
  return sumOf([...offers.values()].map(({ resources }) => resources));
}

/** The master's `/tasks`. @see src/master/readonly_handler.cpp tasks */
import { HttpError } from '@drydock/mesos';
import type { Master } from '../master.ts';
import type { TaskRecord } from '../registry.ts';
import { taskState } from './master-state.ts';

/** Every task that the master remembers: of each framework, connected or completed, the ones that ended, too. */
export function allTasks(master: Master): readonly TaskRecord[] {
  const { frameworks, completedFrameworks } = master.registry;
  return [...frameworks.values(), ...completedFrameworks.values()].flatMap((framework) => [
    ...framework.completedTasks,
    ...framework.unreachableTasks.values(),
    ...framework.tasks.values(),
  ]);
}

/**
 * One page of tasks, by the time of their first status; tasks without one are the newest. Parameters: `limit` (100),
 * `offset` (0), `order` (`desc`, or `asc`), `framework_id`, `task_id`.
 *
 * DEVIATION: upstream takes the default for a `limit`, an `offset` or an `order` that it cannot read.
 * @throws HttpError 400 that names the parameter
 */
export function masterTasks(master: Master, query: URLSearchParams): Record<string, unknown> {
  const limit = countIn(query, 'limit', 100);
  const offset = countIn(query, 'offset', 0);
  const isAscending = isAscendingIn(query);
  const frameworkId = query.get('framework_id');
  const taskId = query.get('task_id');
  const tasks = allTasks(master)
    .filter((task) => frameworkId === null || task.framework.id === frameworkId)
    .filter((task) => taskId === null || task.info.task_id.value === taskId)
    .toSorted((a, b) => compare(firstStatusAt(a), firstStatusAt(b)));
  if (!isAscending) tasks.reverse();
  return { tasks: tasks.slice(offset, offset + limit).map(taskState) };
}

function firstStatusAt(task: TaskRecord): number {
  return task.statuses[0]?.timestamp ?? Infinity;
}

/** Infinities are equal, which a difference would not say. */
function compare(a: number, b: number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function countIn(query: URLSearchParams, name: string, byDefault: number): number {
  const text = query.get(name);
  if (text === null) return byDefault;
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count)) {
    throw new HttpError(400, `Expecting '${name}' to be a count, but received '${text}'`);
  }
  return count;
}

/** Upstream's own word for descending is `des`; its documentation says `desc`. */
function isAscendingIn(query: URLSearchParams): boolean {
  const order = query.get('order') ?? 'desc';
  if (order !== 'asc' && order !== 'desc' && order !== 'des') {
    throw new HttpError(400, `Expecting 'order' to be one of { 'asc', 'desc' }, but received '${order}'`);
  }
  return order === 'asc';
}

import type { TaskRecord } from './task-record.ts';

/** @see src/slave/constants.hpp MAX_COMPLETED_TASKS_PER_EXECUTOR */
const COMPLETED_TASK_COUNT_MAX = 200;

export interface Room {
  /** In their order. */
  readonly kept: readonly TaskRecord[];
  /** Ids of tasks whose checkpoints are of no use any more. */
  readonly forgotten: readonly string[];
}

/**
 * Before further tasks come to an executor that goes on: of those whose end is acknowledged only the newest are kept, and
 * none whose id is among `again`, the ids of the further ones.
 */
export function makeRoom(records: readonly TaskRecord[], again: ReadonlySet<string>): Room {
  const known = records.filter(({ id, isAcknowledged }) => !(isAcknowledged && again.has(id)));
  const completed = known.filter(({ isAcknowledged }) => isAcknowledged);
  const surplus = new Set(completed.slice(0, Math.max(0, completed.length - COMPLETED_TASK_COUNT_MAX)));
  return { kept: known.filter((record) => !surplus.has(record)), forgotten: [...surplus].map(({ id }) => id) };
}

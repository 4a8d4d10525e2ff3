/** What the master counts. A count never falls, however much of what was counted is forgotten. */
import type { TaskState } from '@drydock/mesos';

/** Metrics by upstream's names, without `master/`. @see docs/monitoring.md, src/master/metrics.cpp */
const COUNTER_NAMES = [
  'slave_registrations',
  'slave_reregistrations',
  'slave_removals',
  'slave_removals/reason_registered',
  'slave_removals/reason_unhealthy',
  'slave_removals/reason_unregistered',
  'slave_unreachable_scheduled',
  'slave_unreachable_completed',
  'tasks_dropped',
  'tasks_error',
  'tasks_failed',
  'tasks_finished',
  'tasks_gone',
  'tasks_gone_by_operator',
  'tasks_killed',
  'tasks_lost',
  'messages_register_framework',
  'messages_reregister_framework',
  'messages_unregister_framework',
  'messages_launch_tasks',
  'messages_decline_offers',
  'messages_revive_offers',
  'messages_suppress_offers',
  'messages_resource_request',
  'messages_kill_task',
  'messages_reconcile_tasks',
  'messages_reconcile_operations',
  'messages_status_update',
  'messages_status_update_acknowledgement',
  'messages_operation_status_update_acknowledgement',
  'messages_framework_to_executor',
  'messages_executor_to_framework',
  'messages_exited_executor',
  'messages_register_slave',
  'messages_reregister_slave',
  'messages_unregister_slave',
  'valid_status_updates',
  'invalid_status_updates',
  'valid_status_update_acknowledgements',
  'invalid_status_update_acknowledgements',
  'valid_framework_to_executor_messages',
  'invalid_framework_to_executor_messages',
  'valid_executor_to_framework_messages',
  'invalid_executor_to_framework_messages',
] as const;

export type CounterName = (typeof COUNTER_NAMES)[number];

const ENDS: Partial<Record<TaskState, CounterName>> = {
  TASK_DROPPED: 'tasks_dropped',
  TASK_ERROR: 'tasks_error',
  TASK_FAILED: 'tasks_failed',
  TASK_FINISHED: 'tasks_finished',
  TASK_GONE: 'tasks_gone',
  TASK_GONE_BY_OPERATOR: 'tasks_gone_by_operator',
  TASK_KILLED: 'tasks_killed',
  TASK_LOST: 'tasks_lost',
};

export class Counters {
  readonly #counts = new Map<CounterName, number>(COUNTER_NAMES.map((name) => [name, 0]));

  count(name: CounterName): void {
    this.#counts.set(name, this.get(name) + 1);
  }

  /** A task came to its end, or was refused. */
  countEnd(state: TaskState): void {
    const name = ENDS[state];
    if (name !== undefined) this.count(name);
  }

  get(name: CounterName): number {
    return this.#counts.get(name) ?? 0;
  }

  /** As `/metrics/snapshot` names them. */
  snapshot(): Record<string, number> {
    return Object.fromEntries([...this.#counts].map(([name, count]) => [`master/${name}`, count]));
  }
}

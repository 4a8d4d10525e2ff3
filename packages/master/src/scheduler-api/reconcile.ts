/** RECONCILE and RECONCILE_OPERATIONS: what the master knows. @see src/master/master.cpp reconcile, reconcileOperations */
import type { OperationStatus, SchedulerCall, TaskStatus } from '@drydock/mesos';
import type { Master } from '../master.ts';
import { stateOf, type FrameworkRecord, type TaskRecord } from '../registry.ts';
import { stateFor, type MasterStatus } from '../tasks.ts';

type ReconciledTask = NonNullable<NonNullable<SchedulerCall['reconcile']>['tasks']>[number];
type ReconciledOperation = NonNullable<NonNullable<SchedulerCall['reconcile_operations']>['operations']>[number];

/** Tells the newest state of the named tasks, in their order, or of all that are not forgotten when none is named. */
export function reconcile(master: Master, framework: FrameworkRecord, tasks: readonly ReconciledTask[]): void {
  master.counters.count('messages_reconcile_tasks');
  const statuses =
    tasks.length === 0
      ? [...framework.tasks.values()].map((task) => latestStatus(master, task))
      : tasks.map((task) => statusOf(master, framework, task));
  for (const status of statuses) framework.channel?.send({ type: 'UPDATE', update: { status } });
}

function latestStatus(master: Master, task: TaskRecord): TaskStatus {
  const message = 'Reconciliation: Latest task state';
  return master.tasks.statusOf(task, { state: stateOf(task), reason: 'REASON_RECONCILIATION', message });
}

/**
 * Upstream answers nothing for an agent that its registry lists and that has not come back after a restart of the master.
 * There is no such list here: such an agent is unknown until it registers.
 */
function statusOf(
  master: Master,
  framework: FrameworkRecord,
  { task_id: id, agent_id: agentId }: ReconciledTask,
): TaskStatus {
  const task = framework.tasks.get(id.value);
  if (task !== undefined) return latestStatus(master, task);
  const { state, ...facts } = unknownTask(master, agentId?.value);
  return master.tasks.statusOfUnknown(id.value, agentId?.value, {
    ...facts,
    state: stateFor(framework, state),
    reason: 'REASON_RECONCILIATION',
  });
}

function unknownTask({ registry }: Master, agentId: string | undefined): MasterStatus {
  if (agentId !== undefined && registry.agents.has(agentId)) {
    return { state: 'TASK_GONE', message: 'Reconciliation: Task is unknown to the agent' };
  }
  const unreachable = registry.unreachableAgents.get(agentId ?? '');
  if (unreachable !== undefined) {
    const { unreachableAt } = unreachable;
    return { state: 'TASK_UNREACHABLE', message: 'Reconciliation: Task is unreachable', unreachableAt };
  }
  if (registry.goneAgents.has(agentId ?? '')) {
    return { state: 'TASK_GONE_BY_OPERATOR', message: 'Reconciliation: Task is gone' };
  }
  return { state: 'TASK_UNKNOWN', message: 'Reconciliation: Task is unknown' };
}

/** No operation is carried out here, so none is known; what is answered is what became of the agent. */
export function reconcileOperations(
  master: Master,
  framework: FrameworkRecord,
  operations: readonly ReconciledOperation[],
): void {
  master.counters.count('messages_reconcile_operations');
  for (const operation of operations) {
    const { operation_id: id, agent_id: agentId, resource_provider_id: providerId } = operation;
    const status: OperationStatus = {
      ...unknownOperation(master, agentId?.value),
      operation_id: id,
      ...(agentId === undefined ? {} : { agent_id: agentId }),
      ...(providerId === undefined ? {} : { resource_provider_id: providerId }),
    };
    framework.channel?.send({ type: 'UPDATE_OPERATION_STATUS', update_operation_status: { status } });
  }
}

function unknownOperation({ registry }: Master, agentId: string | undefined): OperationStatus {
  const unknown = (message: string): OperationStatus => ({
    state: 'OPERATION_UNKNOWN',
    message: `Reconciliation: ${message}`,
  });
  if (agentId === undefined) return unknown("Operation is unknown and no 'agent_id' was provided");
  if (registry.agents.has(agentId)) return unknown('Operation is unknown');
  if (registry.unreachableAgents.has(agentId)) {
    return { state: 'OPERATION_UNREACHABLE', message: 'Reconciliation: Agent is unreachable' };
  }
  if (registry.goneAgents.has(agentId)) {
    return { state: 'OPERATION_GONE_BY_OPERATOR', message: 'Reconciliation: Agent marked gone by operator' };
  }
  return unknown('Both operation and agent are unknown');
}

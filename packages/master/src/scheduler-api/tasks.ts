/** KILL, ACKNOWLEDGE and RECONCILE. @see src/master/master.cpp */
import type { SchedulerCall, TaskID, TaskStatus } from '@drydock/mesos';
import { isPartitionAware, stateOf, type Master } from '../master.ts';
import type { FrameworkRecord } from '../registry.ts';

export function kill(master: Master, framework: FrameworkRecord, call: NonNullable<SchedulerCall['kill']>): void {
  const task = framework.tasks.get(call.task_id.value);
  if (task === undefined) return reconcile(framework, [{ task_id: call.task_id }]);
  master.registry.agents.get(task.agentId)?.channel?.send({
    type: 'KILL_TASK',
    kill_task: {
      framework_id: framework.info.id,
      task_id: call.task_id,
      ...(call.kill_policy === undefined ? {} : { kill_policy: call.kill_policy }),
    },
  });
}

export function acknowledge(
  master: Master,
  framework: FrameworkRecord,
  call: NonNullable<SchedulerCall['acknowledge']>,
): void {
  const agent = master.registry.agents.get(call.agent_id.value);
  agent?.channel?.send({
    type: 'STATUS_ACKNOWLEDGED',
    status_acknowledged: { framework_id: framework.info.id, task_id: call.task_id, uuid: call.uuid },
  });
  const task = framework.tasks.get(call.task_id.value);
  const latest = task?.status?.uuid;
  // Only the acknowledgement of the newest status ends a task; an older one may come late.
  if (task !== undefined && latest !== undefined && Buffer.compare(latest, call.uuid) === 0) master.acknowledged(task);
}

/** Tells the newest state of the named tasks, or of all when none is named. */
export function reconcile(framework: FrameworkRecord, tasks: readonly { readonly task_id: TaskID }[]): void {
  const isImplicit = tasks.length === 0;
  const ids = isImplicit ? [...framework.tasks.keys()] : tasks.map(({ task_id: { value } }) => value);
  for (const id of ids) {
    const task = framework.tasks.get(id);
    const status: TaskStatus = {
      task_id: { value: id },
      state: task === undefined ? (isPartitionAware(framework) ? 'TASK_UNKNOWN' : 'TASK_LOST') : stateOf(task),
      source: 'SOURCE_MASTER',
      reason: 'REASON_RECONCILIATION',
      message: task === undefined ? 'Reconciliation: Task is unknown' : 'Reconciliation: Latest task state',
      timestamp: Date.now() / 1000,
      ...(task === undefined ? {} : { agent_id: { value: task.agentId } }),
    };
    framework.channel?.send({ type: 'UPDATE', update: { status } });
  }
}

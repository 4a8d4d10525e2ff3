import type { FrameworkInfo, TaskInfo, TaskState, TaskStatus, TaskStatusReason } from '@drydock/mesos';

/** Why the agent does not run a task that the master sent. */
export interface Refusal {
  readonly state: Extract<TaskState, 'TASK_DROPPED' | 'TASK_ERROR'>;
  readonly reason: TaskStatusReason;
  readonly message: string;
}

/** What the framework is told: without a uuid, because nobody would wait for its acknowledgement. */
export function refusedStatus(framework: FrameworkInfo, task: TaskInfo, refusal: Refusal): TaskStatus {
  const isPartitionAware = (framework.capabilities ?? []).some(({ type }) => type === 'PARTITION_AWARE');
  return {
    task_id: task.task_id,
    agent_id: task.agent_id,
    source: 'SOURCE_AGENT',
    timestamp: Date.now() / 1000,
    ...refusal,
    state: refusal.state === 'TASK_DROPPED' && !isPartitionAware ? 'TASK_LOST' : refusal.state,
  };
}

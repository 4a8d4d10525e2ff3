import type {
  AgentApiCall,
  AgentApiEvent,
  FrameworkID,
  FrameworkInfo,
  TaskInfo,
  TaskState,
  TaskStatus,
  TaskStatusReason,
} from '@drydock/mesos';

/** Why the agent does not run a task that the master sent. */
export interface Refusal {
  readonly state: Extract<TaskState, 'TASK_DROPPED' | 'TASK_ERROR'>;
  readonly reason: TaskStatusReason;
  readonly message: string;
}

/** Of an agent that takes nothing any more. */
export const SHUTTING_DOWN: Refusal = {
  state: 'TASK_DROPPED',
  reason: 'REASON_AGENT_REMOVED',
  message: 'Agent is shutting down',
};

/** What the framework is told: without a uuid, because nobody would wait for its acknowledgement. */
export function refusedTaskCall(
  framework: FrameworkInfo & { id: FrameworkID },
  task: TaskInfo,
  refusal: Refusal,
): AgentApiCall {
  const isPartitionAware = (framework.capabilities ?? []).some(({ type }) => type === 'PARTITION_AWARE');
  const status: TaskStatus = {
    task_id: task.task_id,
    agent_id: task.agent_id,
    source: 'SOURCE_AGENT',
    timestamp: Date.now() / 1000,
    ...refusal,
    state: refusal.state === 'TASK_DROPPED' && !isPartitionAware ? 'TASK_LOST' : refusal.state,
  };
  return { type: 'UPDATE_STATUS', update_status: { framework_id: framework.id, status } };
}

/**
 * What the master is told of a task group: there is no default executor yet. One that never was has exited, as the master
 * sees it, and holds its resources until it hears so.
 */
export function refusedGroupCalls({ run_task_group: group }: AgentApiEvent): readonly AgentApiCall[] {
  const { framework_info: info, executor, task_group: { tasks = [] } = {} } = group ?? {};
  if (info?.id === undefined || executor === undefined) return [];
  const framework = { ...info, id: info.id };
  const message = 'Task groups are not supported by this agent';
  const refusal: Refusal = { state: 'TASK_ERROR', reason: 'REASON_TASK_GROUP_INVALID', message };
  const exited = { framework_id: info.id, executor_id: executor.executor_id, status: -1 };
  return [
    ...tasks.map((task) => refusedTaskCall(framework, task, refusal)),
    { type: 'EXECUTOR_EXITED', executor_exited: exited },
  ];
}

import type {
  AgentApiCall,
  ExecutorInfo,
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
function refusedTaskCall(
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
 * What the master is told of tasks that do not get as far as a run. An executor that never was has exited, as the master
 * sees it, and holds its resources until it hears so.
 */
export function refusalCalls(
  framework: FrameworkInfo & { id: FrameworkID },
  tasks: readonly TaskInfo[],
  executor: ExecutorInfo | undefined,
  { isExecutorThere = false, ...refusal }: Refusal & { readonly isExecutorThere?: boolean },
): readonly AgentApiCall[] {
  const refused = tasks.map((task) => refusedTaskCall(framework, task, refusal));
  if (executor === undefined || isExecutorThere) return refused;
  const exited = { framework_id: framework.id, executor_id: executor.executor_id, status: -1 };
  return [...refused, { type: 'EXECUTOR_EXITED', executor_exited: exited }];
}

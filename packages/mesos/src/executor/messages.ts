/**
 * The v1 executor API as TypeScript sees it: names and optionality of `proto/executor.proto`.
 * @see include/mesos/v1/executor/executor.proto
 */
import type {
  AgentInfo,
  ContainerID,
  ExecutorID,
  ExecutorInfo,
  FrameworkID,
  FrameworkInfo,
  KillPolicy,
  TaskGroupInfo,
  TaskID,
  TaskInfo,
  TaskStatus,
} from '../v1.ts';

/** From an executor to its agent; `type` says which body counts. */
export interface ExecutorCall {
  executor_id: ExecutorID;
  framework_id: FrameworkID;
  type?: 'UNKNOWN' | 'SUBSCRIBE' | 'UPDATE' | 'MESSAGE' | 'HEARTBEAT';
  subscribe?: { unacknowledged_tasks?: TaskInfo[]; unacknowledged_updates?: { status: TaskStatus }[] };
  update?: { status: TaskStatus };
  message?: { data: Uint8Array };
}

/** From the agent to an executor; `type` says which body counts. */
export interface ExecutorEvent {
  type?:
    | 'UNKNOWN'
    | 'SUBSCRIBED'
    | 'LAUNCH'
    | 'LAUNCH_GROUP'
    | 'KILL'
    | 'ACKNOWLEDGED'
    | 'MESSAGE'
    | 'ERROR'
    | 'SHUTDOWN'
    | 'HEARTBEAT';
  subscribed?: {
    executor_info: ExecutorInfo;
    framework_info: FrameworkInfo;
    agent_info: AgentInfo;
    container_id?: ContainerID;
  };
  acknowledged?: { task_id: TaskID; uuid: Uint8Array };
  launch?: { task: TaskInfo };
  launch_group?: { task_group: TaskGroupInfo };
  kill?: { task_id: TaskID; kill_policy?: KillPolicy };
  message?: { data: Uint8Array };
  error?: { message: string };
}

/**
 * The wire between an agent and its master as TypeScript sees it: names and optionality of `proto/agent_api.proto`.
 * docs/agent-api.md tells the story.
 */
import type {
  AgentID,
  AgentInfo,
  ExecutorID,
  ExecutorInfo,
  FrameworkID,
  FrameworkInfo,
  KillPolicy,
  MasterInfo,
  TaskGroupInfo,
  TaskID,
  TaskInfo,
  TaskState,
  TaskStatus,
} from '../v1.ts';

/** A task that the agent still has when it registers. */
export interface KnownTask {
  framework_id: FrameworkID;
  task: TaskInfo;
  state: TaskState;
}

/** An executor that the agent still has, with or without tasks. Those of command tasks are not listed. */
export interface KnownExecutor {
  framework_id: FrameworkID;
  executor: ExecutorInfo;
}

/** What an agent says of itself at each registration. */
export interface AgentRegistration {
  /** `id` set = the agent comes back under the id that it was given before. */
  agent_info: AgentInfo;
  version: string;
  /** `slave(1)@ip:port` */
  pid: string;
  frameworks?: FrameworkInfo[];
  tasks?: KnownTask[];
  executors?: KnownExecutor[];
}

/** From an agent to the master; `type` says which body counts. */
export interface AgentApiCall {
  type?: 'UNKNOWN' | 'REGISTER' | 'UPDATE_STATUS' | 'EXECUTOR_EXITED' | 'MESSAGE' | 'UNREGISTER' | 'PONG';
  /** Every call but REGISTER. */
  agent_id?: AgentID;
  register?: AgentRegistration;
  update_status?: { framework_id: FrameworkID; status: TaskStatus };
  executor_exited?: { framework_id: FrameworkID; executor_id: ExecutorID; status: number };
  message?: { framework_id: FrameworkID; executor_id: ExecutorID; data: Uint8Array };
}

/** From the master to an agent; `type` says which body counts. */
export interface AgentApiEvent {
  type?:
    | 'UNKNOWN'
    | 'REGISTERED'
    | 'RUN_TASK'
    | 'KILL_TASK'
    | 'STATUS_ACKNOWLEDGED'
    | 'SHUTDOWN_FRAMEWORK'
    | 'SHUTDOWN'
    | 'HEARTBEAT'
    | 'ERROR'
    | 'MESSAGE'
    | 'PING'
    | 'SHUTDOWN_EXECUTOR'
    | 'UPDATE_FRAMEWORK'
    | 'RUN_TASK_GROUP';
  registered?: { agent_id: AgentID; master_info: MasterInfo; heartbeat_interval_seconds: number };
  run_task?: { framework_info: FrameworkInfo; task: TaskInfo };
  kill_task?: { framework_id: FrameworkID; task_id: TaskID; kill_policy?: KillPolicy };
  status_acknowledged?: { framework_id: FrameworkID; task_id: TaskID; uuid: Uint8Array };
  shutdown_framework?: { framework_id: FrameworkID };
  shutdown?: { message: string };
  error?: { message: string };
  message?: { framework_id: FrameworkID; executor_id: ExecutorID; data: Uint8Array };
  shutdown_executor?: { framework_id: FrameworkID; executor_id: ExecutorID };
  update_framework?: { framework_info: FrameworkInfo };
  /** Each task names the executor, too. */
  run_task_group?: { framework_info: FrameworkInfo; executor: ExecutorInfo; task_group: TaskGroupInfo };
}

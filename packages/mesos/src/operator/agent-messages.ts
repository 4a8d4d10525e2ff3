/**
 * The operator API of the agent as TypeScript sees it: names and optionality of `proto/agent.proto`. Bodies of calls that
 * are not implemented are opaque.
 * @see include/mesos/v1/agent/agent.proto
 */
import type {
  AgentInfo,
  CommandInfo,
  ContainerID,
  ContainerInfo,
  ContainerStatus,
  ExecutorID,
  ExecutorInfo,
  FrameworkID,
  FrameworkInfo,
  Resource,
  Task,
  TaskState,
  TaskStatus,
  TaskStatusReason,
} from '../v1.ts';
import type { CommonCallBodies, CommonCallType, CommonResponse, CommonResponseBodies } from './common-messages.ts';

type AgentGetCallType =
  | 'GET_STATE'
  | 'GET_CONTAINERS'
  | 'GET_FRAMEWORKS'
  | 'GET_EXECUTORS'
  | 'GET_OPERATIONS'
  | 'GET_TASKS'
  | 'GET_AGENT'
  | 'GET_RESOURCE_PROVIDERS';

export type AgentCallType =
  | 'UNKNOWN'
  | CommonCallType
  | AgentGetCallType
  | 'LAUNCH_NESTED_CONTAINER'
  | 'WAIT_NESTED_CONTAINER'
  | 'KILL_NESTED_CONTAINER'
  | 'REMOVE_NESTED_CONTAINER'
  | 'LAUNCH_NESTED_CONTAINER_SESSION'
  | 'ATTACH_CONTAINER_INPUT'
  | 'ATTACH_CONTAINER_OUTPUT'
  | 'LAUNCH_CONTAINER'
  | 'WAIT_CONTAINER'
  | 'KILL_CONTAINER'
  | 'REMOVE_CONTAINER'
  | 'ADD_RESOURCE_PROVIDER_CONFIG'
  | 'UPDATE_RESOURCE_PROVIDER_CONFIG'
  | 'REMOVE_RESOURCE_PROVIDER_CONFIG'
  | 'MARK_RESOURCE_PROVIDER_GONE'
  | 'PRUNE_IMAGES';

/** A container to be launched under the one that its id names as parent. */
export interface LaunchNestedContainer {
  container_id: ContainerID;
  command?: CommandInfo;
  container?: ContainerInfo;
}

/** A container to be launched, with or without a parent; one without is nobody's task. */
export interface LaunchContainer extends LaunchNestedContainer {
  resources?: Resource[];
  limits?: Record<string, { value: number }>;
}

/** `signal`: SIGKILL unless it is set. */
export interface KillContainer {
  container_id: ContainerID;
  signal?: number;
}

/** How a container ended. */
export interface ContainerEnd {
  /** As wait(2) gives it; unset when nobody knows it. */
  exit_status?: number;
  state?: TaskState;
  reason?: TaskStatusReason;
  limitation?: NonNullable<TaskStatus['limitation']>;
  message?: string;
}

/** From an operator to the agent; `type` says which body counts. */
export interface AgentCall extends CommonCallBodies {
  type?: AgentCallType;
  get_containers?: { show_nested?: boolean; show_standalone?: boolean };
  launch_nested_container?: LaunchNestedContainer;
  wait_nested_container?: { container_id: ContainerID };
  kill_nested_container?: KillContainer;
  remove_nested_container?: { container_id: ContainerID };
  launch_nested_container_session?: object;
  attach_container_input?: object;
  attach_container_output?: object;
  launch_container?: LaunchContainer;
  wait_container?: { container_id: ContainerID };
  kill_container?: KillContainer;
  remove_container?: { container_id: ContainerID };
  add_resource_provider_config?: object;
  update_resource_provider_config?: object;
  remove_resource_provider_config?: object;
  mark_resource_provider_gone?: object;
  prune_images?: object;
}

/** What a container uses. */
export interface ResourceStatistics {
  /** Seconds since the epoch. */
  timestamp: number;
  cpus_user_time_secs?: number;
  cpus_system_time_secs?: number;
  cpus_limit?: number;
  mem_rss_bytes?: number;
  mem_limit_bytes?: number;
  mem_file_bytes?: number;
  mem_total_bytes?: number;
}

export interface AgentContainer {
  framework_id?: FrameworkID;
  executor_id?: ExecutorID;
  executor_name?: string;
  container_id: ContainerID;
  container_status?: ContainerStatus;
  resource_statistics?: ResourceStatistics;
}

export interface AgentGetFrameworks {
  frameworks?: { framework_info: FrameworkInfo }[];
  completed_frameworks?: { framework_info: FrameworkInfo }[];
}

export interface AgentGetExecutors {
  executors?: { executor_info: ExecutorInfo }[];
  completed_executors?: { executor_info: ExecutorInfo }[];
}

export interface AgentGetTasks {
  pending_tasks?: Task[];
  queued_tasks?: Task[];
  launched_tasks?: Task[];
  terminated_tasks?: Task[];
  completed_tasks?: Task[];
}

/** From the agent to an operator; `type` is that of the call. */
export interface AgentResponse extends CommonResponseBodies {
  type?: CommonResponse['type'] | AgentGetCallType | 'WAIT_NESTED_CONTAINER' | 'WAIT_CONTAINER';
  get_state?: { get_tasks?: AgentGetTasks; get_executors?: AgentGetExecutors; get_frameworks?: AgentGetFrameworks };
  get_containers?: { containers?: AgentContainer[] };
  get_frameworks?: AgentGetFrameworks;
  get_executors?: AgentGetExecutors;
  get_operations?: object;
  get_tasks?: AgentGetTasks;
  get_agent?: { agent_info?: AgentInfo };
  get_resource_providers?: object;
  wait_nested_container?: ContainerEnd;
  wait_container?: ContainerEnd;
}

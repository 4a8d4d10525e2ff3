/**
 * The operator API of the master as TypeScript sees it: names and optionality of `proto/master.proto`. Bodies of calls
 * that are not implemented are opaque.
 * @see include/mesos/v1/master/master.proto
 */
import type {
  AgentID,
  AgentInfo,
  ExecutorInfo,
  FrameworkID,
  FrameworkInfo,
  MasterInfo,
  Offer,
  Resource,
  Task,
  TaskState,
  TaskStatus,
  TimeInfo,
} from '../v1.ts';
import type { CommonCallBodies, CommonCallType, CommonResponse, CommonResponseBodies } from './common-messages.ts';

type MasterGetCallType =
  | 'GET_STATE'
  | 'GET_AGENTS'
  | 'GET_FRAMEWORKS'
  | 'GET_EXECUTORS'
  | 'GET_OPERATIONS'
  | 'GET_TASKS'
  | 'GET_ROLES'
  | 'GET_WEIGHTS'
  | 'GET_MASTER'
  | 'GET_MAINTENANCE_STATUS'
  | 'GET_MAINTENANCE_SCHEDULE'
  | 'GET_QUOTA';

export type MasterCallType =
  | 'UNKNOWN'
  | CommonCallType
  | MasterGetCallType
  | 'UPDATE_WEIGHTS'
  | 'SUBSCRIBE'
  | 'RESERVE_RESOURCES'
  | 'UNRESERVE_RESOURCES'
  | 'CREATE_VOLUMES'
  | 'DESTROY_VOLUMES'
  | 'GROW_VOLUME'
  | 'SHRINK_VOLUME'
  | 'UPDATE_MAINTENANCE_SCHEDULE'
  | 'START_MAINTENANCE'
  | 'STOP_MAINTENANCE'
  | 'DRAIN_AGENT'
  | 'DEACTIVATE_AGENT'
  | 'REACTIVATE_AGENT'
  | 'UPDATE_QUOTA'
  | 'SET_QUOTA'
  | 'REMOVE_QUOTA'
  | 'TEARDOWN'
  | 'MARK_AGENT_GONE';

/** From an operator to the master; `type` says which body counts. */
export interface MasterCall extends CommonCallBodies {
  type?: MasterCallType;
  update_weights?: object;
  reserve_resources?: object;
  unreserve_resources?: object;
  create_volumes?: object;
  destroy_volumes?: object;
  grow_volume?: object;
  shrink_volume?: object;
  update_maintenance_schedule?: object;
  start_maintenance?: object;
  stop_maintenance?: object;
  drain_agent?: object;
  deactivate_agent?: object;
  reactivate_agent?: object;
  update_quota?: object;
  teardown?: { framework_id: FrameworkID };
  mark_agent_gone?: { agent_id: AgentID };
  set_quota?: object;
  remove_quota?: object;
}

/** An agent as the master knows it. */
export interface MasterAgent {
  agent_info: AgentInfo;
  active: boolean;
  deactivated?: boolean;
  version: string;
  pid?: string;
  registered_time?: TimeInfo;
  reregistered_time?: TimeInfo;
  total_resources?: Resource[];
  allocated_resources?: Resource[];
  offered_resources?: Resource[];
  capabilities?: { type?: string }[];
}

/** A framework as the master knows it. */
export interface MasterFramework {
  framework_info: FrameworkInfo;
  active: boolean;
  connected: boolean;
  recovered: boolean;
  registered_time?: TimeInfo;
  reregistered_time?: TimeInfo;
  unregistered_time?: TimeInfo;
  offers?: Offer[];
  allocated_resources?: Resource[];
  offered_resources?: Resource[];
}

export interface MasterRole {
  name: string;
  weight: number;
  frameworks?: FrameworkID[];
  resources?: Resource[];
}

export interface MasterGetAgents {
  agents?: MasterAgent[];
  recovered_agents?: AgentInfo[];
}

export interface MasterGetFrameworks {
  frameworks?: MasterFramework[];
  completed_frameworks?: MasterFramework[];
  recovered_frameworks?: FrameworkInfo[];
}

export interface MasterGetExecutors {
  executors?: { executor_info: ExecutorInfo; agent_id: AgentID }[];
  orphan_executors?: { executor_info: ExecutorInfo; agent_id: AgentID }[];
}

export interface MasterGetTasks {
  pending_tasks?: Task[];
  tasks?: Task[];
  unreachable_tasks?: Task[];
  completed_tasks?: Task[];
  orphan_tasks?: Task[];
}

export interface MasterGetState {
  get_tasks?: MasterGetTasks;
  get_executors?: MasterGetExecutors;
  get_frameworks?: MasterGetFrameworks;
  get_agents?: MasterGetAgents;
}

/** From the master to an operator; `type` is that of the call. */
export interface MasterResponse extends CommonResponseBodies {
  type?: CommonResponse['type'] | MasterGetCallType;
  get_state?: MasterGetState;
  get_agents?: MasterGetAgents;
  get_frameworks?: MasterGetFrameworks;
  get_executors?: MasterGetExecutors;
  get_operations?: object;
  get_tasks?: MasterGetTasks;
  get_roles?: { roles?: MasterRole[] };
  get_weights?: { weight_infos?: { weight: number; role?: string }[] };
  get_master?: { master_info?: MasterInfo; start_time?: number; elected_time?: number };
  get_maintenance_status?: { status: object };
  get_maintenance_schedule?: { schedule: object };
  get_quota?: { status: object };
}

export type MasterEventType =
  | 'UNKNOWN'
  | 'SUBSCRIBED'
  | 'TASK_ADDED'
  | 'TASK_UPDATED'
  | 'AGENT_ADDED'
  | 'AGENT_REMOVED'
  | 'FRAMEWORK_ADDED'
  | 'FRAMEWORK_UPDATED'
  | 'FRAMEWORK_REMOVED'
  | 'HEARTBEAT';

/** From the master to a subscribed operator; `type` says which body counts. */
export interface MasterEvent {
  type?: MasterEventType;
  subscribed?: { get_state?: MasterGetState; heartbeat_interval_seconds?: number };
  task_added?: { task: Task };
  task_updated?: { framework_id: FrameworkID; status: TaskStatus; state: TaskState };
  agent_added?: { agent: MasterAgent };
  agent_removed?: { agent_id: AgentID };
  framework_added?: { framework: MasterFramework };
  framework_updated?: { framework: MasterFramework };
  framework_removed?: { framework_info: FrameworkInfo };
}

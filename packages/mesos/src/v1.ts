/**
 * The Mesos v1 vocabulary as TypeScript sees it: names and optionality of `proto/*.proto`, which carry upstream's field
 * numbers. Fields are the wire's snake_case. `bytes` are Uint8Array here (base64 in JSON); 64-bit integers are numbers.
 * @see include/mesos/v1/mesos.proto
 */

import type { TaskState } from './task-state.ts';
import type { LinuxInfo, RLimitInfo, TTYInfo } from './v1-linux.ts';

export type { TaskState } from './task-state.ts';

export interface Id {
  value: string;
}
export type FrameworkID = Id;
export type OfferID = Id;
export type AgentID = Id;
export type TaskID = Id;
export type ExecutorID = Id;

export interface ContainerID {
  value: string;
  parent?: ContainerID;
}

export interface DurationInfo {
  nanoseconds: number;
}
export type TimeInfo = DurationInfo;

export interface Address {
  hostname?: string;
  ip?: string;
  port: number;
}

export interface URL {
  scheme: string;
  address: Address;
  path?: string;
  query?: Parameter[];
  fragment?: string;
}

export interface Parameter {
  key: string;
  value: string;
}
export interface Parameters {
  parameter?: Parameter[];
}
export interface Label {
  key: string;
  value?: string;
}
export interface Labels {
  labels?: Label[];
}

export interface FrameworkInfo {
  user: string;
  name: string;
  id?: FrameworkID;
  failover_timeout?: number;
  checkpoint?: boolean;
  role?: string;
  roles?: string[];
  hostname?: string;
  principal?: string;
  webui_url?: string;
  capabilities?: { type?: FrameworkCapability }[];
  labels?: Labels;
  /** By role. */
  offer_filters?: Record<string, OfferFilters>;
}

/** The least that a framework wants to be offered; one of the quantities is enough. */
export interface OfferFilters {
  min_allocatable_resources?: { quantities?: { quantities?: Record<string, { value: number }> }[] };
}

export type FrameworkCapability =
  | 'UNKNOWN'
  | 'REVOCABLE_RESOURCES'
  | 'TASK_KILLING_STATE'
  | 'GPU_RESOURCES'
  | 'SHARED_RESOURCES'
  | 'PARTITION_AWARE'
  | 'MULTI_ROLE'
  | 'RESERVATION_REFINEMENT'
  | 'REGION_AWARE';

export interface MasterInfo {
  id: string;
  ip: number;
  port: number;
  pid?: string;
  hostname?: string;
  version?: string;
  address?: Address;
  domain?: unknown;
  capabilities?: { type?: 'UNKNOWN' | 'AGENT_UPDATE' | 'AGENT_DRAINING' | 'QUOTA_V2' }[];
}

export interface AgentInfo {
  hostname: string;
  port?: number;
  resources?: Resource[];
  attributes?: Attribute[];
  id?: AgentID;
  domain?: unknown;
}

export type ValueType = 'SCALAR' | 'RANGES' | 'SET' | 'TEXT';
export interface Range {
  begin: number;
  end: number;
}

export interface Attribute {
  name: string;
  type: ValueType;
  scalar?: { value: number };
  ranges?: { range?: Range[] };
  set?: { item?: string[] };
  text?: { value: string };
}

export interface Resource {
  name: string;
  type: ValueType;
  scalar?: { value: number };
  ranges?: { range?: Range[] };
  set?: { item?: string[] };
  role?: string;
  allocation_info?: { role?: string };
  reservation?: ReservationInfo;
  reservations?: ReservationInfo[];
  disk?: DiskInfo;
  revocable?: object;
  shared?: object;
  provider_id?: Id;
}

export interface ReservationInfo {
  type?: 'UNKNOWN' | 'STATIC' | 'DYNAMIC';
  role?: string;
  principal?: string;
  labels?: Labels;
}

export interface DiskInfo {
  persistence?: { id: string; principal?: string };
  volume?: Volume;
  source?: unknown;
}

export interface CommandInfo {
  uris?: { value: string; executable?: boolean; extract?: boolean; cache?: boolean; output_file?: string }[];
  environment?: Environment;
  /** Default true. */
  shell?: boolean;
  value?: string;
  arguments?: string[];
  user?: string;
}

export interface Environment {
  variables?: EnvironmentVariable[];
}
export interface EnvironmentVariable {
  name: string;
  type?: 'UNKNOWN' | 'VALUE' | 'SECRET';
  value?: string;
  secret?: Secret;
}

export interface Secret {
  type?: 'UNKNOWN' | 'REFERENCE' | 'VALUE';
  reference?: { name: string; key?: string };
  value?: { data: Uint8Array };
}

export interface Image {
  type: 'APPC' | 'DOCKER';
  appc?: { name: string; id?: string; labels?: Labels };
  docker?: { name: string; credential?: { principal: string; secret?: string }; config?: Secret };
  cached?: boolean;
}

export type VolumeMode = 'RW' | 'RO';

export interface DockerVolume {
  driver?: string;
  name: string;
  driver_options?: Parameters;
}

export type VolumeSourceType = 'UNKNOWN' | 'DOCKER_VOLUME' | 'HOST_PATH' | 'SANDBOX_PATH' | 'SECRET' | 'CSI_VOLUME';

export interface VolumeSource {
  type?: VolumeSourceType;
  docker_volume?: DockerVolume;
  host_path?: unknown;
  sandbox_path?: unknown;
  secret?: unknown;
  csi_volume?: { plugin_name: string; static_provisioning?: unknown };
}

export interface Volume {
  mode: VolumeMode;
  container_path: string;
  host_path?: string;
  image?: Image;
  source?: VolumeSource;
}

export interface ContainerInfo {
  type: 'DOCKER' | 'MESOS';
  volumes?: Volume[];
  hostname?: string;
  docker?: DockerInfo;
  mesos?: { image?: Image };
  network_infos?: NetworkInfo[];
  linux_info?: LinuxInfo;
  rlimit_info?: RLimitInfo;
  tty_info?: TTYInfo;
}

export interface DockerInfo {
  image: string;
  network?: 'HOST' | 'BRIDGE' | 'NONE' | 'USER';
  port_mappings?: { host_port: number; container_port: number; protocol?: string }[];
  privileged?: boolean;
  parameters?: Parameter[];
  force_pull_image?: boolean;
  volume_driver?: string;
}

export interface NetworkInfo {
  ip_addresses?: { protocol?: 'IPv4' | 'IPv6'; ip_address?: string }[];
  name?: string;
  groups?: string[];
  labels?: Labels;
  port_mappings?: { host_port: number; container_port: number; protocol?: string }[];
}

/** How to see whether a task is well; times in seconds. */
export interface HealthCheck {
  delay_seconds?: number;
  interval_seconds?: number;
  timeout_seconds?: number;
  consecutive_failures?: number;
  grace_period_seconds?: number;
  type?: 'UNKNOWN' | 'COMMAND' | 'HTTP' | 'TCP';
  command?: CommandInfo;
  http?: { port: number; scheme?: string; path?: string; statuses?: number[]; protocol?: 'IPv4' | 'IPv6' };
  tcp?: { port: number; protocol?: 'IPv4' | 'IPv6' };
}

/** A check without consequences; times in seconds. */
export interface CheckInfo {
  type?: 'UNKNOWN' | 'COMMAND' | 'HTTP' | 'TCP';
  command?: { command: CommandInfo };
  http?: { port: number; path?: string };
  tcp?: { port: number };
  delay_seconds?: number;
  interval_seconds?: number;
  timeout_seconds?: number;
}

export interface KillPolicy {
  grace_period?: DurationInfo;
}

export interface ExecutorInfo {
  type?: 'UNKNOWN' | 'DEFAULT' | 'CUSTOM';
  executor_id: ExecutorID;
  framework_id?: FrameworkID;
  command?: CommandInfo;
  container?: ContainerInfo;
  resources?: Resource[];
  name?: string;
  source?: string;
  data?: Uint8Array;
  discovery?: unknown;
  shutdown_grace_period?: DurationInfo;
  labels?: Labels;
}

/** Tasks that start and end together. */
export interface TaskGroupInfo {
  tasks?: TaskInfo[];
}

export interface TaskInfo {
  name: string;
  task_id: TaskID;
  agent_id: AgentID;
  resources?: Resource[];
  executor?: ExecutorInfo;
  command?: CommandInfo;
  container?: ContainerInfo;
  health_check?: HealthCheck;
  check?: CheckInfo;
  kill_policy?: KillPolicy;
  data?: Uint8Array;
  labels?: Labels;
  discovery?: unknown;
  max_completion_time?: DurationInfo;
  limits?: Record<string, { value: number }>;
}

export type TaskStatusSource = 'SOURCE_MASTER' | 'SOURCE_AGENT' | 'SOURCE_EXECUTOR';

/** Names of TaskStatus.Reason, `REASON_...`. */
export type TaskStatusReason = `REASON_${string}`;

export interface ContainerStatus {
  container_id?: ContainerID;
  network_infos?: unknown[];
  cgroup_info?: unknown;
  executor_pid?: number;
}

export interface TaskStatus {
  task_id: TaskID;
  state: TaskState;
  message?: string;
  source?: TaskStatusSource;
  reason?: TaskStatusReason;
  data?: Uint8Array;
  agent_id?: AgentID;
  executor_id?: ExecutorID;
  /** Seconds since the epoch. */
  timestamp?: number;
  uuid?: Uint8Array;
  healthy?: boolean;
  check_status?: unknown;
  labels?: Labels;
  container_status?: ContainerStatus;
  unreachable_time?: TimeInfo;
  limitation?: { resources?: Resource[] };
}

/** A task as the master and the agent report it. */
export interface Task {
  name: string;
  task_id: TaskID;
  framework_id: FrameworkID;
  executor_id?: ExecutorID;
  agent_id: AgentID;
  state: TaskState;
  resources?: Resource[];
  statuses?: TaskStatus[];
  status_update_state?: TaskState;
  status_update_uuid?: Uint8Array;
  labels?: Labels;
  discovery?: unknown;
  container?: ContainerInfo;
  health_check?: HealthCheck;
  kill_policy?: KillPolicy;
  user?: string;
  limits?: Record<string, { value: number }>;
}

export interface Filters {
  refuse_seconds?: number;
}

export interface Offer {
  id: OfferID;
  framework_id: FrameworkID;
  agent_id: AgentID;
  hostname: string;
  url?: URL;
  resources?: Resource[];
  attributes?: Attribute[];
  executor_ids?: ExecutorID[];
  domain?: unknown;
  unavailability?: unknown;
  allocation_info?: { role?: string };
}

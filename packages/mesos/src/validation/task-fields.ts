/**
 * What becomes of every field that a task can set, in one table: a field is acted upon, or it is information that is
 * handed on and shown, or a task that sets it is refused by the field's name. Nothing is ignored in silence; upstream
 * ignores what no isolator or executor looks at. A test holds the table against the schema: none of its fields is missing.
 */
import protobuf from 'protobufjs';
import { executorInfoType, taskInfoType } from '../codec/schema.ts';
import type { ExecutorInfo, TaskInfo } from '../v1.ts';

const PACKAGE = '.mesos.v1.';

/** The fields of one message. */
export interface FieldTreatment {
  /** Acted upon. */
  readonly implemented?: readonly string[];
  /** Harmless information for people and other programs: handed on with the task, shown where it is shown upstream. */
  readonly carried?: readonly string[];
  /** A task that sets one gets TASK_ERROR, and the message names it. */
  readonly refused?: readonly string[];
}

/** Messages that can be set in a TaskInfo, by their names in `mesos.proto`. */
export const TASK_FIELDS: Readonly<Record<string, FieldTreatment>> = {
  TaskInfo: {
    implemented: ['name', 'task_id', 'agent_id', 'resources', 'command', 'executor', 'container', 'kill_policy'],
    carried: ['data', 'labels', 'discovery'],
    refused: ['health_check', 'check', 'max_completion_time', 'limits'],
  },
  TaskID: { implemented: ['value'] },
  AgentID: { implemented: ['value'] },
  KillPolicy: { implemented: ['grace_period'] },
  DurationInfo: { implemented: ['nanoseconds'] },
  Labels: { carried: ['labels'] },
  Label: { carried: ['key', 'value'] },
  DiscoveryInfo: { carried: ['visibility', 'name', 'environment', 'location', 'version', 'ports', 'labels'] },
  Ports: { carried: ['ports'] },
  Port: { carried: ['number', 'name', 'protocol', 'visibility', 'labels'] },

  Resource: {
    implemented: ['name', 'type', 'scalar', 'ranges', 'set', 'role', 'allocation_info'],
    refused: ['provider_id', 'reservation', 'reservations', 'disk', 'revocable', 'shared'],
  },
  'Resource.AllocationInfo': { implemented: ['role'] },
  'Value.Scalar': { implemented: ['value'] },
  'Value.Ranges': { implemented: ['range'] },
  'Value.Range': { implemented: ['begin', 'end'] },
  'Value.Set': { implemented: ['item'] },

  CommandInfo: { implemented: ['environment', 'shell', 'value', 'arguments', 'user'], refused: ['uris'] },
  Environment: { implemented: ['variables'] },
  'Environment.Variable': { implemented: ['name', 'type', 'value'], refused: ['secret'] },

  ContainerInfo: {
    implemented: ['type', 'volumes', 'mesos'],
    refused: ['hostname', 'docker', 'network_infos', 'linux_info', 'rlimit_info', 'tty_info'],
  },
  'ContainerInfo.MesosInfo': { implemented: ['image'] },
  Image: { implemented: ['type', 'docker', 'cached'], refused: ['appc'] },
  'Image.Docker': { implemented: ['name'], refused: ['credential', 'config'] },
  Volume: { implemented: ['mode', 'container_path', 'source'], refused: ['host_path', 'image'] },
  'Volume.Source': {
    implemented: ['type', 'docker_volume'],
    refused: ['host_path', 'sandbox_path', 'secret', 'csi_volume'],
  },
  'Volume.Source.DockerVolume': { implemented: ['driver', 'name', 'driver_options'] },
  Parameters: { implemented: ['parameter'] },
  Parameter: { implemented: ['key', 'value'] },

  // A custom executor, with a container as that of a command.
  ExecutorInfo: {
    implemented: ['type', 'executor_id', 'framework_id', 'command', 'container', 'resources', 'shutdown_grace_period'],
    carried: ['name', 'source', 'data', 'discovery', 'labels'],
  },
  ExecutorID: { implemented: ['value'] },
  FrameworkID: { implemented: ['value'] },

  // What follows is reached through fields that are refused above, so the refusal names those.
  HealthCheck: {
    refused: [
      'delay_seconds',
      'interval_seconds',
      'timeout_seconds',
      'consecutive_failures',
      'grace_period_seconds',
      'type',
      'command',
      'http',
      'tcp',
    ],
  },
  'HealthCheck.HTTPCheckInfo': { refused: ['protocol', 'scheme', 'port', 'path', 'statuses'] },
  'HealthCheck.TCPCheckInfo': { refused: ['protocol', 'port'] },
  CheckInfo: {
    refused: ['type', 'command', 'http', 'tcp', 'delay_seconds', 'interval_seconds', 'timeout_seconds'],
  },
  'CheckInfo.Command': { refused: ['command'] },
  'CheckInfo.Http': { refused: ['port', 'path'] },
  'CheckInfo.Tcp': { refused: ['port'] },
  ResourceProviderID: { refused: ['value'] },
  'Resource.ReservationInfo': { refused: ['type', 'role', 'principal', 'labels'] },
  'Resource.DiskInfo': { refused: ['persistence', 'volume', 'source'] },
  'Resource.DiskInfo.Persistence': { refused: ['id', 'principal'] },
  'Resource.DiskInfo.Source': { refused: ['type', 'path', 'mount', 'vendor', 'id', 'metadata', 'profile'] },
  'Resource.DiskInfo.Source.Path': { refused: ['root'] },
  'Resource.DiskInfo.Source.Mount': { refused: ['root'] },
  'Resource.RevocableInfo': {},
  'Resource.SharedInfo': {},
  'CommandInfo.URI': { refused: ['value', 'executable', 'extract', 'cache', 'output_file'] },
  Secret: { refused: ['type', 'reference', 'value'] },
  'Secret.Reference': { refused: ['name', 'key'] },
  'Secret.Value': { refused: ['data'] },
  'Image.Appc': { refused: ['name', 'id', 'labels'] },
  Credential: { refused: ['principal', 'secret'] },
  'Volume.Source.HostPath': { refused: ['path', 'mount_propagation'] },
  'Volume.Source.SandboxPath': { refused: ['type', 'path'] },
  MountPropagation: { refused: ['mode'] },
  'Volume.Source.CSIVolume': { refused: ['plugin_name', 'static_provisioning'] },
  'Volume.Source.CSIVolume.StaticProvisioning': {
    refused: [
      'volume_id',
      'volume_capability',
      'readonly',
      'node_stage_secrets',
      'node_publish_secrets',
      'volume_context',
    ],
  },
  'Volume.Source.CSIVolume.VolumeCapability': { refused: ['block', 'mount', 'access_mode'] },
  'Volume.Source.CSIVolume.VolumeCapability.BlockVolume': {},
  'Volume.Source.CSIVolume.VolumeCapability.MountVolume': { refused: ['fs_type', 'mount_flags'] },
  'Volume.Source.CSIVolume.VolumeCapability.AccessMode': { refused: ['mode'] },
  'ContainerInfo.DockerInfo': {
    refused: ['image', 'network', 'port_mappings', 'privileged', 'parameters', 'force_pull_image', 'volume_driver'],
  },
  'ContainerInfo.DockerInfo.PortMapping': { refused: ['host_port', 'container_port', 'protocol'] },
  NetworkInfo: { refused: ['ip_addresses', 'name', 'groups', 'labels', 'port_mappings'] },
  'NetworkInfo.IPAddress': { refused: ['protocol', 'ip_address'] },
  'NetworkInfo.PortMapping': { refused: ['host_port', 'container_port', 'protocol'] },
  LinuxInfo: {
    refused: [
      'capability_info',
      'bounding_capabilities',
      'effective_capabilities',
      'share_pid_namespace',
      'seccomp',
      'ipc_mode',
      'shm_size',
      'share_cgroups',
    ],
  },
  CapabilityInfo: { refused: ['capabilities'] },
  SeccompInfo: {},
  RLimitInfo: { refused: ['rlimits'] },
  'RLimitInfo.RLimit': { refused: ['type', 'hard', 'soft'] },
  TTYInfo: { refused: ['window_size'] },
  'TTYInfo.WindowSize': { refused: ['rows', 'columns'] },
};

/**
 * The same for a task of a custom executor, where it differs: its executor gets it as it is, and what it makes of it is its
 * own affair. Only its resources are the agent's.
 */
export const CUSTOM_TASK_FIELDS: Readonly<Record<string, FieldTreatment>> = {
  TaskInfo: {
    implemented: ['name', 'task_id', 'agent_id', 'resources', 'executor'],
    carried: [
      'command',
      'container',
      'kill_policy',
      'health_check',
      'check',
      'max_completion_time',
      'data',
      'labels',
      'discovery',
    ],
    refused: ['limits'],
  },
};

/**
 * The same for a default executor, where it differs: it is a part of the agent, and its container, the parent of those of
 * its tasks, does no more than hold its volumes.
 */
export const DEFAULT_EXECUTOR_FIELDS: Readonly<Record<string, FieldTreatment>> = {
  ExecutorInfo: {
    implemented: ['type', 'executor_id', 'framework_id', 'container', 'resources', 'shutdown_grace_period'],
    carried: ['name', 'source', 'data', 'discovery', 'labels'],
    refused: ['command'],
  },
  ContainerInfo: {
    implemented: ['type', 'volumes'],
    refused: ['hostname', 'docker', 'mesos', 'network_infos', 'linux_info', 'rlimit_info', 'tty_info'],
  },
};

/** Whether an executor is a program of the framework's: a type is needed only in a task group. */
export function isCustomExecutor(executor: ExecutorInfo | undefined): boolean {
  return executor !== undefined && executor.type !== 'DEFAULT';
}

/** Fields of `task` that are set and refused, as `CommandInfo.uris`, each once; `executor` is that of its group. */
export function unimplementedFields(
  task: TaskInfo,
  executor: ExecutorInfo | undefined = task.executor,
): readonly string[] {
  const table = isCustomExecutor(executor) ? { ...TASK_FIELDS, ...CUSTOM_TASK_FIELDS } : TASK_FIELDS;
  return refusedFields(table, taskInfoType.reflected, task);
}

/** The same for the executor of a task group. */
export function unimplementedExecutorFields(executor: ExecutorInfo): readonly string[] {
  const table = isCustomExecutor(executor) ? TASK_FIELDS : { ...TASK_FIELDS, ...DEFAULT_EXECUTOR_FIELDS };
  return refusedFields(table, executorInfoType.reflected, executor);
}

function refusedFields(table: typeof TASK_FIELDS, type: protobuf.Type, message: object): readonly string[] {
  const found = new Set<string>();
  collect(table, type, Object.fromEntries(Object.entries(message)), found);
  return [...found];
}

/** A message's name in the table. */
export function tableNameOf(type: protobuf.Type): string {
  return type.fullName.slice(PACKAGE.length);
}

function collect(
  table: typeof TASK_FIELDS,
  type: protobuf.Type,
  message: Readonly<Record<string, unknown>>,
  found: Set<string>,
): void {
  const name = tableNameOf(type);
  const { implemented = [], carried = [] } = table[name] ?? {};
  for (const field of type.fieldsArray) {
    const value = message[field.name];
    if (value === undefined || isEmpty(field, value) || carried.includes(field.name)) continue;
    const { resolvedType } = field.resolve();
    // Also what the table forgot: nothing gets through that nobody decided upon.
    if (!implemented.includes(field.name)) {
      found.add(`${name}.${field.name}`);
    } else if (resolvedType instanceof protobuf.Type && !field.map) {
      // A message field holds one object or, when repeated, an array of them.
      const children = (field.repeated ? value : [value]) as readonly Record<string, unknown>[];
      for (const child of children) collect(table, resolvedType, child, found);
    }
  }
}

/** A list without elements is not on the wire. */
function isEmpty(field: protobuf.Field, value: unknown): boolean {
  if (field.map) return Object.keys(value as object).length === 0;
  return field.repeated && Array.isArray(value) && value.length === 0;
}

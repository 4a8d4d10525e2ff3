/**
 * The `.proto` schemas of this package, loaded once. They decide names, numbers and optionality; TypeScript types of the
 * same names (`v1.ts`, `scheduler/`, `executor/`, `operator/`, `agent-api/`) describe them to the compiler.
 */
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import type { AgentApiCall, AgentApiEvent } from '../agent-api/messages.ts';
import type { StatusUpdateRecord } from '../agent-state/records.ts';
import type { ExecutorCall, ExecutorEvent } from '../executor/messages.ts';
import type { AgentCall, AgentResponse } from '../operator/agent-messages.ts';
import type { MasterCall, MasterEvent, MasterResponse } from '../operator/master-messages.ts';
import type { SchedulerCall, SchedulerEvent } from '../scheduler/messages.ts';
import type {
  AgentInfo,
  CommandInfo,
  ContainerInfo,
  ExecutorInfo,
  FrameworkInfo,
  Resource,
  Task,
  TaskGroupInfo,
  TaskInfo,
  TaskStatus,
  Volume,
} from '../v1.ts';
import type { CapabilityInfo, RLimitInfo } from '../v1-linux.ts';

const FILES = [
  'mesos.proto',
  'scheduler.proto',
  'executor.proto',
  'maintenance.proto',
  'quota.proto',
  'master.proto',
  'agent.proto',
  'agent_api.proto',
  'agent_state.proto',
] as const;

/** A message of the schemas; `T` is what `decode` gives and `encode` takes. */
export interface MessageType<T> {
  /** Fully qualified, e.g. `mesos.v1.scheduler.Call`. */
  readonly name: string;
  readonly reflected: protobuf.Type;
  /** Never set; ties the name to the type. */
  readonly example?: T;
}

const root = loadSchemas();

function loadSchemas(): protobuf.Root {
  const loaded = new protobuf.Root();
  for (const file of FILES) {
    protobuf.parse(readFileSync(new URL(`../../proto/${file}`, import.meta.url), 'utf8'), loaded, { keepCase: true });
  }
  loaded.resolveAll();
  return loaded;
}

function messageType<T>(name: string): MessageType<T> {
  return { name, reflected: root.lookupType(name) };
}

/** `mesos.v1.scheduler.Call` */
export const schedulerCallType: MessageType<SchedulerCall> = messageType('mesos.v1.scheduler.Call');
/** `mesos.v1.scheduler.Event` */
export const schedulerEventType: MessageType<SchedulerEvent> = messageType('mesos.v1.scheduler.Event');
/** `mesos.v1.executor.Call` */
export const executorCallType: MessageType<ExecutorCall> = messageType('mesos.v1.executor.Call');
/** `mesos.v1.executor.Event` */
export const executorEventType: MessageType<ExecutorEvent> = messageType('mesos.v1.executor.Event');
/** `mesos.v1.master.Call` */
export const masterCallType: MessageType<MasterCall> = messageType('mesos.v1.master.Call');
/** `mesos.v1.master.Response` */
export const masterResponseType: MessageType<MasterResponse> = messageType('mesos.v1.master.Response');
/** `mesos.v1.master.Event` */
export const masterEventType: MessageType<MasterEvent> = messageType('mesos.v1.master.Event');
/** `mesos.v1.agent.Call` */
export const agentCallType: MessageType<AgentCall> = messageType('mesos.v1.agent.Call');
/** `mesos.v1.agent.Response` */
export const agentResponseType: MessageType<AgentResponse> = messageType('mesos.v1.agent.Response');
/** `drydock.agent_api.v1.Call` */
export const agentApiCallType: MessageType<AgentApiCall> = messageType('drydock.agent_api.v1.Call');
/** `drydock.agent_api.v1.Event` */
export const agentApiEventType: MessageType<AgentApiEvent> = messageType('drydock.agent_api.v1.Event');
export const taskInfoType: MessageType<TaskInfo> = messageType('mesos.v1.TaskInfo');
export const taskType: MessageType<Task> = messageType('mesos.v1.Task');
export const taskStatusType: MessageType<TaskStatus> = messageType('mesos.v1.TaskStatus');
export const frameworkInfoType: MessageType<FrameworkInfo> = messageType('mesos.v1.FrameworkInfo');
/** `mesos.internal.StatusUpdateRecord` */
export const statusUpdateRecordType: MessageType<StatusUpdateRecord> = messageType('mesos.internal.StatusUpdateRecord');
export const executorInfoType: MessageType<ExecutorInfo> = messageType('mesos.v1.ExecutorInfo');
export const agentInfoType: MessageType<AgentInfo> = messageType('mesos.v1.AgentInfo');
export const commandInfoType: MessageType<CommandInfo> = messageType('mesos.v1.CommandInfo');
export const containerInfoType: MessageType<ContainerInfo> = messageType('mesos.v1.ContainerInfo');
export const volumeType: MessageType<Volume> = messageType('mesos.v1.Volume');
export const resourceType: MessageType<Resource> = messageType('mesos.v1.Resource');
export const taskGroupInfoType: MessageType<TaskGroupInfo> = messageType('mesos.v1.TaskGroupInfo');
export const capabilityInfoType: MessageType<CapabilityInfo> = messageType('mesos.v1.CapabilityInfo');
export const rlimitInfoType: MessageType<RLimitInfo> = messageType('mesos.v1.RLimitInfo');

export { addressOfPid, formatAddress, formatPid } from './address.ts';
export type { SocketAddress } from './address.ts';
export { LinkDownError, startAgentLink } from './agent-api/agent-link.ts';
export type { AgentLinkOptions, AgentLinkState, StartedAgentLink } from './agent-api/agent-link.ts';
export type { AgentApiCall, AgentApiEvent, AgentRegistration, KnownExecutor, KnownTask } from './agent-api/messages.ts';
export type { StatusUpdate, StatusUpdateRecord } from './agent-state/records.ts';
export { containerDepth, containerKey, containerText, rootContainer } from './container-id.ts';
export { DecodeError, decode, encode, fromJson, toJson } from './codec/codec.ts';
export type { ContentType } from './codec/codec.ts';
export { JsonMappingError } from './codec/json-mapping.ts';
export {
  agentApiCallType,
  agentApiEventType,
  agentCallType,
  agentInfoType,
  agentResponseType,
  capabilityInfoType,
  commandInfoType,
  containerInfoType,
  executorCallType,
  executorEventType,
  executorInfoType,
  frameworkInfoType,
  masterCallType,
  masterEventType,
  masterResponseType,
  resourceType,
  rlimitInfoType,
  schedulerCallType,
  schedulerEventType,
  statusUpdateRecordType,
  taskGroupInfoType,
  taskInfoType,
  taskStatusType,
  taskType,
  volumeType,
} from './codec/schema.ts';
export type { MessageType } from './codec/schema.ts';
export { connectExecutor } from './executor/executor-client.ts';
export type { ConnectExecutorOptions, ExecutorConnection } from './executor/executor-client.ts';
export type { ExecutorCall, ExecutorEvent } from './executor/messages.ts';
export { filesRoutes } from './files/files-routes.ts';
export { VirtualFiles } from './files/virtual-files.ts';
export { acceptedContentType, readCall } from './http/content-negotiation.ts';
export { EventChannel } from './http/event-channel.ts';
export { PeerRefusedError, PeerUnreachableError, StreamLostError } from './http/record-client.ts';
export { HttpError, acceptedReply, bytesReply, jsonReply, streamReply, textReply } from './http/reply.ts';
export type { HttpReply } from './http/reply.ts';
export type { RecordStream } from './http/record-stream.ts';
export { BindFailedError, startHttpService } from './http/service.ts';
export type { HttpRequest, HttpRoute, StartedHttpService } from './http/service.ts';
export type {
  AgentCall,
  AgentContainer,
  AgentGetExecutors,
  AgentGetFrameworks,
  AgentGetTasks,
  AgentResponse,
  ContainerEnd,
  LaunchContainer,
  ResourceStatistics,
} from './operator/agent-messages.ts';
export {
  answerCommonCall,
  doneReply,
  isCommonCall,
  messageReply,
  readOperatorCall,
  refuseUnimplemented,
} from './operator/common-calls.ts';
export type { OperatorApi } from './operator/common-calls.ts';
export { unimplementedFields } from './validation/task-fields.ts';
export { validateContainerCall } from './operator/validate-container-call.ts';
export { frameworkRoles, rolesToState } from './operator/framework-roles.ts';
export { taskToState } from './operator/legacy-task.ts';
export { toTask } from './operator/to-task.ts';
export { LoggingLevel } from './operator/logging-level.ts';
export type {
  MasterAgent,
  MasterCall,
  MasterEvent,
  MasterFramework,
  MasterGetAgents,
  MasterGetExecutors,
  MasterGetFrameworks,
  MasterGetState,
  MasterGetTasks,
  MasterResponse,
  MasterRole,
} from './operator/master-messages.ts';
export { processRoutes, processState } from './operator/process-read-side.ts';
export type { ProcessFacts, ProcessReadSide } from './operator/process-read-side.ts';
export { parseAttributes } from './resources/parse-attributes.ts';
export { ResourcesError, parseResources } from './resources/parse-resources.ts';
export { fromRefinedFormat, toRefinedFormat } from './resources/reservation-refinement.ts';
export {
  addResources,
  attributesToState,
  containsResources,
  formatResources,
  reservationsToState,
  resourcesToState,
  scalarOf,
  subtractResources,
  takeResources,
  unreservedOf,
} from './resources/resources.ts';
export type { OfferOperation, SchedulerCall, SchedulerCallType, SchedulerEvent } from './scheduler/messages.ts';
export { SubscriptionRefusedError, subscribe } from './scheduler/scheduler-client.ts';
export type { EventsOptions, SchedulerSubscription, SubscribeOptions } from './scheduler/scheduler-client.ts';
export { NoLeadingMasterError, NotSubscribedError, createSchedulerLink } from './scheduler/scheduler-link.ts';
export type { SchedulerLink, SchedulerLinkOptions } from './scheduler/scheduler-link.ts';
export {
  validateFramework,
  validateFrameworkUpdate,
  validateRole,
  validateSuppressedRoles,
} from './validation/validate-framework.ts';
export { validateId } from './validation/validate-id.ts';
export { validateTask } from './validation/validate-task.ts';
export { validateTaskGroup } from './validation/validate-task-group.ts';
export { isTerminalState } from './task-state.ts';
export type * from './v1.ts';
export type * from './v1-linux.ts';
export type * from './v1-operations.ts';

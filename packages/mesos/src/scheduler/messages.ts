/**
 * The v1 scheduler API as TypeScript sees it: names and optionality of `proto/scheduler.proto`.
 * @see include/mesos/v1/scheduler/scheduler.proto
 */
import type {
  AgentID,
  ExecutorID,
  ExecutorInfo,
  Filters,
  FrameworkID,
  FrameworkInfo,
  Id,
  KillPolicy,
  MasterInfo,
  Offer,
  OfferID,
  Resource,
  TaskGroupInfo,
  TaskID,
  TaskInfo,
  TaskStatus,
} from '../v1.ts';
import type { InverseOffer, OperationStatus } from '../v1-operations.ts';

export type SchedulerCallType =
  | 'UNKNOWN'
  | 'SUBSCRIBE'
  | 'TEARDOWN'
  | 'ACCEPT'
  | 'DECLINE'
  | 'ACCEPT_INVERSE_OFFERS'
  | 'DECLINE_INVERSE_OFFERS'
  | 'REVIVE'
  | 'KILL'
  | 'SHUTDOWN'
  | 'ACKNOWLEDGE'
  | 'ACKNOWLEDGE_OPERATION_STATUS'
  | 'RECONCILE'
  | 'RECONCILE_OPERATIONS'
  | 'MESSAGE'
  | 'REQUEST'
  | 'SUPPRESS'
  | 'UPDATE_FRAMEWORK';

export type OfferOperationType =
  | 'UNKNOWN'
  | 'LAUNCH'
  | 'LAUNCH_GROUP'
  | 'RESERVE'
  | 'UNRESERVE'
  | 'CREATE'
  | 'DESTROY'
  | 'GROW_VOLUME'
  | 'SHRINK_VOLUME'
  | 'CREATE_DISK'
  | 'DESTROY_DISK';

/** What a framework does with an offer; `type` says which body counts. */
export interface OfferOperation {
  type?: OfferOperationType;
  id?: Id;
  launch?: { task_infos?: TaskInfo[] };
  launch_group?: { executor: ExecutorInfo; task_group: TaskGroupInfo };
  reserve?: unknown;
  unreserve?: unknown;
  create?: unknown;
  destroy?: unknown;
  grow_volume?: unknown;
  shrink_volume?: unknown;
  create_disk?: unknown;
  destroy_disk?: unknown;
}

export interface SchedulerSubscribe {
  framework_info: FrameworkInfo;
  suppressed_roles?: string[];
  offer_constraints?: { role_constraints?: Record<string, unknown> };
}
export interface SchedulerAccept {
  offer_ids?: OfferID[];
  operations?: OfferOperation[];
  filters?: Filters;
}
export interface SchedulerDecline {
  offer_ids?: OfferID[];
  filters?: Filters;
}
export interface SchedulerAnswerInverseOffers {
  inverse_offer_ids?: OfferID[];
  filters?: Filters;
}
export interface SchedulerKill {
  task_id: TaskID;
  agent_id?: AgentID;
  kill_policy?: KillPolicy;
}
export interface SchedulerAcknowledge {
  agent_id: AgentID;
  task_id: TaskID;
  uuid: Uint8Array;
}
export interface SchedulerReconcile {
  tasks?: { task_id: TaskID; agent_id?: AgentID }[];
}

/** From a framework to the master; `type` says which body counts. */
export interface SchedulerCall {
  framework_id?: FrameworkID;
  type?: SchedulerCallType;
  subscribe?: SchedulerSubscribe;
  accept?: SchedulerAccept;
  decline?: SchedulerDecline;
  accept_inverse_offers?: SchedulerAnswerInverseOffers;
  decline_inverse_offers?: SchedulerAnswerInverseOffers;
  revive?: { roles?: string[] };
  kill?: SchedulerKill;
  shutdown?: { executor_id: ExecutorID; agent_id: AgentID };
  acknowledge?: SchedulerAcknowledge;
  acknowledge_operation_status?: {
    agent_id?: AgentID;
    resource_provider_id?: Id;
    uuid: Uint8Array;
    operation_id: Id;
  };
  reconcile?: SchedulerReconcile;
  reconcile_operations?: {
    operations?: { operation_id: Id; agent_id?: AgentID; resource_provider_id?: Id }[];
  };
  message?: { agent_id: AgentID; executor_id: ExecutorID; data: Uint8Array };
  request?: { requests?: { agent_id?: AgentID; resources?: Resource[] }[] };
  suppress?: { roles?: string[] };
  update_framework?: SchedulerSubscribe;
}

export type SchedulerEventType =
  | 'UNKNOWN'
  | 'SUBSCRIBED'
  | 'OFFERS'
  | 'INVERSE_OFFERS'
  | 'RESCIND'
  | 'RESCIND_INVERSE_OFFER'
  | 'UPDATE'
  | 'UPDATE_OPERATION_STATUS'
  | 'MESSAGE'
  | 'FAILURE'
  | 'ERROR'
  | 'HEARTBEAT';

export interface SchedulerSubscribed {
  framework_id: FrameworkID;
  heartbeat_interval_seconds?: number;
  master_info?: MasterInfo;
}

/** From the master to a framework; `type` says which body counts. */
export interface SchedulerEvent {
  type?: SchedulerEventType;
  subscribed?: SchedulerSubscribed;
  offers?: { offers?: Offer[] };
  inverse_offers?: { inverse_offers?: InverseOffer[] };
  rescind?: { offer_id: OfferID };
  rescind_inverse_offer?: { inverse_offer_id: OfferID };
  update?: { status: TaskStatus };
  update_operation_status?: { status: OperationStatus };
  message?: { agent_id: AgentID; executor_id: ExecutorID; data: Uint8Array };
  failure?: { agent_id?: AgentID; executor_id?: ExecutorID; status?: number };
  error?: { message: string };
}

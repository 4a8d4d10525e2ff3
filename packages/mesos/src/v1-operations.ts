/**
 * Part of the v1 vocabulary: what is asked back and what is done with offers beside launching.
 * @see include/mesos/v1/mesos.proto
 */
import type { AgentID, DurationInfo, FrameworkID, Id, OfferID, Resource, TimeInfo, URL } from './v1.ts';

export interface Unavailability {
  start: TimeInfo;
  duration?: DurationInfo;
}

/** Asks a framework to give resources back. */
export interface InverseOffer {
  id: OfferID;
  url?: URL;
  framework_id: FrameworkID;
  agent_id?: AgentID;
  unavailability: Unavailability;
  resources?: Resource[];
}

export type OperationState =
  | 'OPERATION_UNSUPPORTED'
  | 'OPERATION_PENDING'
  | 'OPERATION_FINISHED'
  | 'OPERATION_FAILED'
  | 'OPERATION_ERROR'
  | 'OPERATION_DROPPED'
  | 'OPERATION_UNREACHABLE'
  | 'OPERATION_GONE_BY_OPERATOR'
  | 'OPERATION_RECOVERING'
  | 'OPERATION_UNKNOWN';

/** How an operation on an offer's resources goes. */
export interface OperationStatus {
  state: OperationState;
  operation_id?: Id;
  message?: string;
  converted_resources?: Resource[];
  uuid?: { value: Uint8Array };
  agent_id?: AgentID;
  resource_provider_id?: Id;
}

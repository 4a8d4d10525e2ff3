import type { SchedulerCall, SchedulerCallType } from '@drydock/mesos';

/** Calls that have to have a body, under the call's name in lower case. REVIVE and SUPPRESS may do without. */
const BODIES = [
  'accept',
  'decline',
  'accept_inverse_offers',
  'decline_inverse_offers',
  'kill',
  'shutdown',
  'acknowledge',
  'acknowledge_operation_status',
  'reconcile',
  'reconcile_operations',
  'message',
  'request',
  'update_framework',
] as const satisfies readonly Lowercase<SchedulerCallType>[];

const UUID_BYTE_COUNT = 16;

/**
 * Why a call makes no sense, or undefined. "Not initialized" is not among the answers: a body without its required fields
 * is not a call, and refused when it is read.
 * @see src/master/validation.cpp scheduler::call::validate
 */
export function validateCall(call: SchedulerCall): string | undefined {
  if (call.type === undefined) return "Expecting 'type' to be present";
  if (call.type === 'SUBSCRIBE') {
    if (call.subscribe === undefined) return "Expecting 'subscribe' to be present";
    return idOf(call.subscribe.framework_info) === (call.framework_id?.value ?? '')
      ? undefined
      : "'framework_id' differs from 'subscribe.framework_info.id'";
  }
  if (call.framework_id === undefined) return "Expecting 'framework_id' to be present";
  const body = BODIES.find((name) => name.toUpperCase() === call.type);
  if (body !== undefined && call[body] === undefined) return `Expecting '${body}' to be present`;
  switch (call.type) {
    case 'ACKNOWLEDGE':
      return validateUuid(call.acknowledge?.uuid);
    case 'ACKNOWLEDGE_OPERATION_STATUS':
      return (
        validateUuid(call.acknowledge_operation_status?.uuid) ??
        (call.acknowledge_operation_status?.agent_id === undefined ? "Expecting 'agent_id' to be present" : undefined)
      );
    case 'UPDATE_FRAMEWORK':
      return call.update_framework !== undefined &&
        idOf(call.update_framework.framework_info) === call.framework_id.value
        ? undefined
        : "'framework_id' differs from 'update_framework.framework_info.id'";
    default:
      return undefined;
  }
}

const idOf = ({ id }: { readonly id?: { readonly value: string } }): string => id?.value ?? '';

function validateUuid(uuid: Uint8Array | undefined): string | undefined {
  return uuid?.byteLength === UUID_BYTE_COUNT ? undefined : 'Not a valid UUID';
}

import { assertNever } from '@drydock/base/errors';
import type { ExecutorCall, TaskStatus } from '@drydock/mesos';

const UUID_BYTE_COUNT = 16;

/**
 * Why a call of an executor makes no sense, or undefined. "Not initialized" is not among the answers: a body without its
 * required fields is not a call, and refused when it is read.
 *
 * DEVIATION: upstream takes the unacknowledged updates of a SUBSCRIBE as they are; here each has to be one that UPDATE
 * would take.
 * @see src/slave/validation.cpp executor::call::validate
 */
export function validateCall(call: ExecutorCall): string | undefined {
  switch (call.type) {
    case undefined:
      return "Expecting 'type' to be present";
    case 'SUBSCRIBE': {
      if (call.subscribe === undefined) return "Expecting 'subscribe' to be present";
      const updates = call.subscribe.unacknowledged_updates ?? [];
      return updates.map(({ status }) => validateStatus(call, status)).find((problem) => problem !== undefined);
    }
    case 'UPDATE':
      if (call.update === undefined) return "Expecting 'update' to be present";
      return validateStatus(call, call.update.status);
    case 'MESSAGE':
      return call.message === undefined ? "Expecting 'message' to be present" : undefined;
    case 'HEARTBEAT':
    case 'UNKNOWN':
      return undefined;
    default:
      return assertNever(call.type);
  }
}

function validateStatus(
  { executor_id: { value: executorId }, framework_id: { value: frameworkId } }: ExecutorCall,
  { uuid, executor_id: named, source, state }: TaskStatus,
): string | undefined {
  if (uuid === undefined) return "Expecting 'uuid' to be present";
  if (uuid.byteLength !== UUID_BYTE_COUNT) return 'Not a valid UUID';
  if (named !== undefined && named.value !== executorId) {
    return `ExecutorID in Call: ${executorId} does not match ExecutorID in TaskStatus: ${named.value}`;
  }
  if (source !== 'SOURCE_EXECUTOR') {
    return `Received Call from executor ${executorId} of framework ${frameworkId} with invalid source, expecting 'SOURCE_EXECUTOR'`;
  }
  if (state === 'TASK_STAGING') {
    return `Received TASK_STAGING from executor ${executorId} of framework ${frameworkId} which is not allowed`;
  }
  return undefined;
}

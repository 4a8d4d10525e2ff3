/**
 * What is said of the tasks that are left when their custom executor is gone.
 * @see src/slave/slave.cpp sendExecutorTerminatedStatusUpdate
 */
import { assertNever, messageOf } from '@drydock/base/errors';
import type { ContainerTermination } from '@drydock/containerizer';
import { ContainerLostError } from './container-lost-error.ts';
import type { TaskReport } from './task-record.ts';

export type Failure = Pick<TaskReport, 'reason' | 'message'>;

/** It has no process, or none any more. */
export function launchFailure(error: unknown): Failure {
  if (error instanceof ContainerLostError) return { reason: 'REASON_EXECUTOR_TERMINATED', message: error.message };
  return launchFailureOf(messageOf(error));
}

/** Its process has ended. */
export function terminationFailure(termination: ContainerTermination): Failure {
  const reason = 'REASON_EXECUTOR_TERMINATED';
  switch (termination.how) {
    case 'launch-failed':
      return launchFailureOf(termination.message);
    case 'unknown':
      return { reason, message: `Abnormal executor termination: ${termination.message}` };
    case 'exited':
      return termination.isOutOfMemory
        ? { reason: 'REASON_CONTAINER_LIMITATION_MEMORY', message: 'Memory limit exceeded' }
        : { reason, message: 'Executor terminated' };
    default:
      return assertNever(termination);
  }
}

function launchFailureOf(message: string): Failure {
  return { reason: 'REASON_CONTAINER_LAUNCH_FAILED', message: `Failed to launch container: ${message}` };
}

import type { ExecutorInfo } from '../v1.ts';
import { validateCommand } from './validate-command.ts';
import { validateContainer } from './validate-container.ts';
import { validateId } from './validate-id.ts';
import { validateResources } from './validate-resources.ts';

/**
 * Why an executor contradicts itself, or undefined.
 * @see src/master/validation.cpp executor::validate, executor::internal::validate
 */
export function validateExecutor(executor: ExecutorInfo, frameworkId?: string): string | undefined {
  return (
    validateType(executor) ??
    validateId(executor.executor_id.value) ??
    validateParts(executor) ??
    validateFrameworkId(executor, frameworkId) ??
    validateExecutorResources(executor)
  );
}

/**
 * Why an executor cannot be the one of a task that is launched by itself, or undefined.
 * @see src/master/validation.cpp task::internal::validateExecutor
 */
export function validateTaskExecutor(executor: ExecutorInfo, frameworkId?: string): string | undefined {
  const reason = validateExecutor(executor, frameworkId);
  if (reason !== undefined) return reason;
  if (executor.type !== undefined && executor.type !== 'CUSTOM') return "'ExecutorInfo.type' must be 'CUSTOM'";
  if (executor.command === undefined) return "'ExecutorInfo.command' must be set";
  if (executor.container?.linux_info?.share_cgroups === true) {
    return "The 'share_cgroups' field cannot be set to 'true' on executor containers";
  }
  return undefined;
}

function validateType({ type, command, container }: ExecutorInfo): string | undefined {
  if (type === 'CUSTOM') {
    return command === undefined ? "'ExecutorInfo.command' must be set for 'CUSTOM' executor" : undefined;
  }
  if (type !== 'DEFAULT') return undefined;
  if (command !== undefined) return "'ExecutorInfo.command' must not be set for 'DEFAULT' executor";
  if (container !== undefined && container.type !== 'MESOS') {
    return "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor";
  }
  if (container?.mesos?.image !== undefined) {
    return "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor";
  }
  return undefined;
}

function validateParts({ shutdown_grace_period, command, container }: ExecutorInfo): string | undefined {
  if ((shutdown_grace_period?.nanoseconds ?? 0) < 0) {
    return "ExecutorInfo's 'shutdown_grace_period' must be non-negative";
  }
  const ofCommand = command === undefined ? undefined : validateCommand(command);
  if (ofCommand !== undefined) return `Executor's \`CommandInfo\` is invalid: ${ofCommand}`;
  const ofContainer = container === undefined ? undefined : validateContainer(container);
  return ofContainer === undefined ? undefined : `Executor's \`ContainerInfo\` is invalid: ${ofContainer}`;
}

/** The master fills in an id that is missing. */
function validateFrameworkId({ framework_id: actual }: ExecutorInfo, expected: string | undefined): string | undefined {
  if (actual === undefined || expected === undefined || actual.value === expected) return undefined;
  return `ExecutorInfo has an invalid FrameworkID (Actual: ${actual.value} vs Expected: ${expected})`;
}

function validateExecutorResources({ resources = [] }: ExecutorInfo): string | undefined {
  const reason = validateResources(resources);
  if (reason !== undefined) return `Executor uses invalid resources: ${reason}`;
  return undefined;
}

import { isDeepStrictEqual } from 'node:util';
import { toJson } from '../codec/codec.ts';
import { executorInfoType } from '../codec/schema.ts';
import type { ExecutorInfo } from '../v1.ts';
import { validateCommand } from './validate-command.ts';
import { validateContainer } from './validate-container.ts';
import { validateId } from './validate-id.ts';
import { validateResources } from './validate-resources.ts';

/** What an executor is held against. */
export interface ExecutorValidationContext {
  /** Of the framework; without it an executor's framework is not checked. */
  readonly frameworkId?: string;
  /** What the agent of the offers already has under that id for the framework. */
  readonly runningExecutor: (id: string) => ExecutorInfo | undefined;
}

const RULE = '------------------------------------------------------------\n';

/**
 * Why an executor contradicts itself, or one that runs under its id, or undefined.
 * @see src/master/validation.cpp executor::validate, executor::internal::validate
 */
export function validateExecutor(executor: ExecutorInfo, context: ExecutorValidationContext): string | undefined {
  return (
    validateType(executor) ??
    validateId(executor.executor_id.value) ??
    validateParts(executor) ??
    validateFrameworkId(executor, context.frameworkId) ??
    validateExecutorResources(executor) ??
    validateCompatible(executor, context.runningExecutor(executor.executor_id.value))
  );
}

/**
 * Why an executor cannot be the one of a task that is launched by itself, or undefined.
 * @see src/master/validation.cpp task::internal::validateExecutor
 */
export function validateTaskExecutor(executor: ExecutorInfo, context: ExecutorValidationContext): string | undefined {
  const reason = validateExecutor(executor, context);
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

function validateCompatible(executor: ExecutorInfo, running: ExecutorInfo | undefined): string | undefined {
  if (running === undefined || isDeepStrictEqual(executor, running)) return undefined;
  const [existing, named] = [running, executor].map((one) => JSON.stringify(toJson(executorInfoType, one)));
  return `ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n${RULE}Existing ExecutorInfo:\n${existing}\n${RULE}ExecutorInfo:\n${named}\n${RULE}`;
}

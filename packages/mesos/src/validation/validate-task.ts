import { addResources, containsResources, formatResources } from '../resources/resources.ts';
import type { ExecutorInfo, Resource, TaskInfo } from '../v1.ts';
import { isCustomExecutor, unimplementedFields } from './task-fields.ts';
import { validateCheckInfo, validateHealthCheck } from './validate-check.ts';
import { validateCommand } from './validate-command.ts';
import { validateContainer } from './validate-container.ts';
import { validateTaskExecutor, type ExecutorValidationContext } from './validate-executor.ts';
import { validateId } from './validate-id.ts';
import { validateLimits } from './validate-limits.ts';
import { validateResourceMix, validateResources } from './validate-resources.ts';

/** What a task is held against. */
export interface TaskValidationContext extends ExecutorValidationContext {
  /** The agent of the offers that the task was launched with. */
  readonly agentId: string;
  /** What is left of these offers. */
  readonly offered: Resource[];
  /** Whether the framework has a task of that id. */
  isKnownTaskId(id: string): boolean;
}

/**
 * Why a task that a framework wants to launch is refused, in upstream's words and order, or undefined when it is good.
 * DEVIATION: a field that is not implemented is refused by name (upstream ignores what nobody looks at), so that a task
 * never runs without something that it asked for.
 * @see src/master/validation.cpp task::validate
 */
export function validateTask(task: TaskInfo, context: TaskValidationContext): string | undefined {
  return (
    validateTaskItself(task, context) ??
    validateExecution(task, context) ??
    refuseUnimplemented(task) ??
    validateTotal(task, context)
  );
}

/**
 * Why a task is refused whoever executes it, or undefined.
 * @see src/master/validation.cpp task::internal::validateTask
 */
export function validateTaskItself(
  task: TaskInfo,
  context: Pick<TaskValidationContext, 'agentId' | 'isKnownTaskId'>,
): string | undefined {
  return (
    validateIds(task, context) ?? validateTimesAndChecks(task) ?? validateTaskResources(task) ?? validateParts(task)
  );
}

function validateIds(
  task: TaskInfo,
  context: Pick<TaskValidationContext, 'agentId' | 'isKnownTaskId'>,
): string | undefined {
  const { task_id: id, agent_id: agentId } = task;
  const reason = validateId(id.value);
  if (reason !== undefined) return reason;
  if (context.isKnownTaskId(id.value)) return `Task has duplicate ID: ${id.value}`;
  if (agentId.value === context.agentId) return undefined;
  return `Task uses invalid agent ${agentId.value} while agent ${context.agentId} is expected`;
}

function validateTimesAndChecks(task: TaskInfo): string | undefined {
  if ((task.kill_policy?.grace_period?.nanoseconds ?? 0) < 0) {
    return "Task's 'kill_policy.grace_period' must be non-negative";
  }
  if ((task.max_completion_time?.nanoseconds ?? 0) < 0) return "Task's `max_completion_time` must be non-negative";
  const check = task.check === undefined ? undefined : validateCheckInfo(task.check);
  if (check !== undefined) return `Task uses invalid check: ${check}`;
  const healthCheck = task.health_check === undefined ? undefined : validateHealthCheck(task.health_check);
  return healthCheck === undefined ? undefined : `Task uses invalid health check: ${healthCheck}`;
}

function validateTaskResources({ resources = [] }: TaskInfo): string | undefined {
  if (resources.length === 0) return 'Task uses no resources';
  const reason = validateResources(resources);
  return reason === undefined ? validateResourceMix(resources) : `Task uses invalid resources: ${reason}`;
}

function validateParts(task: TaskInfo): string | undefined {
  const command = task.command === undefined ? undefined : validateCommand(task.command);
  if (command !== undefined) return `Task's \`CommandInfo\` is invalid: ${command}`;
  const container = task.container === undefined ? undefined : validateContainer(task.container);
  if (container !== undefined) return `Task's \`ContainerInfo\` is invalid: ${container}`;
  return validateLimits(task);
}

function validateExecution(task: TaskInfo, context: ExecutorValidationContext): string | undefined {
  if ((task.command === undefined) === (task.executor === undefined)) {
    return 'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present';
  }
  const executor = task.executor === undefined ? undefined : validateTaskExecutor(task.executor, context);
  if (executor !== undefined) return executor;
  if (task.container?.linux_info?.share_cgroups !== false) return undefined;
  return "Only tasks in a task group may have 'share_cgroups' set to 'false'";
}

/**
 * Names every field, and every value of an implemented field, that this implementation does not act on. Of a task of a
 * custom executor the container is the executor's affair; that of the executor itself is not.
 */
export function refuseUnimplemented(
  task: TaskInfo,
  executor: ExecutorInfo | undefined = task.executor,
): string | undefined {
  const names = unimplementedFields(task, executor).map((field) => `\`${field}\``);
  const container = isCustomExecutor(executor) ? task.executor?.container : task.container;
  if (container?.type === 'DOCKER') names.push('`ContainerInfo.type` DOCKER');
  if (container?.mesos?.image?.type === 'APPC') names.push('`Image.type` APPC');
  return names.length === 0 ? undefined : names.map((name) => `Task's ${name} is not supported`).join('; ');
}

/** An executor that runs has its resources. */
function validateTotal({ resources = [], executor }: TaskInfo, context: TaskValidationContext): string | undefined {
  const isNew = executor !== undefined && context.runningExecutor(executor.executor_id.value) === undefined;
  const total = addResources(resources, isNew ? (executor.resources ?? []) : []);
  if (containsResources(context.offered, total)) return undefined;
  return `Total resources ${formatResources(total)} required by task and its executor is more than available ${formatResources(context.offered)}`;
}

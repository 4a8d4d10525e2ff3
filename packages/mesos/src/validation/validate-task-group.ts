import { isDeepStrictEqual } from 'node:util';
import {
  addResources,
  containsResources,
  formatResources,
  scalarOf,
  subtractResources,
} from '../resources/resources.ts';
import type { ExecutorInfo, Resource, TaskInfo } from '../v1.ts';
import { unimplementedExecutorFields } from './task-fields.ts';
import { validateExecutor } from './validate-executor.ts';
import { refuseUnimplemented, validateTaskItself, type TaskValidationContext } from './validate-task.ts';

/** What an executor has to have. @see src/master/constants.hpp MIN_CPUS, MIN_MEM */
const EXECUTOR_CPUS_MIN = 0.01;
const EXECUTOR_MEM_MB_MIN = 32;
/**
 * Why a task group that a framework wants to launch is refused as a whole, in upstream's words and order, or undefined
 * when it is good. Each task names the group's executor, or none.
 * @see src/master/validation.cpp task::group::validate
 */
export function validateTaskGroup(
  tasks: readonly TaskInfo[],
  executor: ExecutorInfo,
  context: TaskValidationContext,
): string | undefined {
  const earlier = new Set<string>();
  for (const task of tasks) {
    const { value: id } = task.task_id;
    const reason = validateMember(task, executor, {
      agentId: context.agentId,
      isKnownTaskId: (one) => earlier.has(one) || context.isKnownTaskId(one),
    });
    if (reason !== undefined) return `Task '${id}' is invalid: ${reason}`;
    earlier.add(id);
  }
  return (
    validateGroupExecutor(executor, context) ??
    validateSameExecutor(tasks, executor) ??
    validateExecutorMinimum(executor) ??
    validateOverlap(tasks, executor) ??
    refuseUnimplementedExecutor(executor) ??
    validateTotal(tasks, executor, context)
  );
}

function validateMember(
  task: TaskInfo,
  groupExecutor: ExecutorInfo,
  context: Pick<TaskValidationContext, 'agentId' | 'isKnownTaskId'>,
): string | undefined {
  const reason = validateTaskItself(task, context);
  if (reason !== undefined) return reason;
  const { container, health_check: check, limits = {} } = task;
  const isNetworkChecked = check?.type === 'HTTP' || check?.type === 'TCP';
  if (isNetworkChecked && (container?.network_infos ?? []).length > 0) {
    return "HTTP and TCP health checks are not supported for nested containers not joining parent's network";
  }
  if (container?.type === 'DOCKER') return 'Docker ContainerInfo is not supported on the task';
  if (Object.keys(limits).length > 0 && container?.linux_info?.share_cgroups !== false) {
    return "Resource limits may only be set for tasks within a task group when the 'share_cgroups' field is set to 'false'.";
  }
  const { executor: _, ...own } = task;
  return refuseUnimplemented(own, groupExecutor);
}

function validateGroupExecutor(executor: ExecutorInfo, context: TaskValidationContext): string | undefined {
  const reason = validateExecutor(executor, context);
  if (reason !== undefined) return reason;
  if (executor.type === undefined) return "'ExecutorInfo.type' must be set";
  if (executor.type === 'UNKNOWN') return 'Unknown executor type';
  return executor.container?.type === 'DOCKER' ? 'Docker ContainerInfo is not supported on the executor' : undefined;
}

function validateSameExecutor(tasks: readonly TaskInfo[], executor: ExecutorInfo): string | undefined {
  const other = tasks.find((task) => task.executor !== undefined && !isDeepStrictEqual(task.executor, executor));
  if (other === undefined) return undefined;
  return `The \`ExecutorInfo\` of task '${other.task_id.value}' is different from executor '${executor.executor_id.value}'`;
}

function validateExecutorMinimum({ executor_id: { value: id }, resources = [] }: ExecutorInfo): string | undefined {
  const amountOf = (name: string): number | undefined =>
    resources.some((one) => one.name === name) ? scalarOf(resources, name) : undefined;
  const cpus = amountOf('cpus');
  if (cpus === undefined || cpus < EXECUTOR_CPUS_MIN) {
    return `Executor '${id}' uses less CPUs (${cpus ?? 'None'}) than the minimum required (${EXECUTOR_CPUS_MIN})`;
  }
  const mem = amountOf('mem');
  if (mem === undefined || mem < EXECUTOR_MEM_MB_MIN) {
    return `Executor '${id}' uses less memory (${mem ?? 'None'}) than the minimum required (${EXECUTOR_MEM_MB_MIN}MB)`;
  }
  return amountOf('disk') === undefined ? `Executor '${id}' uses no disk` : undefined;
}

/** A port cannot be had twice; a sum of ranges does not show that it was asked for twice. */
function validateOverlap(tasks: readonly TaskInfo[], executor: ExecutorInfo): string | undefined {
  const lists = [...tasks, executor].map(({ resources = [] }) => resources);
  let sum: readonly Resource[] = [];
  for (const list of lists) {
    const countable = addResources(
      list.filter(({ type }) => type !== 'SCALAR'),
      [],
    );
    if (formatResources(subtractResources(sum, countable)) !== formatResources(sum)) {
      const ofTasks = tasks.map(({ resources = [] }) => formatResources(resources)).join(', ');
      return `There are overlapping resources in the task group's task resources [ ${ofTasks} ] and/or executor resources ${formatResources(executor.resources ?? [])}`;
    }
    sum = addResources(sum, countable);
  }
  return undefined;
}

function refuseUnimplementedExecutor(executor: ExecutorInfo): string | undefined {
  const names = unimplementedExecutorFields(executor).map((field) => `\`${field}\``);
  return names.length === 0 ? undefined : names.map((name) => `Executor's ${name} is not supported`).join('; ');
}

function validateTotal(
  tasks: readonly TaskInfo[],
  executor: ExecutorInfo,
  { offered, runningExecutor }: TaskValidationContext,
): string | undefined {
  const isRunning = runningExecutor(executor.executor_id.value) !== undefined;
  const total = tasks.reduce<Resource[]>(
    (sum, { resources = [] }) => addResources(sum, resources),
    isRunning ? [] : addResources(executor.resources ?? [], []),
  );
  if (containsResources(offered, total)) return undefined;
  return `Total resources ${formatResources(total)} required by task group and its executor are more than available ${formatResources(offered)}`;
}

/** What LAUNCH and LAUNCH_GROUP do with an offer. @see src/master/master.cpp Master::_accept */
import {
  fromRefinedFormat,
  validateTask,
  validateTaskGroup,
  type ExecutorInfo,
  type Resource,
  type TaskInfo,
} from '@drydock/mesos';
import type { Master } from '../master.ts';
import { sumOf, type FrameworkRecord, type OfferRecord } from '../registry.ts';

/** A task group as a framework names it. */
export interface TaskGroupLaunch {
  readonly executor: ExecutorInfo;
  readonly tasks: readonly TaskInfo[];
}

/** @returns what the task and a new executor use of `offered`: nothing when it is refused */
export function launch(
  master: Master,
  framework: FrameworkRecord,
  { agent, role }: OfferRecord,
  named: TaskInfo,
  offered: readonly Resource[],
): readonly Resource[] {
  const executor = named.executor === undefined ? undefined : completeExecutor(named.executor, framework, role);
  const task = { ...withResources(named, (one) => one), ...(executor === undefined ? {} : { executor }) };
  const running = framework.executors.get(agent.id);
  const message =
    validateTask(task, {
      agentId: agent.id,
      frameworkId: framework.id,
      offered: [...offered],
      isKnownTaskId: (id) => framework.tasks.has(id),
      runningExecutor: (id) => running?.get(id)?.info,
    }) ??
    validateAllocation(task, role) ??
    validateAllocation(named.executor ?? {}, role);
  if (message === undefined) {
    const isNew = executor !== undefined && running?.has(executor.executor_id.value) !== true;
    master.tasks.launch(framework, agent, task, role);
    return sumOf([task.resources, isNew ? executor.resources : []]);
  }
  master.tasks.refuse(framework, task, { state: 'TASK_ERROR', reason: 'REASON_TASK_INVALID', message });
  return [];
}

/**
 * The tasks of a group are launched together or not at all.
 * @returns what they and a new executor use of `offered`: nothing when they are refused
 */
export function launchGroup(
  master: Master,
  framework: FrameworkRecord,
  { agent, role }: OfferRecord,
  named: TaskGroupLaunch,
  offered: readonly Resource[],
): readonly Resource[] {
  const other = [named.executor, ...named.tasks]
    .map((one) => validateAllocation(one, role))
    .find((one) => one !== undefined);
  const complete = (executor: ExecutorInfo): ExecutorInfo => completeExecutor(executor, framework, role);
  const executor = complete(named.executor);
  const tasks = named.tasks.map((task) => ({
    ...withResources(task, (one) => allocatedTo(one, role)),
    executor: task.executor === undefined ? executor : complete(task.executor),
  }));
  const running = framework.executors.get(agent.id);
  const message =
    validateTaskGroup(tasks, executor, {
      agentId: agent.id,
      frameworkId: framework.id,
      offered: [...offered],
      isKnownTaskId: (id) => framework.tasks.has(id),
      runningExecutor: (id) => running?.get(id)?.info,
    }) ?? other;
  if (message !== undefined) {
    const reason = 'REASON_TASK_GROUP_INVALID';
    for (const task of tasks) master.tasks.refuse(framework, task, { state: 'TASK_ERROR', reason, message });
    return [];
  }
  const isRunning = running?.has(executor.executor_id.value) === true;
  master.tasks.launchGroup(framework, agent, { executor, tasks }, role);
  return sumOf([isRunning ? [] : executor.resources, ...tasks.map(({ resources }) => resources)]);
}

/** As upstream: what the master adds to what it is given belongs to what executors are compared by. */
function completeExecutor(executor: ExecutorInfo, framework: FrameworkRecord, role: string): ExecutorInfo {
  return withResources({ framework_id: framework.info.id, ...executor }, (one) => allocatedTo(one, role));
}

function allocatedTo(resource: Resource, role: string): Resource {
  return { ...resource, allocation_info: { role } };
}

/** A framework with RESERVATION_REFINEMENT writes reservations in a form of its own. */
function withResources<T extends { resources?: Resource[] }>(message: T, change: (resource: Resource) => Resource): T {
  if (message.resources === undefined) return message;
  return { ...message, resources: message.resources.map((one) => change(fromRefinedFormat(one))) };
}

/** A task may leave the allocation out, and gets that of its offers. */
function validateAllocation({ resources = [] }: { resources?: Resource[] }, role: string): string | undefined {
  const other = resources.find((one) => (one.allocation_info?.role ?? role) !== role);
  return other === undefined
    ? undefined
    : `The resources have multiple allocation roles ('${other.allocation_info?.role}' and '${role}') but only one allocation role is allowed`;
}

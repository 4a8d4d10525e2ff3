/** What is asked for with an offer. @see src/cli/execute.cpp CommandScheduler::offers */
import {
  fromRefinedFormat,
  parseResources,
  subtractResources,
  takeResources,
  toRefinedFormat,
  type FrameworkID,
  type Offer,
  type OfferOperation,
  type Resource,
  type TaskInfo,
} from '@drydock/mesos';
import type { ExecuteRequest, Launch, TaskToRun } from './execute-request.ts';

const EXECUTOR_ID = 'default-executor';
const EXECUTOR_RESOURCES = 'cpus:0.1;mem:32;disk:32';

export function tasksOf(launch: Launch): readonly TaskToRun[] {
  return launch.kind === 'task' ? [launch.task] : launch.tasks;
}

/** As it is printed. */
export function nameOf(launch: Launch): string {
  if (launch.kind === 'task') return `task '${launch.task.name}'`;
  return `task group with tasks [ ${launch.tasks.map(({ task_id: id }) => id.value).join(', ')} ]`;
}

/** Undefined when the offer is too small. */
export function launchOperation(
  launch: Launch,
  offer: Offer,
  { role }: ExecuteRequest['frameworkInfo'],
): OfferOperation | undefined {
  let rest: Resource[] = (offer.resources ?? []).map(fromRefinedFormat);
  /** In the form of RESERVATION_REFINEMENT, which is always on. */
  const take = (wanted: readonly Resource[]): Resource[] | undefined => {
    const taken = takeResources(rest, wanted, role);
    if (taken === undefined) return undefined;
    rest = subtractResources(rest, taken);
    return taken.map(toRefinedFormat);
  };
  const tasks: TaskInfo[] = [];
  for (const task of tasksOf(launch)) {
    const resources = take(task.resources ?? []);
    if (resources === undefined) return undefined;
    tasks.push({ ...task, agent_id: offer.agent_id, resources });
  }
  if (launch.kind === 'task') return { type: 'LAUNCH', launch: { task_infos: tasks } };
  // DEVIATION: upstream forgets that the executor needs something too, and is refused an offer that is just too small.
  const resources = take(parseResources(EXECUTOR_RESOURCES));
  if (resources === undefined) return undefined;
  return {
    type: 'LAUNCH_GROUP',
    launch_group: { executor: executorOf(launch.networks, offer.framework_id, resources), task_group: { tasks } },
  };
}

function executorOf(
  networks: readonly string[],
  frameworkId: FrameworkID,
  resources: Resource[],
): NonNullable<OfferOperation['launch_group']>['executor'] {
  return {
    type: 'DEFAULT',
    executor_id: { value: EXECUTOR_ID },
    framework_id: frameworkId,
    resources,
    ...(networks.length === 0
      ? {}
      : { container: { type: 'MESOS', network_infos: networks.map((name) => ({ name })) } }),
  };
}

/** What the agent knows, as messages of its operator API. @see src/slave/http.cpp */
import {
  rootContainer,
  type AgentCall,
  type AgentContainer,
  type AgentGetExecutors,
  type AgentGetFrameworks,
  type AgentGetTasks,
  type AgentInfo,
  type ExecutorInfo,
  type Task,
} from '@drydock/mesos';
import type { Agent } from '../agent.ts';
import type { ExecutorRun } from '../executor/executor-run.ts';
import type { TaskRecord } from '../executor/task-record.ts';
import { statisticsOf } from '../http/agent-containers.ts';

export function getAgent({ info }: Agent): { agent_info: AgentInfo } {
  return { agent_info: info };
}

export function getFrameworks(agent: Agent): AgentGetFrameworks {
  return {
    frameworks: agent.frameworks.map(({ info }) => ({ framework_info: info })),
    completed_frameworks: agent.completedFrameworks.map(({ info }) => ({ framework_info: info })),
  };
}

export function getExecutors(agent: Agent): AgentGetExecutors {
  const toExecutor = ({ executor }: ExecutorRun): { executor_info: ExecutorInfo } => ({ executor_info: executor });
  return {
    executors: currentRuns(agent).map(toExecutor),
    completed_executors: completedRuns(agent).map(toExecutor),
  };
}

/** `terminated_tasks` have ended, and their framework has not acknowledged that. */
export function getTasks(agent: Agent): AgentGetTasks {
  const current = currentRuns(agent).flatMap(({ tasks }) => tasks);
  const completed = completedRuns(agent).flatMap(({ tasks }) => tasks);
  const toTasks = (tasks: readonly TaskRecord[], is: (task: TaskRecord) => boolean): Task[] =>
    tasks.filter(is).map((task) => task.toTask());
  return {
    queued_tasks: toTasks(current, ({ isOver, isQueued }) => !isOver && isQueued),
    launched_tasks: toTasks(current, ({ isOver, isQueued }) => !isOver && !isQueued),
    terminated_tasks: toTasks(current, ({ isOver, isAcknowledged }) => isOver && !isAcknowledged),
    completed_tasks: [...completed, ...current.filter(({ isAcknowledged }) => isAcknowledged)].map((task) =>
      task.toTask(),
    ),
  };
}

/** Those of executors, and what `show_nested` and `show_standalone` ask for. */
export async function getContainers(
  agent: Agent,
  cgroupsRoot: string | undefined,
  {
    show_nested: showsNested = false,
    show_standalone: showsStandalone = false,
  }: NonNullable<AgentCall['get_containers']>,
): Promise<AgentContainer[]> {
  const { activeRuns, operatorContainers } = agent;
  const ofExecutors = activeRuns.map(async (run): Promise<AgentContainer> => ({
    ...executorFacts(run),
    container_id: run.containerId,
    container_status: run.containerStatus,
    resource_statistics: await statisticsOf(run, cgroupsRoot),
  }));
  const ofTasks = activeRuns.flatMap((run) =>
    run.tasks
      .filter(({ isOver, containerId }) => !isOver && containerId.parent !== undefined)
      .map(({ containerId }) => ({ run, containerId })),
  );
  const ofOperators = operatorContainers.ids.map((containerId) => ({
    containerId,
    run: activeRuns.find((run) => run.containerId.value === rootContainer(containerId).value),
  }));
  const others = [...ofTasks, ...ofOperators].filter(({ containerId: { parent } }) =>
    parent === undefined ? showsStandalone : showsNested,
  );
  return [
    ...(await Promise.all(ofExecutors)),
    ...others.map(({ run, containerId }) => ({
      ...(run === undefined ? {} : executorFacts(run)),
      container_id: containerId,
    })),
  ];
}

function executorFacts({ ids, executor }: ExecutorRun): Omit<AgentContainer, 'container_id'> {
  return {
    framework_id: { value: ids.frameworkId },
    executor_id: { value: ids.executorId },
    executor_name: executor.name ?? '',
  };
}

function currentRuns({ frameworks }: Agent): readonly ExecutorRun[] {
  return frameworks.flatMap(({ runs }) => [...runs.values()]);
}

function completedRuns({ frameworks, completedFrameworks }: Agent): readonly ExecutorRun[] {
  return [...frameworks, ...completedFrameworks].flatMap(({ completed }) => completed);
}

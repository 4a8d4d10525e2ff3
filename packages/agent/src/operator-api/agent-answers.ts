/** What the agent knows, as messages of its operator API. @see src/slave/http.cpp */
import {
  isTerminalState,
  type AgentContainer,
  type AgentGetExecutors,
  type AgentGetFrameworks,
  type AgentGetTasks,
  type AgentInfo,
  type ExecutorInfo,
} from '@drydock/mesos';
import type { Agent } from '../agent.ts';
import type { ExecutorRun } from '../executor/executor-run.ts';
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
  return {
    launched_tasks: current.filter(({ state }) => !isTerminalState(state)).map((task) => task.toTask()),
    terminated_tasks: current
      .filter(({ state, isAcknowledged }) => isTerminalState(state) && !isAcknowledged)
      .map((task) => task.toTask()),
    completed_tasks: [...completed, ...current.filter(({ isAcknowledged }) => isAcknowledged)].map((task) =>
      task.toTask(),
    ),
  };
}

export async function getContainers(agent: Agent, cgroupsRoot: string | undefined): Promise<AgentContainer[]> {
  return await Promise.all(
    agent.activeRuns.map(async (run) => ({
      framework_id: { value: run.ids.frameworkId },
      executor_id: { value: run.ids.executorId },
      executor_name: run.executor.name ?? '',
      container_id: run.containerId,
      container_status: run.containerStatus,
      resource_statistics: await statisticsOf(run, cgroupsRoot),
    })),
  );
}

function currentRuns({ frameworks }: Agent): readonly ExecutorRun[] {
  return frameworks.flatMap(({ runs }) => [...runs.values()]);
}

function completedRuns({ frameworks, completedFrameworks }: Agent): readonly ExecutorRun[] {
  return [...frameworks, ...completedFrameworks].flatMap(({ completed }) => completed);
}

/** The agent's `/state`. @see src/slave/http.cpp */
import {
  attributesToState,
  frameworkRoles,
  processState,
  reservationsToState,
  resourcesToState,
  rolesToState,
  taskToState,
  unreservedOf,
  type ProcessFacts,
} from '@drydock/mesos';
import type { Agent } from '../agent.ts';
import type { AgentFramework } from '../frameworks.ts';
import type { ExecutorRun } from '../executor/executor-run.ts';
import type { TaskRecord } from '../executor/task-record.ts';

export function agentState(
  agent: Agent,
  facts: ProcessFacts,
  version: Parameters<typeof processState>[0],
): Record<string, unknown> {
  const { resources, attributes, hostname } = agent.options;
  return {
    ...processState(version, facts),
    id: agent.id ?? '',
    pid: agent.pid,
    hostname,
    resources: resourcesToState(resources),
    reserved_resources: reservationsToState(resources),
    unreserved_resources: resourcesToState(unreservedOf(resources)),
    attributes: attributesToState(attributes),
    ...(agent.masterInfo === undefined ? {} : { master_hostname: agent.masterInfo.hostname }),
    frameworks: agent.frameworks.map(frameworkState),
    completed_frameworks: agent.completedFrameworks.map(frameworkState),
  };
}

function frameworkState(framework: AgentFramework): Record<string, unknown> {
  const { info, runs, completed } = framework;
  const toState = (run: ExecutorRun): Record<string, unknown> => executorState(run, frameworkRoles(info)[0] ?? '*');
  return {
    id: info.id.value,
    name: info.name,
    user: info.user,
    failover_timeout: info.failover_timeout ?? 0,
    checkpoint: info.checkpoint ?? false,
    hostname: info.hostname ?? '',
    ...(info.principal === undefined ? {} : { principal: info.principal }),
    ...rolesToState(info),
    executors: [...runs.values()].map(toState),
    completed_executors: completed.map(toState),
  };
}

function executorState(run: ExecutorRun, role: string): Record<string, unknown> {
  const { executor, tasks } = run;
  const shown = (is: (task: TaskRecord) => boolean): readonly unknown[] =>
    tasks.filter(is).map((task) => taskToState(task.toTask(), role));
  return {
    id: run.ids.executorId,
    name: executor.name ?? '',
    source: executor.source ?? '',
    container: run.containerId.value,
    directory: run.sandbox ?? '',
    resources: resourcesToState(executor.resources ?? []),
    role,
    ...(executor.type === undefined ? {} : { type: executor.type }),
    tasks: shown(({ isOver, isQueued }) => !isOver && !isQueued),
    queued_tasks: shown(({ isOver, isQueued }) => !isOver && isQueued),
    completed_tasks: shown(({ isOver }) => isOver),
  };
}

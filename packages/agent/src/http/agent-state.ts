/** The agent's `/state`. @see src/slave/http.cpp */
import { resourcesToState, toJson, containerInfoType, isTerminalState } from '@drydock/mesos';
import type { Agent, AgentFramework } from '../agent.ts';
import type { TaskRun } from '../executor/task-run.ts';

/** Facts that do not change while the agent runs. */
export interface AgentStateFacts {
  readonly flags: Readonly<Record<string, string>>;
  /** Seconds since the epoch. */
  readonly startTime: number;
}

export function agentState(agent: Agent, facts: AgentStateFacts): Record<string, unknown> {
  const { options } = agent;
  const resources = resourcesToState(options.resources);
  return {
    version: options.version,
    start_time: facts.startTime,
    id: agent.id ?? '',
    pid: agent.pid,
    hostname: options.hostname,
    resources,
    reserved_resources: {},
    unreserved_resources: resources,
    attributes: Object.fromEntries(
      options.attributes.map(({ name, text, scalar }) => [name, text?.value ?? scalar?.value]),
    ),
    ...(agent.masterInfo === undefined ? {} : { master_hostname: agent.masterInfo.hostname }),
    flags: facts.flags,
    frameworks: agent.frameworks.map(frameworkState),
    completed_frameworks: agent.completedFrameworks.map(frameworkState),
  };
}

function frameworkState({ info, runs, completed }: AgentFramework): Record<string, unknown> {
  return {
    id: info.id.value,
    name: info.name,
    user: info.user,
    failover_timeout: info.failover_timeout ?? 0,
    checkpoint: info.checkpoint ?? false,
    hostname: info.hostname ?? '',
    ...(info.principal === undefined ? {} : { principal: info.principal }),
    role: info.role ?? '*',
    executors: [...runs.values()].map(executorState),
    completed_executors: completed.map(executorState),
  };
}

function executorState(run: TaskRun): Record<string, unknown> {
  const { task } = run;
  const isDone = isTerminalState(run.state);
  return {
    id: run.ids.executorId,
    name: executorName(run),
    source: run.ids.executorId,
    container: run.containerId.value,
    directory: run.sandbox ?? '',
    resources: resourcesToState(task.resources ?? []),
    tasks: isDone ? [] : [taskState(run)],
    queued_tasks: [],
    completed_tasks: isDone ? [taskState(run)] : [],
  };
}

/** `Command Executor (Task: test) (Command: sh -c 'ls /tmp/myvo...')`. @see src/slave/slave.cpp getExecutorInfo */
export function executorName({ task }: TaskRun): string {
  const { command } = task;
  const text =
    command?.shell === false ? [command.value, ...(command.arguments ?? [])].join(' ') : (command?.value ?? '');
  const short = text.length > 15 ? `${text.slice(0, 12)}...` : text;
  return `Command Executor (Task: ${task.task_id.value}) (Command: ${command?.shell === false ? short : `sh -c '${short}'`})`;
}

function taskState(run: TaskRun): Record<string, unknown> {
  const { task } = run;
  return {
    id: task.task_id.value,
    name: task.name,
    framework_id: run.ids.frameworkId,
    executor_id: '',
    slave_id: run.ids.agentId,
    state: run.state,
    resources: resourcesToState(task.resources ?? []),
    statuses: run.statuses.map(({ state, timestamp }) => ({
      state,
      timestamp,
      container_status: { container_id: run.containerId },
    })),
    ...(task.container === undefined ? {} : { container: toJson(containerInfoType, task.container) }),
  };
}

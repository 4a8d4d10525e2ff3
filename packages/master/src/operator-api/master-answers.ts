/** What the master knows, as messages of its operator API. @see src/master/http.cpp, src/master/readonly_handler.cpp */
import {
  toTask,
  type MasterAgent,
  type MasterFramework,
  type MasterGetAgents,
  type MasterGetExecutors,
  type MasterGetFrameworks,
  type MasterGetState,
  type MasterGetTasks,
  type MasterRole,
  type Task,
} from '@drydock/mesos';
import { executorsOf } from '../executors.ts';
import { offeredTo, usedBy } from '../framework-share.ts';
import { roleShares } from '../role-shares.ts';
import { stateOf, sumOf, type Master } from '../master.ts';
import type { AgentRecord, FrameworkRecord, TaskRecord } from '../registry.ts';

const NANOSECONDS_PER_MILLISECOND = 1_000_000;

export function getState(master: Master): MasterGetState {
  return {
    get_tasks: getTasks(master),
    get_executors: getExecutors(master),
    get_frameworks: getFrameworks(master),
    get_agents: getAgents(master),
  };
}

export function getAgents({ registry }: Master): MasterGetAgents {
  return { agents: [...registry.agents.values()].map(toAgent) };
}

export function getFrameworks({ registry }: Master): MasterGetFrameworks {
  return {
    frameworks: [...registry.frameworks.values()].map(toFramework),
    completed_frameworks: [...registry.completedFrameworks.values()].map(toFramework),
  };
}

export function getTasks({ registry }: Master): MasterGetTasks {
  const frameworks = [...registry.frameworks.values()];
  const all = [...frameworks, ...registry.completedFrameworks.values()];
  return {
    tasks: frameworks.flatMap(({ tasks }) => [...tasks.values()].map(taskMessage)),
    unreachable_tasks: frameworks.flatMap(({ unreachableTasks }) => [...unreachableTasks.values()].map(taskMessage)),
    completed_tasks: all.flatMap(({ completedTasks }) => completedTasks.map(taskMessage)),
  };
}

/** Those that tasks name: what executes a command task belongs to its agent. */
export function getExecutors({ registry }: Master): MasterGetExecutors {
  const all = [...registry.frameworks.values()].flatMap(executorsOf);
  return { executors: all.map(({ info, agentId }) => ({ executor_info: info, agent_id: { value: agentId } })) };
}

/** No weights can be set, so each is 1. */
export function getRoles({ registry }: Master): { roles: MasterRole[] } {
  return {
    roles: roleShares(registry).map(({ name, frameworks, used, offered }) => ({
      name,
      weight: 1,
      frameworks: frameworks.map((value) => ({ value })),
      resources: [...sumOf([used, offered])],
    })),
  };
}

export function taskMessage(task: TaskRecord): Task {
  const { info, framework, status, statuses } = task;
  return toTask(info, {
    frameworkId: framework.info.id,
    executorId: info.executor?.executor_id,
    state: stateOf(task),
    statuses,
    status,
  });
}

export function toAgent(agent: AgentRecord): MasterAgent {
  return {
    agent_info: agent.info,
    active: agent.channel !== undefined,
    deactivated: false,
    version: agent.version,
    pid: agent.pid,
    registered_time: toTime(agent.registeredAt),
    ...(agent.reregisteredAt === undefined ? {} : { reregistered_time: toTime(agent.reregisteredAt) }),
    total_resources: [...(agent.info.resources ?? [])],
    allocated_resources: [...agent.used],
    offered_resources: [...agent.offered],
  };
}

export function toFramework(framework: FrameworkRecord): MasterFramework {
  const isConnected = framework.channel !== undefined;
  const { reregisteredAt, unregisteredAt } = framework;
  return {
    framework_info: framework.info,
    active: isConnected,
    connected: isConnected,
    recovered: framework.isRecovered,
    registered_time: toTime(framework.registeredAt),
    ...(reregisteredAt === undefined ? {} : { reregistered_time: toTime(reregisteredAt) }),
    ...(unregisteredAt === undefined ? {} : { unregistered_time: toTime(unregisteredAt) }),
    offers: [...framework.offers.values()].map(({ offer }) => offer),
    allocated_resources: [...usedBy(framework)],
    offered_resources: [...offeredTo(framework)],
  };
}

/** `at` in seconds since the epoch. */
function toTime(at: number): { nanoseconds: number } {
  return { nanoseconds: Math.round(at * 1000) * NANOSECONDS_PER_MILLISECOND };
}

/** The master's `/state`, `/slaves` and `/frameworks`. @see src/master/http.cpp, readonly_handler.cpp */
import {
  containerInfoType,
  frameworkInfoType,
  isTerminalState,
  resourcesToState,
  toJson,
  type Resource,
  type TaskStatus,
} from '@drydock/mesos';
import { stateOf, sumOf, type Master } from '../master.ts';
import type { AgentRecord, FrameworkRecord, TaskRecord } from '../registry.ts';

export interface MasterStateFacts {
  readonly flags: Readonly<Record<string, string>>;
  /** Seconds since the epoch. */
  readonly startTime: number;
}

export function masterState(master: Master, facts: MasterStateFacts): Record<string, unknown> {
  const { info, registry, options } = master;
  const agents = [...registry.agents.values()];
  return {
    version: options.version,
    start_time: facts.startTime,
    elected_time: facts.startTime,
    id: master.id,
    pid: info.pid,
    hostname: options.hostname,
    activated_slaves: agents.filter(({ channel }) => channel !== undefined).length,
    deactivated_slaves: agents.filter(({ channel }) => channel === undefined).length,
    unreachable_slaves: 0,
    leader: info.pid,
    leader_info: { id: master.id, pid: info.pid, port: options.port, hostname: options.hostname },
    ...(facts.flags['cluster'] === undefined ? {} : { cluster: facts.flags['cluster'] }),
    flags: facts.flags,
    ...masterAgents(master),
    ...masterFrameworks(master),
    orphan_tasks: [],
  };
}

/** `/slaves`. */
export function masterAgents({ registry }: Master): Record<string, unknown> {
  return { slaves: [...registry.agents.values()].map(agentState), recovered_slaves: [] };
}

/** `/frameworks`. */
export function masterFrameworks({ registry }: Master): Record<string, unknown> {
  return {
    frameworks: [...registry.frameworks.values()].map(frameworkState),
    completed_frameworks: [...registry.completedFrameworks.values()].map(frameworkState),
    unregistered_frameworks: [],
  };
}

/** Subscribed with, the one that gets the offers first. */
export function rolesOf({ info }: FrameworkRecord): readonly string[] {
  return info.roles !== undefined && info.roles.length > 0 ? info.roles : [info.role ?? '*'];
}

/** Held by the framework's tasks. */
export function usedBy(framework: FrameworkRecord): readonly Resource[] {
  return sumOf(
    [...framework.tasks.values()].map((task) => (isTerminalState(stateOf(task)) ? [] : task.info.resources)),
  );
}

/** Held by the framework's offers. */
export function offeredTo(framework: FrameworkRecord): readonly Resource[] {
  return sumOf([...framework.offers.values()].map(({ offer }) => offer.resources));
}

export function agentState(agent: AgentRecord): Record<string, unknown> {
  const attributes = (agent.info.attributes ?? []).map(({ name, text, scalar }) => [
    name,
    text?.value ?? scalar?.value,
  ]);
  const total = resourcesToState(agent.info.resources ?? []);
  return {
    id: agent.id,
    hostname: agent.info.hostname,
    port: agent.info.port,
    attributes: Object.fromEntries(attributes),
    pid: agent.pid,
    registered_time: agent.registeredAt,
    ...(agent.reregisteredAt === undefined ? {} : { reregistered_time: agent.reregisteredAt }),
    resources: total,
    used_resources: resourcesToState(agent.used),
    offered_resources: resourcesToState(agent.offered),
    reserved_resources: {},
    unreserved_resources: total,
    active: agent.channel !== undefined,
    deactivated: false,
    version: agent.version,
    capabilities: [],
  };
}

/** What `/state-summary` tells of a framework; `/state` adds the rest. */
export function frameworkSummary(framework: FrameworkRecord): Record<string, unknown> {
  const { info } = framework;
  const isConnected = framework.channel !== undefined;
  return {
    id: framework.id,
    name: info.name,
    used_resources: resourcesToState(usedBy(framework)),
    offered_resources: resourcesToState(offeredTo(framework)),
    capabilities: toJsonRecord(toJson(frameworkInfoType, info))['capabilities'] ?? [],
    hostname: info.hostname ?? '',
    webui_url: info.webui_url ?? '',
    active: isConnected,
    connected: isConnected,
    recovered: false,
  };
}

function frameworkState(framework: FrameworkRecord): Record<string, unknown> {
  const { info } = framework;
  const isMultiRole = (info.capabilities ?? []).some(({ type }) => type === 'MULTI_ROLE');
  return {
    ...frameworkSummary(framework),
    user: info.user,
    ...(isMultiRole ? { roles: info.roles ?? [] } : { role: info.role ?? '*' }),
    resources: resourcesToState(sumOf([usedBy(framework), offeredTo(framework)])),
    failover_timeout: info.failover_timeout ?? 0,
    checkpoint: info.checkpoint ?? false,
    registered_time: framework.registeredAt,
    unregistered_time: framework.unregisteredAt ?? 0,
    ...(framework.reregisteredAt === undefined ? {} : { reregistered_time: framework.reregisteredAt }),
    ...(info.principal === undefined ? {} : { principal: info.principal }),
    tasks: [...framework.tasks.values()].map(taskState),
    unreachable_tasks: [],
    completed_tasks: framework.completedTasks.map(taskState),
    offers: [...framework.offers.keys()],
    executors: [],
  };
}

/** As `/tasks` and `/state` show it. */
export function taskState(task: TaskRecord): Record<string, unknown> {
  const { info } = task;
  return {
    id: info.task_id.value,
    name: info.name,
    framework_id: task.framework.id,
    executor_id: '',
    slave_id: task.agentId,
    state: stateOf(task),
    resources: resourcesToState(info.resources ?? []),
    role: rolesOf(task.framework)[0],
    statuses: task.statuses.map(statusState),
    ...(info.labels === undefined ? {} : { labels: info.labels.labels ?? [] }),
    ...(info.discovery === undefined ? {} : { discovery: info.discovery }),
    ...(info.command?.user === undefined ? {} : { user: info.command.user }),
    ...(info.container === undefined ? {} : { container: toJson(containerInfoType, info.container) }),
  };
}

function statusState(status: TaskStatus): Record<string, unknown> {
  return {
    state: status.state,
    timestamp: status.timestamp,
    ...(status.labels === undefined ? {} : { labels: status.labels.labels ?? [] }),
    ...(status.container_status === undefined ? {} : { container_status: status.container_status }),
    ...(status.healthy === undefined ? {} : { healthy: status.healthy }),
  };
}

function toJsonRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

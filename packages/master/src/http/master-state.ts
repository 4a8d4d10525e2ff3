/** The master's `/state`, `/slaves` and `/frameworks`. @see src/master/http.cpp, readonly_handler.cpp */
import {
  attributesToState,
  frameworkInfoType,
  processState,
  reservationsToState,
  resourcesToState,
  rolesToState,
  taskToState,
  toJson,
  unreservedOf,
  type CommandInfo,
  type Offer,
  type ProcessFacts,
} from '@drydock/mesos';
import { executorsOf } from '../executors.ts';
import { offeredTo, usedBy } from '../framework-share.ts';
import { sumOf, type Master } from '../master.ts';
import { taskMessage } from '../operator-api/master-answers.ts';
import type { AgentRecord, ExecutorRecord, FrameworkRecord, TaskRecord } from '../registry.ts';

export function masterState(
  master: Master,
  facts: ProcessFacts,
  version: Parameters<typeof processState>[0],
): Record<string, unknown> {
  const { info, registry, options } = master;
  const agents = [...registry.agents.values()];
  return {
    ...processState(version, facts),
    elected_time: facts.startTime,
    id: master.id,
    pid: info.pid,
    hostname: options.hostname,
    capabilities: (info.capabilities ?? []).map(({ type }) => type),
    activated_slaves: agents.filter(({ channel }) => channel !== undefined).length,
    deactivated_slaves: agents.filter(({ channel }) => channel === undefined).length,
    unreachable_slaves: registry.unreachableAgents.size,
    leader: info.pid,
    leader_info: { id: master.id, pid: info.pid, port: options.port, hostname: options.hostname },
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

export function agentState(agent: AgentRecord): Record<string, unknown> {
  const { resources = [], attributes = [] } = agent.info;
  return {
    id: agent.id,
    hostname: agent.info.hostname,
    port: agent.info.port,
    attributes: attributesToState(attributes),
    pid: agent.pid,
    registered_time: agent.registeredAt,
    ...(agent.reregisteredAt === undefined ? {} : { reregistered_time: agent.reregisteredAt }),
    resources: resourcesToState(resources),
    used_resources: resourcesToState(agent.used),
    offered_resources: resourcesToState(agent.offered),
    reserved_resources: reservationsToState(resources),
    unreserved_resources: resourcesToState(unreservedOf(resources)),
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
    capabilities: toJson(frameworkInfoType, info)['capabilities'] ?? [],
    hostname: info.hostname ?? '',
    webui_url: info.webui_url ?? '',
    active: isConnected,
    connected: isConnected,
    recovered: framework.isRecovered,
  };
}

function frameworkState(framework: FrameworkRecord): Record<string, unknown> {
  const { info } = framework;
  return {
    ...frameworkSummary(framework),
    user: info.user,
    ...rolesToState(info),
    resources: resourcesToState(sumOf([usedBy(framework), offeredTo(framework)])),
    failover_timeout: info.failover_timeout ?? 0,
    checkpoint: info.checkpoint ?? false,
    registered_time: framework.registeredAt,
    unregistered_time: framework.unregisteredAt ?? 0,
    ...(framework.reregisteredAt === undefined ? {} : { reregistered_time: framework.reregisteredAt }),
    ...(info.principal === undefined ? {} : { principal: info.principal }),
    tasks: [...framework.tasks.values()].map(taskState),
    unreachable_tasks: [...framework.unreachableTasks.values()].map(taskState),
    completed_tasks: framework.completedTasks.map(taskState),
    offers: [...framework.offers.values()].map(({ offer }) => offerState(offer)),
    executors: executorsOf(framework).map(executorState),
  };
}

/** @see src/common/http.cpp json(ExecutorInfo) */
function executorState({ info, framework, agentId, role }: ExecutorRecord): Record<string, unknown> {
  const { executor_id: id, name = '', type, labels, command, resources = [] } = info;
  return {
    executor_id: id.value,
    name,
    framework_id: framework.id,
    command: commandState(command),
    resources: resourcesToState(resources),
    role,
    ...(labels === undefined ? {} : { labels: labels.labels ?? [] }),
    ...(type === undefined ? {} : { type }),
    slave_id: agentId,
  };
}

/** A default executor has none, and shows an empty one, as upstream. @see src/common/http.cpp json(CommandInfo) */
function commandState({ shell, value, arguments: argv = [], environment }: CommandInfo = {}): Record<string, unknown> {
  const variables = environment?.variables?.map((one) => ({ name: one.name, value: one.value ?? '' }));
  return {
    ...(shell === undefined ? {} : { shell }),
    ...(value === undefined ? {} : { value }),
    argv,
    ...(environment === undefined ? {} : { environment: { variables: variables ?? [] } }),
    // Whoever has some is refused.
    uris: [],
  };
}

function offerState(offer: Offer): Record<string, unknown> {
  return {
    id: offer.id.value,
    framework_id: offer.framework_id.value,
    allocation_info: offer.allocation_info ?? {},
    slave_id: offer.agent_id.value,
    resources: resourcesToState(offer.resources ?? []),
  };
}

/** As `/tasks` and `/state` show it. */
export function taskState(task: TaskRecord): Record<string, unknown> {
  return taskToState(taskMessage(task), task.role);
}

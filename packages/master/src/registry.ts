/** What the master knows: agents, frameworks, tasks, offers; indexed by id, so that no event scans them all. */
import {
  addResources,
  type AgentApiEvent,
  type AgentInfo,
  type EventChannel,
  type ExecutorInfo,
  type FrameworkID,
  type FrameworkInfo,
  type Offer,
  type Resource,
  type SchedulerEvent,
  type TaskInfo,
  type TaskState,
  type TaskStatus,
} from '@drydock/mesos';
import type { OfferFilters } from './allocation/offer-filters.ts';
import type { Shares } from './allocation/shares.ts';

export interface AgentRecord {
  readonly id: string;
  info: AgentInfo;
  /** `slave(1)@ip:port` */
  pid: string;
  version: string;
  /** Undefined while the agent is disconnected: it gets no offers and no events. */
  channel: EventChannel<AgentApiEvent> | undefined;
  readonly registeredAt: number;
  reregisteredAt: number | undefined;
  /** Held by tasks that are not terminal, and by executors. */
  used: readonly Resource[];
  /** Held by outstanding offers. */
  offered: readonly Resource[];
  readonly tasks: Map<string, TaskRecord>;
  /** By `executorKey`. */
  readonly executors: Map<string, ExecutorRecord>;
  readonly offers: Map<string, OfferRecord>;
  /** By `taskKey`: a framework wants them killed; asked again when the agent comes back. */
  readonly killed: Set<string>;
  /** Runs while the agent is disconnected: it is unreachable when it does not come back in time. */
  reregistration: Disposable | undefined;
}

export interface FrameworkRecord {
  readonly id: string;
  info: FrameworkInfo & { id: FrameworkID };
  /** Only known from an agent's tasks: it has not subscribed to this master yet. */
  isRecovered: boolean;
  channel: EventChannel<SchedulerEvent> | undefined;
  registeredAt: number;
  reregisteredAt: number | undefined;
  unregisteredAt: number | undefined;
  /** Not terminal, or not acknowledged yet. */
  readonly tasks: Map<string, TaskRecord>;
  /** By task id: their agent is unreachable. They may come back with it. */
  readonly unreachableTasks: Map<string, TaskRecord>;
  /** Newest last. */
  readonly completedTasks: TaskRecord[];
  /** By agent id, then by executor id. */
  readonly executors: Map<string, Map<string, ExecutorRecord>>;
  readonly offers: Map<string, OfferRecord>;
  /** What not to offer again for a while. */
  readonly filters: OfferFilters;
  /** Of its roles, those for which it wants no offers. */
  readonly suppressedRoles: Set<string>;
  /** Held by its tasks, executors and offers, by role. */
  readonly shares: Shares;
  /** Runs out when a disconnected framework has not come back within its failover_timeout. */
  failover: Disposable | undefined;
}

export interface TaskRecord {
  readonly info: TaskInfo;
  readonly framework: FrameworkRecord;
  readonly agentId: string;
  /** Of the offer that it was launched with. */
  readonly role: string;
  /** The newest one; undefined = TASK_STAGING. */
  status: TaskStatus | undefined;
  readonly statuses: TaskStatus[];
  /** Of the newest status that came from the agent: what an acknowledgement has to name. */
  updateUuid: Uint8Array | undefined;
  /** The framework has acknowledged its end. */
  isAcknowledged: boolean;
}

/** An executor that a task or a group was launched with. It holds its resources until its agent says that it has exited. */
export interface ExecutorRecord {
  readonly info: ExecutorInfo;
  readonly framework: FrameworkRecord;
  readonly agentId: string;
  /** Of the offer that it was launched with. */
  readonly role: string;
}

export interface OfferRecord {
  readonly offer: Offer;
  readonly agent: AgentRecord;
  readonly framework: FrameworkRecord;
  readonly role: string;
  /** As they are reckoned with, without allocation. */
  readonly resources: readonly Resource[];
  /** `--offer_timeout`. */
  expiry: Disposable | undefined;
}

/** An agent that stopped answering. It comes back by registering again. */
export interface UnreachableAgent {
  readonly id: string;
  readonly hostname: string;
  /** Seconds since the epoch. */
  readonly unreachableAt: number;
}

export class Registry {
  readonly agents: Map<string, AgentRecord> = new Map();
  /** Oldest first. */
  readonly unreachableAgents: Map<string, UnreachableAgent> = new Map();
  /** Marked gone by an operator, by id: when, in seconds since the epoch. They may not come back. Oldest first. */
  readonly goneAgents: Map<string, number> = new Map();
  readonly frameworks: Map<string, FrameworkRecord> = new Map();
  readonly completedFrameworks: Map<string, FrameworkRecord> = new Map();
  readonly offers: Map<string, OfferRecord> = new Map();

  addOffer(record: OfferRecord): void {
    const id = record.offer.id.value;
    this.offers.set(id, record);
    record.agent.offers.set(id, record);
    record.framework.offers.set(id, record);
  }

  removeOffer(record: OfferRecord): void {
    const id = record.offer.id.value;
    this.offers.delete(id);
    record.agent.offers.delete(id);
    record.framework.offers.delete(id);
  }

  /** The registered agent at an address; there is at most one. */
  agentAt(pid: string): AgentRecord | undefined {
    for (const agent of this.agents.values()) if (agent.pid === pid) return agent;
    return undefined;
  }
}

/** Names a task among those of all frameworks. */
export function taskKey(frameworkId: string, taskId: string): string {
  return `${frameworkId}\n${taskId}`;
}

/** Names an executor among those of all frameworks on one agent. */
export function executorKey(frameworkId: string, executorId: string): string {
  return `${frameworkId}\n${executorId}`;
}

export function stateOf(task: TaskRecord): TaskState {
  return task.status?.state ?? 'TASK_STAGING';
}

export function hasCapability(info: FrameworkInfo, type: string): boolean {
  return (info.capabilities ?? []).some((capability) => capability.type === type);
}

export function isPartitionAware({ info }: FrameworkRecord): boolean {
  return hasCapability(info, 'PARTITION_AWARE');
}

/** Drops the oldest entries of a map that is kept for a while only. */
export function trimToNewest<K, V>(map: Map<K, V>, countMax: number, onDropped: (value: V) => void = () => {}): void {
  for (const [key, value] of map) {
    if (map.size <= countMax) return;
    map.delete(key);
    onDropped(value);
  }
}

/** Resources of several lists together. */
export function sumOf(lists: readonly (readonly Resource[] | undefined)[]): readonly Resource[] {
  return lists.reduce<readonly Resource[]>((sum, list) => addResources(sum, list ?? []), []);
}

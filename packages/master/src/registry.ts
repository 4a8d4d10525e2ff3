/** What the master knows: agents, frameworks, tasks, offers; indexed by id, so that no event scans them all. */
import type {
  AgentApiEvent,
  AgentInfo,
  FrameworkID,
  FrameworkInfo,
  Offer,
  Resource,
  SchedulerEvent,
  TaskInfo,
  TaskStatus,
} from '@drydock/mesos';
import type { EventChannel } from './event-channel.ts';

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
  /** Held by tasks that are not terminal. */
  used: readonly Resource[];
  /** Held by outstanding offers. */
  offered: readonly Resource[];
  readonly tasks: Map<string, TaskRecord>;
  readonly offers: Map<string, OfferRecord>;
}

export interface FrameworkRecord {
  readonly id: string;
  info: FrameworkInfo & { id: FrameworkID };
  channel: EventChannel<SchedulerEvent> | undefined;
  readonly registeredAt: number;
  reregisteredAt: number | undefined;
  unregisteredAt: number | undefined;
  /** Not terminal, or not acknowledged yet. */
  readonly tasks: Map<string, TaskRecord>;
  /** Newest last. */
  readonly completedTasks: TaskRecord[];
  readonly offers: Map<string, OfferRecord>;
  /** By agent id: what not to offer again before `until`. */
  readonly filters: Map<string, { readonly until: number; readonly resources: readonly Resource[] }>;
  /** SUPPRESS was called. */
  isSuppressed: boolean;
  /** Runs out when a disconnected framework has not come back within its failover_timeout. */
  failover: NodeJS.Timeout | undefined;
}

export interface TaskRecord {
  readonly info: TaskInfo;
  readonly framework: FrameworkRecord;
  readonly agentId: string;
  /** The newest one; undefined = TASK_STAGING. */
  status: TaskStatus | undefined;
  readonly statuses: TaskStatus[];
}

export interface OfferRecord {
  readonly offer: Offer;
  readonly agent: AgentRecord;
  readonly framework: FrameworkRecord;
}

export class Registry {
  readonly agents: Map<string, AgentRecord> = new Map();
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
}

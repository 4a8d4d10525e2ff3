/**
 * The master: takes agents and frameworks, makes offers, launches tasks, carries their status updates and the
 * acknowledgements of these. It holds no task state that an agent does not have too.
 * @see src/master/master.cpp
 */
import { randomUUID } from 'node:crypto';
import type { Logger } from '@drydock/base/log';
import {
  addResources,
  isTerminalState,
  subtractResources,
  type AgentInfo,
  type FrameworkInfo,
  type MasterInfo,
  type Resource,
  type SchedulerEvent,
  type TaskInfo,
  type TaskState,
  type TaskStatus,
  type TaskStatusReason,
} from '@drydock/mesos';
import { allocate } from './allocation/allocator.ts';
import { HEARTBEAT_MS, type EventChannel } from './event-channel.ts';
import { MasterEvents } from './master-events.ts';
import { Registry, type AgentRecord, type FrameworkRecord, type OfferRecord, type TaskRecord } from './registry.ts';

export interface MasterOptions {
  readonly hostname: string;
  readonly ip: string;
  readonly port: number;
  readonly version: string;
  /** `--allocation_interval`. */
  readonly allocationIntervalMs: number;
  readonly completedFrameworkCountMax: number;
  readonly completedTaskCountMax: number;
  readonly logger: Logger;
}

/** A timer that is asked to wait for longer than this fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export class Master implements Disposable {
  readonly id: string = randomUUID();
  readonly options: MasterOptions;
  readonly registry: Registry = new Registry();
  /** Tells of every change; `events.observe` takes who wants to know. */
  readonly events: MasterEvents = new MasterEvents();
  readonly #logger: Logger;
  readonly #timer: NodeJS.Timeout;
  #counts = { framework: 0, agent: 0, offer: 0 };
  #isAllocating = false;

  constructor(options: MasterOptions) {
    this.options = options;
    this.#logger = options.logger;
    this.#timer = setInterval(() => this.allocateSoon(), Math.min(options.allocationIntervalMs, TIMER_MS_MAX));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const { failover } of this.registry.frameworks.values()) clearTimeout(failover);
  }

  get info(): MasterInfo {
    const { ip, port, hostname, version } = this.options;
    const bytes = ip.split('.').map(Number);
    // As upstream: the IPv4 address in network byte order, read by a little-endian machine.
    const number = bytes.length === 4 ? Buffer.from(bytes).readUInt32LE() : 0;
    return {
      id: this.id,
      ip: number,
      port,
      pid: `master@${ip}:${port}`,
      hostname,
      version,
      address: { hostname, ip, port },
    };
  }

  nextFrameworkId(): string {
    return `${this.id}-${String(this.#counts.framework++).padStart(4, '0')}`;
  }

  nextAgentId(): string {
    return `${this.id}-S${this.#counts.agent++}`;
  }

  // Frameworks

  /** Connects a framework, new or known; the channel gets SUBSCRIBED first. */
  subscribe(info: FrameworkInfo, channel: EventChannel<SchedulerEvent>): FrameworkRecord {
    const id = info.id?.value || this.nextFrameworkId();
    const known = this.registry.frameworks.get(id);
    const framework = known ?? this.addFramework({ ...info, id: { value: id } });
    if (known !== undefined) {
      framework.info = { ...info, id: { value: id } };
      framework.reregisteredAt = Date.now() / 1000;
      this.#removeOffersOf(framework);
      const previous = framework.channel;
      framework.channel = undefined;
      previous?.send({ type: 'ERROR', error: { message: 'Framework failed over' } });
      previous?.end();
    }
    clearTimeout(framework.failover);
    framework.failover = undefined;
    framework.channel = channel;
    framework.isSuppressed = false;
    framework.filters.clear();
    const subscribed = {
      framework_id: { value: id },
      heartbeat_interval_seconds: HEARTBEAT_MS / 1000,
      master_info: this.info,
    };
    channel.send({ type: 'SUBSCRIBED', subscribed });
    if (known !== undefined) this.events.frameworkUpdated(framework);
    this.#logger.info('Subscribed a framework', { frameworkId: id, name: info.name });
    void channel.closed().then(() => this.#disconnected(framework, channel));
    this.allocateSoon();
    return framework;
  }

  /** Makes a record without a connection. */
  addFramework(info: FrameworkRecord['info']): FrameworkRecord {
    const framework: FrameworkRecord = {
      id: info.id.value,
      info,
      channel: undefined,
      registeredAt: Date.now() / 1000,
      reregisteredAt: undefined,
      unregisteredAt: undefined,
      tasks: new Map(),
      completedTasks: [],
      offers: new Map(),
      filters: new Map(),
      isSuppressed: false,
      failover: undefined,
    };
    this.registry.completedFrameworks.delete(framework.id);
    this.registry.frameworks.set(framework.id, framework);
    this.events.frameworkAdded(framework);
    return framework;
  }

  #disconnected(framework: FrameworkRecord, channel: EventChannel<SchedulerEvent>): void {
    if (framework.channel !== channel) return;
    framework.channel = undefined;
    this.#removeOffersOf(framework);
    this.#logger.info('A framework disconnected', { frameworkId: framework.id });
    const timeoutMs = (framework.info.failover_timeout ?? 0) * 1000;
    framework.failover = setTimeout(() => this.removeFramework(framework), Math.min(timeoutMs, TIMER_MS_MAX));
    this.allocateSoon();
  }

  /** TEARDOWN, or a framework that did not come back: its tasks are killed. */
  removeFramework(framework: FrameworkRecord): void {
    if (this.registry.frameworks.get(framework.id) !== framework) return;
    clearTimeout(framework.failover);
    this.#removeOffersOf(framework);
    const agents = new Set([...framework.tasks.values()].map(({ agentId }) => agentId));
    for (const agentId of agents) {
      const agent = this.registry.agents.get(agentId);
      agent?.channel?.send({ type: 'SHUTDOWN_FRAMEWORK', shutdown_framework: { framework_id: framework.info.id } });
    }
    for (const task of framework.tasks.values()) {
      if (!isTerminalState(stateOf(task))) {
        this.#record(
          task,
          this.#statusOf(task, {
            state: 'TASK_KILLED',
            message: 'Framework removed',
            reason: 'REASON_FRAMEWORK_REMOVED',
          }),
        );
      }
      this.#completeTask(task);
    }
    const { channel } = framework;
    framework.channel = undefined;
    channel?.end();
    framework.unregisteredAt = Date.now() / 1000;
    this.registry.frameworks.delete(framework.id);
    this.registry.completedFrameworks.set(framework.id, framework);
    const [oldest] = this.registry.completedFrameworks.keys();
    if (this.registry.completedFrameworks.size > this.options.completedFrameworkCountMax && oldest !== undefined) {
      this.registry.completedFrameworks.delete(oldest);
    }
    this.events.frameworkRemoved(framework);
    this.#logger.info('Removed a framework', { frameworkId: framework.id });
    this.allocateSoon();
  }

  // Agents

  addAgent(id: string, info: AgentInfo, facts: { readonly pid: string; readonly version: string }): AgentRecord {
    const agent: AgentRecord = {
      id,
      info: { ...info, id: { value: id } },
      ...facts,
      channel: undefined,
      registeredAt: Date.now() / 1000,
      reregisteredAt: undefined,
      used: [],
      offered: [],
      tasks: new Map(),
      offers: new Map(),
    };
    this.registry.agents.set(id, agent);
    this.events.agentAdded(agent);
    return agent;
  }

  /** The agent's stream is lost: it gets no offers until it registers again. */
  disconnectAgent(agent: AgentRecord): void {
    agent.channel = undefined;
    this.rescindOffersOf(agent);
    this.#logger.warning('An agent disconnected', { agentId: agent.id });
  }

  /** The agent said goodbye: what it ran is lost. */
  removeAgent(agent: AgentRecord): void {
    this.rescindOffersOf(agent);
    for (const task of agent.tasks.values()) {
      if (isTerminalState(stateOf(task))) continue;
      this.endTask(
        task,
        'TASK_GONE',
        'REASON_AGENT_REMOVED',
        `Agent ${agent.info.hostname} removed: the agent unregistered`,
      );
    }
    const { channel } = agent;
    agent.channel = undefined;
    channel?.end();
    this.registry.agents.delete(agent.id);
    this.events.agentRemoved(agent);
    this.#logger.info('Removed an agent', { agentId: agent.id });
  }

  rescindOffersOf(agent: AgentRecord): void {
    for (const record of agent.offers.values()) {
      this.takeBack(record);
      record.framework.channel?.send({ type: 'RESCIND', rescind: { offer_id: record.offer.id } });
    }
  }

  // Offers

  /** Runs an allocation after the current event; several requests in one turn are one. */
  allocateSoon(): void {
    if (this.#isAllocating) return;
    this.#isAllocating = true;
    setImmediate(() => {
      this.#isAllocating = false;
      this.#allocate();
    });
  }

  #allocate(): void {
    const offers = new Map<FrameworkRecord, OfferRecord[]>();
    for (const { agent, framework, resources } of allocate(this.registry, Date.now())) {
      const role = framework.info.roles?.[0] ?? framework.info.role ?? '*';
      const [host = '', port = '0'] = agent.pid.slice(agent.pid.indexOf('@') + 1).split(':');
      const address = { hostname: agent.info.hostname, ip: host, port: Number(port) };
      const record: OfferRecord = {
        agent,
        framework,
        offer: {
          id: { value: `${this.id}-O${this.#counts.offer++}` },
          framework_id: framework.info.id,
          agent_id: { value: agent.id },
          hostname: agent.info.hostname,
          url: { scheme: 'http', address, path: '/slave(1)' },
          resources: resources.map((resource) => ({ ...resource, allocation_info: { role } })),
          attributes: agent.info.attributes ?? [],
          allocation_info: { role },
        },
      };
      this.registry.addOffer(record);
      agent.offered = addResources(agent.offered, resources);
      const list = offers.get(framework);
      if (list === undefined) offers.set(framework, [record]);
      else list.push(record);
    }
    for (const [framework, records] of offers) {
      framework.channel?.send({ type: 'OFFERS', offers: { offers: records.map(({ offer }) => offer) } });
    }
  }

  /** The offer is over and its resources are free again. */
  takeBack(record: OfferRecord): void {
    this.registry.removeOffer(record);
    record.agent.offered = subtractResources(record.agent.offered, record.offer.resources ?? []);
  }

  #removeOffersOf(framework: FrameworkRecord): void {
    for (const record of framework.offers.values()) this.takeBack(record);
  }

  // Tasks

  /** Records the task and tells its agent. */
  launch(framework: FrameworkRecord, agent: AgentRecord, info: TaskInfo): void {
    const task = this.addTask(framework, agent, info);
    const sent = agent.channel?.send({ type: 'RUN_TASK', run_task: { framework_info: framework.info, task: info } });
    if (sent === true) return;
    this.endTask(task, 'TASK_DROPPED', 'REASON_AGENT_DISCONNECTED', 'Agent disconnected');
  }

  addTask(framework: FrameworkRecord, agent: AgentRecord, info: TaskInfo, state?: TaskState): TaskRecord {
    const task: TaskRecord = { info, framework, agentId: agent.id, status: undefined, statuses: [] };
    framework.tasks.set(info.task_id.value, task);
    agent.tasks.set(taskKey(framework.id, info.task_id.value), task);
    agent.used = addResources(agent.used, info.resources ?? []);
    this.events.taskAdded(task);
    if (state !== undefined) this.#record(task, this.#statusOf(task, { state }));
    return task;
  }

  /** An update of the agent: remembered, and handed to the framework if it is there. */
  update(task: TaskRecord, status: TaskStatus): void {
    this.#record(task, status);
    task.framework.channel?.send({ type: 'UPDATE', update: { status } });
  }

  /** The framework has seen `status`: a task that ended is forgotten. */
  acknowledged(task: TaskRecord): void {
    if (isTerminalState(stateOf(task))) this.#completeTask(task);
  }

  /** The master itself ends a task; nobody has to acknowledge that. */
  endTask(task: TaskRecord, state: TaskState, reason: TaskStatusReason, message: string): void {
    const isAware = isPartitionAware(task.framework);
    const told = !isAware && (state === 'TASK_GONE' || state === 'TASK_DROPPED') ? 'TASK_LOST' : state;
    this.update(task, this.#statusOf(task, { state: told, reason, message }));
    this.#completeTask(task);
    this.allocateSoon();
  }

  /** A status of the master's own for a task that it knows. */
  #statusOf(
    task: TaskRecord,
    facts: { readonly state: TaskState; readonly message?: string; readonly reason?: TaskStatusReason },
  ): TaskStatus {
    return {
      task_id: task.info.task_id,
      source: 'SOURCE_MASTER',
      agent_id: { value: task.agentId },
      timestamp: Date.now() / 1000,
      ...facts,
    };
  }

  #record(task: TaskRecord, status: TaskStatus): void {
    const before = stateOf(task);
    const wasTerminal = isTerminalState(before);
    // A copy that was long on its way: an ended task stays ended, so that its end can be acknowledged.
    if (wasTerminal && !isTerminalState(status.state)) return;
    task.status = status;
    if (task.statuses.at(-1)?.state === status.state) task.statuses.pop();
    task.statuses.push(status);
    if (before !== status.state) this.events.taskUpdated(task, status, status.state);
    if (wasTerminal || !isTerminalState(status.state)) return;
    const agent = this.registry.agents.get(task.agentId);
    if (agent !== undefined) agent.used = subtractResources(agent.used, task.info.resources ?? []);
    this.allocateSoon();
  }

  #completeTask(task: TaskRecord): void {
    const { framework, info } = task;
    if (!framework.tasks.delete(info.task_id.value)) return;
    this.registry.agents.get(task.agentId)?.tasks.delete(taskKey(framework.id, info.task_id.value));
    framework.completedTasks.push(task);
    if (framework.completedTasks.length > this.options.completedTaskCountMax) framework.completedTasks.shift();
  }
}

/** Names a task among those of all frameworks. */
export function taskKey(frameworkId: string, taskId: string): string {
  return `${frameworkId}\n${taskId}`;
}

export function stateOf(task: TaskRecord): TaskState {
  return task.status?.state ?? 'TASK_STAGING';
}

export function isPartitionAware(framework: FrameworkRecord): boolean {
  return (framework.info.capabilities ?? []).some(({ type }) => type === 'PARTITION_AWARE');
}

/** Resources of several offers together. */
export function sumOf(lists: readonly (readonly Resource[] | undefined)[]): readonly Resource[] {
  return lists.reduce<readonly Resource[]>((sum, list) => addResources(sum, list ?? []), []);
}

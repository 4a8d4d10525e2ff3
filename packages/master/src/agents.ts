/** Agents: registered, asked for signs of life, lost and found again. */
import type { AgentApiEvent, AgentInfo, EventChannel } from '@drydock/mesos';
import { formatDurationMs } from '@drydock/base/gflags';
import { AgentHealth } from './agent-health.ts';
import type { CounterName } from './counters.ts';
import type { Master } from './master.ts';
import { isTerminalState } from '@drydock/mesos';
import { stateOf, trimToNewest, type AgentRecord, type TaskRecord } from './registry.ts';

export class Agents {
  readonly #master: Master;
  readonly #health: AgentHealth;
  #count = 0;
  #pongCount = 0;

  constructor(master: Master) {
    this.#master = master;
    const { agentPingTimeoutMs, agentPingTimeoutCountMax } = master.options;
    this.#health = new AgentHealth({
      timers: master.timers,
      pingTimeoutMs: agentPingTimeoutMs,
      pingTimeoutCountMax: agentPingTimeoutCountMax,
      onUnhealthy: (agent) => this.markUnreachable(agent, 'health check timed out'),
    });
  }

  nextId(): string {
    return `${this.#master.id}-S${this.#count++}`;
  }

  /** Makes a record; `connect` is next, and then observers are told. */
  add(id: string, info: AgentInfo, facts: { readonly pid: string; readonly version: string }): AgentRecord {
    const agent: AgentRecord = {
      id,
      info: { ...info, id: { value: id } },
      ...facts,
      channel: undefined,
      registeredAt: this.#master.nowSeconds(),
      reregisteredAt: undefined,
      used: [],
      offered: [],
      tasks: new Map(),
      executors: new Map(),
      offers: new Map(),
      killed: new Set(),
      reregistration: undefined,
    };
    this.#master.registry.agents.set(id, agent);
    return agent;
  }

  /** The agent is there, and has to show signs of life from now on. */
  connect(agent: AgentRecord, channel: EventChannel<AgentApiEvent>): void {
    const previous = agent.channel;
    agent.channel = channel;
    previous?.end();
    agent.reregistration?.[Symbol.dispose]();
    agent.reregistration = undefined;
    this.#health.watch(agent);
    void channel.closed().then(() => {
      if (agent.channel === channel) this.disconnect(agent);
    });
  }

  /** PONG. */
  answered(agent: AgentRecord): void {
    this.#pongCount += 1;
    this.#health.answered(agent);
  }

  /** How many pings were answered, by all agents together. */
  get pongCount(): number {
    return this.#pongCount;
  }

  /**
   * The agent's stream is lost. It gets no offers until it registers again, and is unreachable when it neither does that in
   * time nor answers pings, which it cannot.
   *
   * DEVIATION: upstream loses the tasks of frameworks without checkpointing at once. Here they live on if the agent does.
   */
  disconnect(agent: AgentRecord): void {
    const { options, offers } = this.#master;
    agent.channel = undefined;
    offers.rescindOf(agent);
    options.logger.warning('An agent disconnected', { agentId: agent.id });
    const { agentReregisterTimeoutMs: timeoutMs } = options;
    agent.reregistration = this.#master.timers.after(timeoutMs, () => {
      const after = formatDurationMs(timeoutMs);
      this.markUnreachable(agent, `agent did not reregister within ${after} after disconnecting`);
    });
  }

  /**
   * The agent left, or another one took its address: what it ran is over.
   *
   * DEVIATION: upstream says TASK_LOST to all frameworks; those with PARTITION_AWARE are told TASK_GONE here, as they are
   * promised never to see TASK_LOST.
   */
  remove(agent: AgentRecord, cause: string, reason: CounterName): void {
    const { counters, tasks } = this.#master;
    counters.count('slave_removals');
    counters.count(reason);
    const message = `Agent ${agent.info.hostname} removed: ${cause}`;
    this.#lose(
      agent,
      (task) => tasks.end(task, { state: 'TASK_GONE', reason: 'REASON_AGENT_REMOVED', message }),
      cause,
    );
  }

  /** The agent does not answer: nobody knows what became of its tasks. */
  markUnreachable(agent: AgentRecord, message: string): void {
    const { registry, counters, tasks, options } = this.#master;
    if (registry.agents.get(agent.id) !== agent) return;
    counters.count('slave_removals');
    counters.count('slave_removals/reason_unhealthy');
    counters.count('slave_unreachable_scheduled');
    counters.count('slave_unreachable_completed');
    const unreachableAt = this.#master.nowSeconds();
    this.#lose(agent, (task) => tasks.makeUnreachable(task, message, unreachableAt), message);
    registry.unreachableAgents.set(agent.id, { id: agent.id, hostname: agent.info.hostname, unreachableAt });
    trimToNewest(registry.unreachableAgents, options.lostAgentCountMax, ({ id }) => {
      for (const framework of registry.frameworks.values()) {
        for (const [taskId, task] of framework.unreachableTasks) {
          if (task.agentId === id) framework.unreachableTasks.delete(taskId);
        }
      }
    });
  }

  /**
   * An operator says that the agent and all it ran are gone for good; it may not come back under its id.
   * @returns false when there is no such agent
   */
  markGone(agentId: string): boolean {
    const { registry, tasks, options } = this.#master;
    const agent = registry.agents.get(agentId);
    if (agent === undefined && !registry.unreachableAgents.has(agentId)) return registry.goneAgents.has(agentId);
    const message = 'Agent has been marked gone';
    const facts = { state: 'TASK_GONE_BY_OPERATOR', reason: 'REASON_AGENT_REMOVED_BY_OPERATOR', message } as const;
    registry.goneAgents.set(agentId, this.#master.nowSeconds());
    trimToNewest(registry.goneAgents, options.lostAgentCountMax);
    if (agent !== undefined) {
      agent.channel?.send({ type: 'SHUTDOWN', shutdown: { message } });
      this.#lose(agent, (task) => tasks.end(task, facts), message);
      return true;
    }
    registry.unreachableAgents.delete(agentId);
    for (const framework of registry.frameworks.values()) {
      const own = [...framework.unreachableTasks.values()].filter((task) => task.agentId === agentId);
      for (const task of own) tasks.endUnreachable(task, facts);
    }
    return true;
  }

  #lose(agent: AgentRecord, settle: (task: TaskRecord) => void, cause: string): void {
    const { registry, offers, events, options } = this.#master;
    // DEVIATION: upstream says TASK_LOST of a task whose end nobody has acknowledged yet. It stays the end that it is.
    for (const task of agent.tasks.values()) {
      if (isTerminalState(stateOf(task))) this.#master.tasks.complete(task);
      else settle(task);
    }
    for (const executor of agent.executors.values()) this.#master.executors.remove(executor);
    offers.rescindOf(agent);
    registry.agents.delete(agent.id);
    for (const framework of registry.frameworks.values()) framework.filters.removeAgent(agent.id);
    this.#health.forget(agent);
    agent.reregistration?.[Symbol.dispose]();
    const { channel } = agent;
    agent.channel = undefined;
    channel?.end();
    for (const framework of registry.frameworks.values()) {
      framework.channel?.send({ type: 'FAILURE', failure: { agent_id: { value: agent.id } } });
    }
    events.agentRemoved(agent);
    options.logger.warning('Lost an agent', { agentId: agent.id, hostname: agent.info.hostname, cause });
  }
}

/**
 * Asks agents for signs of life. A frozen agent keeps its connection open; only what it does not answer shows that.
 * @see src/master/master.cpp SlaveObserver
 */
import type { AgentRecord } from './registry.ts';
import type { Timers } from './timers.ts';

export interface AgentHealthOptions {
  readonly timers: Timers;
  /** `--agent_ping_timeout`: for an answer; the next ping follows. */
  readonly pingTimeoutMs: number;
  /** `--max_agent_ping_timeouts`: so many pings in a row without an answer. */
  readonly pingTimeoutCountMax: number;
  readonly onUnhealthy: (agent: AgentRecord) => void;
}

interface Watch extends Disposable {
  isWaiting: boolean;
  timeoutCount: number;
}

export class AgentHealth {
  readonly #options: AgentHealthOptions;
  readonly #watches = new Map<AgentRecord, Watch>();

  constructor(options: AgentHealthOptions) {
    this.#options = options;
  }

  /** Pings the agent now and from now on; it has just shown that it lives. */
  watch(agent: AgentRecord): void {
    this.forget(agent);
    const { timers, pingTimeoutMs } = this.#options;
    const timer = timers.every(pingTimeoutMs, () => this.#timeout(agent, watch));
    const watch: Watch = {
      isWaiting: true,
      timeoutCount: 0,
      [Symbol.dispose]: () => timer[Symbol.dispose](),
    };
    this.#watches.set(agent, watch);
    agent.channel?.send({ type: 'PING' });
  }

  answered(agent: AgentRecord): void {
    const watch = this.#watches.get(agent);
    if (watch === undefined) return;
    watch.isWaiting = false;
    watch.timeoutCount = 0;
  }

  forget(agent: AgentRecord): void {
    this.#watches.get(agent)?.[Symbol.dispose]();
    this.#watches.delete(agent);
  }

  #timeout(agent: AgentRecord, watch: Watch): void {
    if (watch.isWaiting) watch.timeoutCount += 1;
    if (watch.timeoutCount >= this.#options.pingTimeoutCountMax) {
      this.#options.onUnhealthy(agent);
      return;
    }
    // A ping that cannot be sent is not answered either.
    watch.isWaiting = true;
    agent.channel?.send({ type: 'PING' });
  }
}

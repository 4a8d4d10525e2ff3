/** Executors that tasks name: launched with a task or a group, kept until their agent says that they have exited. */
import { addResources, subtractResources, type ExecutorInfo } from '@drydock/mesos';
import type { Master } from './master.ts';
import { executorKey, type AgentRecord, type ExecutorRecord, type FrameworkRecord } from './registry.ts';

export class Executors {
  readonly #master: Master;

  constructor(master: Master) {
    this.#master = master;
  }

  /** The executor of that id; a new one takes its resources, which name their role. */
  add(framework: FrameworkRecord, agent: AgentRecord, info: ExecutorInfo, role: string): ExecutorRecord {
    const id = info.executor_id.value;
    const known = framework.executors.get(agent.id)?.get(id);
    if (known !== undefined) return known;
    const executor: ExecutorRecord = { info, framework, agentId: agent.id, role };
    const onAgent = framework.executors.get(agent.id) ?? new Map<string, ExecutorRecord>();
    framework.executors.set(agent.id, onAgent.set(id, executor));
    agent.executors.set(executorKey(framework.id, id), executor);
    agent.used = addResources(agent.used, info.resources ?? []);
    framework.shares.add(role, info.resources ?? []);
    return executor;
  }

  /**
   * The executor is over, or its agent lost, or its framework removed: what it held is free. Its tasks are somebody
   * else's concern.
   */
  remove({ info, framework, agentId, role }: ExecutorRecord): void {
    const id = info.executor_id.value;
    const onAgent = framework.executors.get(agentId);
    onAgent?.delete(id);
    if (onAgent?.size === 0) framework.executors.delete(agentId);
    framework.shares.subtract(role, info.resources ?? []);
    const agent = this.#master.registry.agents.get(agentId);
    if (agent?.executors.delete(executorKey(framework.id, id)) === true) {
      agent.used = subtractResources(agent.used, info.resources ?? []);
    }
    this.#master.offers.allocateSoon();
  }
}

/** All that a framework has, on whatever agent. */
export function executorsOf({ executors }: FrameworkRecord): readonly ExecutorRecord[] {
  return [...executors.values()].flatMap((onAgent) => [...onAgent.values()]);
}

/**
 * Decides who is offered what: all free resources of one agent go to one framework, the one with the smallest dominant
 * share first.
 * @see src/master/allocator/mesos/hierarchical.cpp
 */
import { addResources, containsResources, scalarOf, subtractResources, type Resource } from '@drydock/mesos';
import type { AgentRecord, FrameworkRecord, Registry } from '../registry.ts';

/** An agent offers only what a task could use. @see MIN_CPUS, MIN_MEM */
const CPUS_MIN = 0.01;
const MEMORY_MEGABYTES_MIN = 32;

export interface Allocation {
  readonly agent: AgentRecord;
  readonly framework: FrameworkRecord;
  readonly resources: readonly Resource[];
}

/** What of the agent is neither used nor offered. */
export function freeResources(agent: AgentRecord): readonly Resource[] {
  return subtractResources(agent.info.resources ?? [], addResources(agent.used, agent.offered));
}

/** Every offer that is to be made now; `nowMs` decides which filters still hold. */
export function allocate(registry: Registry, nowMs: number): readonly Allocation[] {
  const candidates = [...registry.frameworks.values()].filter((one) => one.channel !== undefined && !one.isSuppressed);
  if (candidates.length === 0) return [];
  const total = totalOf(registry);
  const shares = new Map(candidates.map((framework) => [framework, dominantShare(framework, total)]));
  const allocations: Allocation[] = [];
  for (const agent of registry.agents.values()) {
    if (agent.channel === undefined) continue;
    const resources = freeResources(agent);
    if (scalarOf(resources, 'cpus') < CPUS_MIN && scalarOf(resources, 'mem') < MEMORY_MEGABYTES_MIN) continue;
    const framework = candidates
      .filter((one) => !isFiltered(one, agent, resources, nowMs))
      .toSorted((a, b) => (shares.get(a) ?? 0) - (shares.get(b) ?? 0))[0];
    if (framework === undefined) continue;
    allocations.push({ agent, framework, resources });
    // The next agent goes to the next framework.
    shares.set(framework, (shares.get(framework) ?? 0) + shareOf(resources, total));
  }
  return allocations;
}

function isFiltered(framework: FrameworkRecord, agent: AgentRecord, free: readonly Resource[], nowMs: number): boolean {
  const filter = framework.filters.get(agent.id);
  if (filter === undefined) return false;
  if (filter.until <= nowMs) {
    framework.filters.delete(agent.id);
    return false;
  }
  // More than was refused is worth another offer.
  return containsResources(filter.resources, free);
}

interface Total {
  readonly cpus: number;
  readonly mem: number;
}

function totalOf(registry: Registry): Total {
  const agents = [...registry.agents.values()];
  const sum = (name: string): number => agents.reduce((all, { info }) => all + scalarOf(info.resources ?? [], name), 0);
  return { cpus: sum('cpus'), mem: sum('mem') };
}

function dominantShare(framework: FrameworkRecord, total: Total): number {
  let share = 0;
  for (const { info } of framework.tasks.values()) share += shareOf(info.resources ?? [], total);
  for (const { offer } of framework.offers.values()) share += shareOf(offer.resources ?? [], total);
  return share;
}

function shareOf(resources: readonly Resource[], total: Total): number {
  return Math.max(
    total.cpus === 0 ? 0 : scalarOf(resources, 'cpus') / total.cpus,
    total.mem === 0 ? 0 : scalarOf(resources, 'mem') / total.mem,
  );
}

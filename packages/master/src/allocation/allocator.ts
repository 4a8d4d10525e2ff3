/**
 * Decides who is offered what. Of each agent, all that is free and that a role may have goes to one framework in one of
 * its roles: the role with the smallest dominant share first, and in it the framework with the smallest.
 * @see src/master/allocator/mesos/hierarchical.cpp
 */
import { frameworkRoles, scalarOf, subtractResources, type Resource } from '@drydock/mesos';
import type { AgentRecord, FrameworkRecord, Registry } from '../registry.ts';
import { freeResources } from './free-resources.ts';
import { dominantShare, type Amounts } from './shares.ts';

/** An agent offers only what a task could use. @see MIN_CPUS, MIN_MEM */
const CPUS_MIN = 0.01;
const MEMORY_MEGABYTES_MIN = 32;

export interface Allocation {
  readonly agent: AgentRecord;
  readonly framework: FrameworkRecord;
  readonly role: string;
  readonly resources: readonly Resource[];
}

/** A framework in one of its roles, with what the role and the framework in it hold of the cluster. */
interface Candidate {
  readonly framework: FrameworkRecord;
  readonly role: string;
}

/** Every offer that is to be made now; `nowMs` decides which filters still hold. */
export function allocate(registry: Registry, nowMs: number): readonly Allocation[] {
  const candidates = [...registry.frameworks.values()].flatMap(candidatesOf);
  if (candidates.length === 0) return [];
  const order = new FairOrder(registry, candidates);
  const allocations: Allocation[] = [];
  for (const agent of registry.agents.values()) {
    if (agent.channel === undefined) continue;
    let free = freeResources(agent);
    // What is reserved for one role is left by the others, so that an agent may be offered to several.
    while (free.length > 0) {
      const allocation = order.take(agent, free, nowMs);
      if (allocation === undefined) break;
      allocations.push(allocation);
      free = subtractResources(free, allocation.resources);
    }
  }
  return allocations;
}

function candidatesOf(framework: FrameworkRecord): readonly Candidate[] {
  if (framework.channel === undefined) return [];
  return frameworkRoles(framework.info)
    .filter((role) => !framework.suppressedRoles.has(role))
    .map((role) => ({ framework, role }));
}

/** Keeps candidates by their shares while allocations change these. */
class FairOrder {
  readonly #candidates: readonly Candidate[];
  readonly #total: Amounts;
  readonly #byRole = new Map<string, number>();
  readonly #own: Map<Candidate, number>;

  constructor(registry: Registry, candidates: readonly Candidate[]) {
    this.#candidates = candidates;
    this.#total = totalOf(registry);
    for (const { shares } of registry.frameworks.values()) {
      for (const role of shares.roles) {
        this.#byRole.set(role, (this.#byRole.get(role) ?? 0) + shares.dominantOf(role, this.#total));
      }
    }
    this.#own = new Map(candidates.map((one) => [one, one.framework.shares.dominantOf(one.role, this.#total)]));
  }

  /** The next allocation of an agent, if anybody wants what it has. */
  take(agent: AgentRecord, free: readonly Resource[], nowMs: number): Allocation | undefined {
    let best: Allocation | undefined;
    let bestCandidate: Candidate | undefined;
    for (const candidate of this.#candidates) {
      if (bestCandidate !== undefined && this.#compare(candidate, bestCandidate) >= 0) continue;
      const { framework, role } = candidate;
      const resources = partFor(free, role);
      if (!isAllocatable(framework, role, resources)) continue;
      if (framework.filters.isFiltered(role, agent.id, resources, nowMs)) continue;
      bestCandidate = candidate;
      best = { agent, framework, role, resources };
    }
    if (best !== undefined && bestCandidate !== undefined) this.#charge(bestCandidate, best.resources);
    return best;
  }

  #compare(a: Candidate, b: Candidate): number {
    const byRole = (this.#byRole.get(a.role) ?? 0) - (this.#byRole.get(b.role) ?? 0);
    return byRole === 0 ? (this.#own.get(a) ?? 0) - (this.#own.get(b) ?? 0) : byRole;
  }

  #charge(candidate: Candidate, resources: readonly Resource[]): void {
    const part = { cpus: scalarOf(resources, 'cpus'), mem: scalarOf(resources, 'mem') };
    const share = dominantShare(part, this.#total);
    this.#byRole.set(candidate.role, (this.#byRole.get(candidate.role) ?? 0) + share);
    this.#own.set(candidate, (this.#own.get(candidate) ?? 0) + share);
  }
}

/** The same list when the role may have all of it: filters know that one. */
function partFor(free: readonly Resource[], role: string): readonly Resource[] {
  return free.every((resource) => isFor(resource, role)) ? free : free.filter((resource) => isFor(resource, role));
}

/** Unreserved, or reserved for the role or one above it. */
function isFor({ role: reserved = '*' }: Resource, role: string): boolean {
  return reserved === '*' || reserved === role || role.startsWith(`${reserved}/`);
}

/** At least the least that the framework wants to be offered in the role, or else that anybody could use. */
function isAllocatable({ info }: FrameworkRecord, role: string, resources: readonly Resource[]): boolean {
  if (resources.length === 0) return false;
  const wanted = info.offer_filters?.[role]?.min_allocatable_resources;
  if (wanted === undefined) {
    return scalarOf(resources, 'cpus') >= CPUS_MIN || scalarOf(resources, 'mem') >= MEMORY_MEGABYTES_MIN;
  }
  const groups = wanted.quantities ?? [];
  return (
    groups.length === 0 ||
    groups.some(({ quantities = {} }) =>
      Object.entries(quantities).every(([name, { value }]) => scalarOf(resources, name) >= value),
    )
  );
}

function totalOf(registry: Registry): Amounts {
  let cpus = 0;
  let mem = 0;
  for (const { info } of registry.agents.values()) {
    cpus += scalarOf(info.resources ?? [], 'cpus');
    mem += scalarOf(info.resources ?? [], 'mem');
  }
  return { cpus, mem };
}

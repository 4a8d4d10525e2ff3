/** What a framework declined and does not want to be offered again for a while. @see hierarchical.cpp OfferFilter */
import { containsResources, type Resource } from '@drydock/mesos';

interface OfferFilter {
  /** Epoch milliseconds. */
  readonly untilMs: number;
  readonly resources: readonly Resource[];
}

/** A filter, and what it has said of the offer that it was last asked about: mostly it is asked about the same again. */
interface KeptFilter extends OfferFilter {
  last?: { readonly offered: readonly Resource[]; readonly isCovered: boolean };
}

/** Per role and agent; the one that ends first gives way. An offer too many is declined again, so no more is kept. */
const FILTER_COUNT_MAX = 16;

/** Filters of one framework, by role and agent. Those that are over are dropped when their agent is looked at. */
export class OfferFilters {
  readonly #byRole = new Map<string, Map<string, KeptFilter[]>>();

  get count(): number {
    const lists = [...this.#byRole.values()].flatMap((byAgent) => [...byAgent.values()]);
    return lists.reduce((sum, list) => sum + list.length, 0);
  }

  add(role: string, agentId: string, filter: OfferFilter, nowMs: number): void {
    const byAgent = this.#byRole.get(role) ?? new Map<string, KeptFilter[]>();
    this.#byRole.set(role, byAgent);
    // One that covers less and ends sooner says nothing of its own.
    const rest = (byAgent.get(agentId) ?? []).filter(
      (one) =>
        one.untilMs > nowMs && !(one.untilMs <= filter.untilMs && containsResources(filter.resources, one.resources)),
    );
    const list = [...rest, { ...filter }].toSorted((a, b) => b.untilMs - a.untilMs);
    byAgent.set(agentId, list.slice(0, FILTER_COUNT_MAX));
  }

  /** Whether an offer of `resources` would be one of what was declined; more than that is worth another offer. */
  isFiltered(role: string, agentId: string, resources: readonly Resource[], nowMs: number): boolean {
    const byAgent = this.#byRole.get(role);
    const list = byAgent?.get(agentId);
    if (byAgent === undefined || list === undefined) return false;
    const valid = list.filter(({ untilMs }) => untilMs > nowMs);
    if (valid.length === 0) byAgent.delete(agentId);
    else if (valid.length < list.length) byAgent.set(agentId, valid);
    if (byAgent.size === 0) this.#byRole.delete(role);
    return valid.some((filter) => covers(filter, resources));
  }

  /** Of all roles, or of those named. */
  clear(roles?: Iterable<string>): void {
    if (roles === undefined) this.#byRole.clear();
    else for (const role of roles) this.#byRole.delete(role);
  }

  removeAgent(agentId: string): void {
    for (const [role, byAgent] of this.#byRole) {
      byAgent.delete(agentId);
      if (byAgent.size === 0) this.#byRole.delete(role);
    }
  }
}

/** Lists of resources are never written to, so the same list has the same answer. */
function covers(filter: KeptFilter, offered: readonly Resource[]): boolean {
  if (filter.last?.offered !== offered) {
    filter.last = { offered, isCovered: containsResources(filter.resources, offered) };
  }
  return filter.last.isCovered;
}

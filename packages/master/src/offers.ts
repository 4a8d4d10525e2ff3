/** Offers: made at each allocation, taken back when they are answered, time out or lose their agent. */
import {
  addResources,
  addressOfPid,
  subtractResources,
  toRefinedFormat,
  type Filters,
  type Offer,
  type Resource,
} from '@drydock/mesos';
import { allocate, type Allocation } from './allocation/allocator.ts';
import type { Master } from './master.ts';
import { hasCapability, type AgentRecord, type FrameworkRecord, type OfferRecord } from './registry.ts';

/** @see Filters.refuse_seconds */
const REFUSE_SECONDS = 5;
/** A year, as upstream; longer filters are cut. */
const REFUSE_SECONDS_MAX = 365 * 86_400;

export class Offers {
  readonly #master: Master;
  #count = 0;
  #isAllocating = false;

  constructor(master: Master) {
    this.#master = master;
    master.timers.every(master.options.allocationIntervalMs, () => this.allocateSoon());
  }

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
    const { registry, options } = this.#master;
    const byFramework = Map.groupBy(allocate(registry, options.clock.now()), ({ framework }) => framework);
    for (const [framework, allocations] of byFramework) {
      const offers = allocations.map((allocation) => this.#make(allocation));
      framework.channel?.send({ type: 'OFFERS', offers: { offers } });
    }
  }

  #make(allocation: Allocation): Offer {
    const { agent, framework, role, resources } = allocation;
    const { registry, options, id } = this.#master;
    const offer = toOffer(allocation, `${id}-O${this.#count++}`);
    const record: OfferRecord = { offer, agent, framework, role, resources, expiry: undefined };
    registry.addOffer(record);
    agent.offered = addResources(agent.offered, resources);
    framework.shares.add(role, resources);
    if (options.offerTimeoutMs !== undefined) {
      record.expiry = this.#master.timers.after(options.offerTimeoutMs, () => {
        this.rescind(record);
        this.allocateSoon();
      });
    }
    return asKnownTo(framework, offer);
  }

  /** The offer is over and its resources are free again. */
  takeBack(record: OfferRecord): void {
    const { agent, framework, role, resources } = record;
    record.expiry?.[Symbol.dispose]();
    this.#master.registry.removeOffer(record);
    agent.offered = subtractResources(agent.offered, resources);
    framework.shares.subtract(role, resources);
  }

  /** Takes an offer back and tells its framework. */
  rescind(record: OfferRecord): void {
    this.takeBack(record);
    record.framework.channel?.send({ type: 'RESCIND', rescind: { offer_id: record.offer.id } });
  }

  rescindOf(agent: AgentRecord): void {
    for (const record of agent.offers.values()) this.rescind(record);
  }

  /** Takes a framework's offers back without a word: whoever got them is gone. */
  discardOf(framework: FrameworkRecord): void {
    for (const record of framework.offers.values()) this.takeBack(record);
  }

  /**
   * Does not offer `resources` of the agent to the framework again for a while. With a `refuse_seconds` of 0 they come
   * back at the next `--allocation_interval`: nothing hurries them, or a framework that declines at once would be offered
   * them as fast as it can.
   */
  decline(
    framework: FrameworkRecord,
    declined: { readonly agent: AgentRecord; readonly role: string; readonly resources: readonly Resource[] },
    filters: Filters | undefined,
  ): void {
    const seconds = refuseSecondsOf(filters);
    if (seconds === 0 || declined.resources.length === 0) return;
    const { clock, allocationIntervalMs } = this.#master.options;
    const nowMs = clock.now();
    // As upstream: it holds for one allocation at least.
    const untilMs = nowMs + Math.max(seconds * 1_000, allocationIntervalMs);
    // Resources are compared without their allocation.
    const resources = addResources(declined.resources, []);
    framework.filters.add(declined.role, declined.agent.id, { untilMs, resources }, nowMs);
    this.allocateSoon();
  }
}

/** What is out of range is taken as upstream takes it: negative and undefined as the default, too long as a year. */
export function refuseSecondsOf(filters: Filters | undefined): number {
  const wanted = filters?.refuse_seconds ?? REFUSE_SECONDS;
  return wanted >= 0 ? Math.min(wanted, REFUSE_SECONDS_MAX) : REFUSE_SECONDS;
}

function toOffer({ agent, framework, role, resources }: Allocation, id: string): Offer {
  const { hostname, attributes = [] } = agent.info;
  return {
    id: { value: id },
    framework_id: framework.info.id,
    agent_id: { value: agent.id },
    hostname,
    url: { scheme: 'http', address: { hostname, ...addressOfPid(agent.pid) }, path: '/slave(1)' },
    resources: resources.map((resource) => ({ ...resource, allocation_info: { role } })),
    attributes,
    executor_ids: [...(framework.executors.get(agent.id)?.keys() ?? [])].map((value) => ({ value })),
    allocation_info: { role },
  };
}

/**
 * Schedulers compare resources as a whole: those from before MULTI_ROLE get them without the allocation, and those with
 * RESERVATION_REFINEMENT in its form, as upstream.
 */
function asKnownTo({ info }: FrameworkRecord, offer: Offer): Offer {
  const { allocation_info: _, resources = [], ...rest } = offer;
  const own = hasCapability(info, 'RESERVATION_REFINEMENT') ? resources.map(toRefinedFormat) : resources;
  if (hasCapability(info, 'MULTI_ROLE')) return { ...offer, resources: own };
  return { ...rest, resources: own.map(withoutAllocation) };
}

function withoutAllocation(resource: Resource): Resource {
  const { allocation_info: _, ...rest } = resource;
  return rest;
}

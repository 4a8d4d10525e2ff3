/** Which offer each task gets. */
import { takeResources, type Offer, type Resource } from '@drydock/mesos';
import { TASK_RESOURCES, type Kind } from './tasks.ts';

export interface Placement {
  readonly kind: Kind;
  readonly offer: Offer;
  /** What the task takes of it. */
  readonly resources: Resource[];
}

export interface PlacementOptions {
  readonly role: string;
  /** Agents on which the other tasks run. */
  readonly takenAgents: Iterable<string>;
  /** Whether two tasks may run on one agent. */
  readonly mayShareAgent: boolean;
}

export interface Placements {
  readonly placements: readonly Placement[];
  /** Whether a task could have been placed on an agent that it shares with another. */
  readonly isHeldBack: boolean;
}

/** One task at most for each offer: what is left of an offer soon comes back as the next one. */
export function placeTasks(kinds: readonly Kind[], offers: readonly Offer[], options: PlacementOptions): Placements {
  const agents = new Set(options.takenAgents);
  const placements: Placement[] = [];
  let isHeldBack = false;
  for (const kind of kinds) {
    const fitting = offers
      .filter((offer) => !placements.some((placement) => placement.offer === offer))
      .flatMap((offer) => {
        const resources = takeResources(offer.resources ?? [], TASK_RESOURCES, options.role);
        return resources === undefined ? [] : [{ kind, offer, resources }];
      });
    const apart = fitting.find(({ offer }) => !agents.has(offer.agent_id.value));
    const chosen = apart ?? (options.mayShareAgent ? fitting[0] : undefined);
    if (chosen === undefined) {
      isHeldBack ||= fitting.length > 0;
      continue;
    }
    placements.push(chosen);
    agents.add(chosen.offer.agent_id.value);
  }
  return { placements, isHeldBack };
}

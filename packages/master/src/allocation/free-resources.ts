import { addResources, subtractResources, type Resource } from '@drydock/mesos';
import type { AgentRecord } from '../registry.ts';

interface Known extends Pick<AgentRecord, 'used' | 'offered'> {
  readonly total: readonly Resource[] | undefined;
  readonly free: readonly Resource[];
}

const known = new WeakMap<AgentRecord, Known>();

/**
 * What of the agent is neither used nor offered. The same list as before while nothing of the agent has changed: lists of
 * resources are replaced, never written to, so most agents of an allocation cost no arithmetic.
 */
export function freeResources(agent: AgentRecord): readonly Resource[] {
  const { used, offered } = agent;
  const { resources: total } = agent.info;
  const before = known.get(agent);
  if (before?.total === total && before?.used === used && before.offered === offered) return before.free;
  const free = subtractResources(total ?? [], addResources(used, offered));
  known.set(agent, { total, used, offered, free });
  return free;
}

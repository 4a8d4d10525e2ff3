/** REVIVE and SUPPRESS: which of a framework's roles get offers. @see src/master/master.cpp revive, suppress */
import { frameworkRoles, validateRole } from '@drydock/mesos';
import type { Master } from '../master.ts';
import type { FrameworkRecord } from '../registry.ts';

/** Offers again for the named roles, or for all: also what was declined. */
export function revive(master: Master, framework: FrameworkRecord, roles: readonly string[]): void {
  master.counters.count('messages_revive_offers');
  if (!isOneOfItsOwn(master, framework, roles, 'revive')) return;
  const revived = roles.length === 0 ? frameworkRoles(framework.info) : roles;
  framework.filters.clear(revived);
  for (const role of revived) framework.suppressedRoles.delete(role);
  master.offers.allocateSoon();
}

export function suppress(master: Master, framework: FrameworkRecord, roles: readonly string[]): void {
  master.counters.count('messages_suppress_offers');
  if (!isOneOfItsOwn(master, framework, roles, 'suppression')) return;
  for (const role of roles.length === 0 ? frameworkRoles(framework.info) : roles) framework.suppressedRoles.add(role);
}

/** One role that is wrong drops the call, as upstream; the call is answered with 202 all the same. */
function isOneOfItsOwn(
  master: Master,
  framework: FrameworkRecord,
  roles: readonly string[],
  what: 'revive' | 'suppression',
): boolean {
  const own = new Set(frameworkRoles(framework.info));
  for (const role of roles) {
    const problem = validateRole(role);
    const why = problem === undefined ? "is not one of the frameworks's subscribed roles" : `is invalid: ${problem}`;
    if (problem === undefined && own.has(role)) continue;
    master.options.logger.warning(`Dropping a call: ${what} role '${role}' ${why}`, { frameworkId: framework.id });
    return false;
  }
  return true;
}

/** The master's `/roles`. @see src/master/readonly_handler.cpp roles */
import { resourcesToState } from '@drydock/mesos';
import { sumOf, type Master } from '../master.ts';
import { offeredTo, rolesOf, usedBy } from './master-state.ts';

/**
 * `*`, and every role that a framework is subscribed with, sorted by name. `resources` are those allocated and offered; a
 * framework gets its offers for the first of its roles. No weights or quotas can be set, so each weight is 1.
 */
export function masterRoles(master: Master): Record<string, unknown> {
  const frameworks = [...master.registry.frameworks.values()];
  const names = new Set(['*', ...frameworks.flatMap(rolesOf)]);
  const roles = [...names].toSorted().map((name) => {
    const holders = frameworks.filter((framework) => rolesOf(framework)[0] === name);
    const used = sumOf(holders.map(usedBy));
    const offered = sumOf(holders.map(offeredTo));
    return {
      name,
      weight: 1,
      frameworks: frameworks.filter((framework) => rolesOf(framework).includes(name)).map(({ id }) => id),
      resources: resourcesToState(sumOf([used, offered])),
      allocated: resourcesToState(used),
      offered: resourcesToState(offered),
      reserved: {},
    };
  });
  return { roles };
}

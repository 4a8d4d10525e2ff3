/** The master's `/roles`. @see src/master/readonly_handler.cpp roles */
import { resourcesToState } from '@drydock/mesos';
import { sumOf, type Master } from '../master.ts';
import { rolesOfMaster } from '../operator-api/master-answers.ts';

/**
 * `*`, and every role that a framework is subscribed with, sorted by name. `resources` are those allocated and offered; a
 * framework gets its offers for the first of its roles. No weights or quotas can be set, so each weight is 1.
 */
export function masterRoles(master: Master): Record<string, unknown> {
  const roles = rolesOfMaster(master).map(({ name, frameworks, used, offered }) => ({
    name,
    weight: 1,
    frameworks,
    resources: resourcesToState(sumOf([used, offered])),
    allocated: resourcesToState(used),
    offered: resourcesToState(offered),
    reserved: {},
  }));
  return { roles };
}

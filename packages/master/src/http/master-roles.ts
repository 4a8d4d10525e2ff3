/** The master's `/roles`. @see src/master/readonly_handler.cpp roles */
import { resourcesToState } from '@drydock/mesos';
import { sumOf, type Master } from '../master.ts';
import { roleShares } from '../role-shares.ts';

/** `resources` are those allocated and offered. No weights or quotas can be set, so each weight is 1. */
export function masterRoles({ registry }: Master): Record<string, unknown> {
  const roles = roleShares(registry).map(({ name, frameworks, used, offered }) => ({
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

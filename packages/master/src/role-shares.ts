/** What is held in each role. @see src/master/master.cpp Master::Http::roles, Framework::trackUnderRole */
import { frameworkRoles, type Resource } from '@drydock/mesos';
import { holdersOf } from './framework-share.ts';
import { sumOf, type Registry } from './registry.ts';

export interface RoleShare {
  readonly name: string;
  /** Ids of those that are subscribed with the role, or still hold something in it. */
  readonly frameworks: readonly string[];
  /** Held by tasks and executors. */
  readonly used: readonly Resource[];
  /** Held by offers. */
  readonly offered: readonly Resource[];
}

/** Of `*`, and of every role that a framework is subscribed with or holds something in, sorted by name. */
export function roleShares(registry: Registry): readonly RoleShare[] {
  const parts = new Map<string, Part>([['*', emptyPart()]]);
  const partOf = (role: string, frameworkId: string): Part => {
    const part = parts.get(role) ?? emptyPart();
    parts.set(role, part);
    part.frameworks.add(frameworkId);
    return part;
  };
  for (const framework of registry.frameworks.values()) {
    for (const role of frameworkRoles(framework.info)) partOf(role, framework.id);
    for (const { role, info } of holdersOf(framework)) partOf(role, framework.id).used.push(info.resources);
    for (const { role, resources } of framework.offers.values()) partOf(role, framework.id).offered.push(resources);
  }
  const sorted = [...parts].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([name, { frameworks, used, offered }]) => {
    return { name, frameworks: [...frameworks], used: sumOf(used), offered: sumOf(offered) };
  });
}

interface Part {
  readonly frameworks: Set<string>;
  readonly used: (readonly Resource[] | undefined)[];
  readonly offered: (readonly Resource[])[];
}

const emptyPart = (): Part => ({ frameworks: new Set(), used: [], offered: [] });

import type { FrameworkInfo } from '../v1.ts';

/** The roles that a framework is subscribed with; the first one gets its offers. */
export function frameworkRoles(info: FrameworkInfo): readonly string[] {
  return info.roles !== undefined && info.roles.length > 0 ? info.roles : [info.role ?? '*'];
}

/** `roles` of a framework that may have several, `role` of any other: as the legacy endpoints show them. */
export function rolesToState(info: FrameworkInfo): { roles: readonly string[] } | { role: string } {
  const isMultiRole = (info.capabilities ?? []).some(({ type }) => type === 'MULTI_ROLE');
  return isMultiRole ? { roles: info.roles ?? [] } : { role: info.role ?? '*' };
}

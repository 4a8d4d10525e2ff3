import type { FrameworkInfo } from '../v1.ts';

/** The roles that a framework is subscribed with. One with MULTI_ROLE may have none. */
export function frameworkRoles(info: FrameworkInfo): readonly string[] {
  const isMultiRole = (info.capabilities ?? []).some(({ type }) => type === 'MULTI_ROLE');
  return isMultiRole ? (info.roles ?? []) : [info.role ?? '*'];
}

/** `roles` of a framework that may have several, `role` of any other: as the legacy endpoints show them. */
export function rolesToState(info: FrameworkInfo): { roles: readonly string[] } | { role: string } {
  const isMultiRole = (info.capabilities ?? []).some(({ type }) => type === 'MULTI_ROLE');
  return isMultiRole ? { roles: info.roles ?? [] } : { role: info.role ?? '*' };
}

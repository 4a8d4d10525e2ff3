/** What a framework may say of itself, in upstream's words. @see src/master/validation.cpp, src/common/roles.cpp */
import type { FrameworkInfo, OfferFilters } from '../v1.ts';
import { validateId } from './validate-id.ts';

/** What a framework is held against. */
export interface FrameworkValidationContext {
  /** `--roles`: the only ones that there are; without it any. */
  readonly roles?: readonly string[];
  /** `--root_submissions`. */
  readonly isRootAllowed: boolean;
}

/** Why a framework that wants to subscribe is refused, or undefined when it is good. */
export function validateFramework(info: FrameworkInfo, context: FrameworkValidationContext): string | undefined {
  return (
    validateRoles(info) ??
    // An empty id counts as none; any other becomes the name of a directory on the agents.
    (info.id === undefined || info.id.value === '' ? undefined : validateId(info.id.value)) ??
    validateOfferFilters(Object.values(info.offer_filters ?? {})) ??
    validateFailoverTimeout(info.failover_timeout ?? 0) ??
    validateListedRoles(info, context.roles) ??
    (info.user === 'root' && !context.isRootAllowed
      ? "User 'root' is not allowed to run frameworks without --root_submissions set"
      : undefined)
  );
}

/** Why a framework cannot become what it says now, or undefined. */
export function validateFrameworkUpdate(before: FrameworkInfo, after: FrameworkInfo): string | undefined {
  if (before.principal !== after.principal) return "Changing framework's principal is not allowed.";
  if (before.user !== after.user) {
    return `Updating 'FrameworkInfo.user' is unsupported; attempted to update from '${before.user}' to '${after.user}'`;
  }
  const [was = false, is = false] = [before.checkpoint, after.checkpoint];
  return was === is
    ? undefined
    : `Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '${was}' to '${is}'`;
}

/** Why a framework with `roles` cannot suppress offers for `suppressed`, or undefined. */
export function validateSuppressedRoles(roles: readonly string[], suppressed: readonly string[]): string | undefined {
  const others = [...new Set(suppressed).difference(new Set(roles))];
  return others.length === 0
    ? undefined
    : `Suppressed roles ${formatSet(others)} are not contained in the set of roles`;
}

/** Why a role cannot have that name, or undefined. */
export function validateRole(role: string): string | undefined {
  if (role === '*') return undefined;
  if (role.startsWith('/')) return `Role '${role}' cannot start with a slash`;
  if (role.endsWith('/')) return `Role '${role}' cannot end with a slash`;
  if (role.includes('//')) return `Role '${role}' cannot contain two adjacent slashes`;
  if (role === '') return 'Role names cannot be the empty string';
  for (const component of role.split('/')) {
    if (component === '.' || component === '..' || component === '*') {
      return `Role '${role}' cannot include '${component}' as a component`;
    }
    if (component.startsWith('-')) return `Role component '${component}' is invalid because it starts with a dash`;
    if (/[\t\n\v\f\r \u007F]/.test(component)) {
      return `Role component '${component}' is invalid because it contains backspace or whitespace`;
    }
  }
  return undefined;
}

function isMultiRole(info: FrameworkInfo): boolean {
  return (info.capabilities ?? []).some(({ type }) => type === 'MULTI_ROLE');
}

function validateRoles(info: FrameworkInfo): string | undefined {
  const { role, roles = [] } = info;
  if (!isMultiRole(info)) {
    if (roles.length > 0) {
      return "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable";
    }
    const problem = validateRole(role ?? '*');
    return problem === undefined ? undefined : `'FrameworkInfo.role' is not a valid role: ${problem}`;
  }
  if (role !== undefined) {
    return "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable";
  }
  const duplicates = duplicatesOf(roles);
  if (duplicates.length > 0) return `'FrameworkInfo.roles' contains duplicate items: ${formatSet(duplicates)}`;
  for (const one of roles) {
    const problem = validateRole(one);
    if (problem !== undefined) return `'FrameworkInfo.roles' contains invalid role: ${problem}`;
  }
  return undefined;
}

/** What stands there before, once for each time. */
function duplicatesOf(items: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  return items.filter((one) => seen.size === seen.add(one).size);
}

function validateListedRoles(info: FrameworkInfo, listed: readonly string[] | undefined): string | undefined {
  if (listed === undefined) return undefined;
  const others = (isMultiRole(info) ? (info.roles ?? []) : [info.role ?? '*']).filter((role) => !listed.includes(role));
  return others.length === 0 ? undefined : `Roles ${formatSet(others)} are not present in the master's --roles`;
}

function validateOfferFilters(filters: readonly OfferFilters[]): string | undefined {
  const groups = filters.flatMap(({ min_allocatable_resources: least }) => least?.quantities ?? []);
  for (const { quantities = {} } of groups) {
    const entries = Object.entries(quantities);
    if (entries.length === 0) return 'Resource quantities must contain at least one quantity';
    for (const [name, { value }] of entries) {
      const problem = validateQuantity(value);
      if (problem !== undefined) return `Invalid resource quantity for '${name}': ${problem}`;
    }
  }
  return undefined;
}

function validateQuantity(value: number): string | undefined {
  if (Number.isNaN(value)) return 'NaN not supported';
  if (!Number.isFinite(value)) return 'Infinite values not supported';
  return value < 0 ? 'Negative values not supported' : undefined;
}

/** What fits 64 bits of nanoseconds. */
const SECONDS_MAX = 2 ** 63 / 1e9;

function validateFailoverTimeout(seconds: number): string | undefined {
  return Math.abs(seconds) < SECONDS_MAX
    ? undefined
    : `The framework failover_timeout (${formatDouble(seconds)}) is invalid`;
}

/** As a C++ stream writes it. */
function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const [mantissa = '', exponent = ''] = value.toExponential(5).split('e');
  return `${String(Number(mantissa))}e${exponent}`;
}

/** As upstream writes sets: sorted, in braces. */
function formatSet(items: readonly string[]): string {
  return `{ ${[...new Set(items)].toSorted().join(', ')} }`;
}

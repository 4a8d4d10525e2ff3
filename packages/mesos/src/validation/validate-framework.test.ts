import { describe, expect, it } from 'vitest';
import {
  validateFramework,
  validateFrameworkUpdate,
  validateRole,
  validateSuppressedRoles,
} from './validate-framework.ts';

describe('a role', () => {
  it.each(['*', 'web', 'eng/dev', 'a.b', '...', 'a-b', 'ü'])('may be called %s', (role) => {
    expect(validateRole(role)).toBeUndefined();
  });

  it.each([
    ['', 'Role names cannot be the empty string'],
    ['/a', "Role '/a' cannot start with a slash"],
    ['a/', "Role 'a/' cannot end with a slash"],
    ['a//b', "Role 'a//b' cannot contain two adjacent slashes"],
    ['.', "Role '.' cannot include '.' as a component"],
    ['a/..', "Role 'a/..' cannot include '..' as a component"],
    ['a/*', "Role 'a/*' cannot include '*' as a component"],
    ['-a', "Role component '-a' is invalid because it starts with a dash"],
    ['a/-b', "Role component '-b' is invalid because it starts with a dash"],
    ['a b', "Role component 'a b' is invalid because it contains backspace or whitespace"],
    ['a\u007f', "Role component 'a\u007f' is invalid because it contains backspace or whitespace"],
  ])('may not be called %j', (role, why) => {
    expect(validateRole(role)).toBe(why);
  });
});

describe('a framework', () => {
  const context = { isRootAllowed: true };
  it.each([
    [Number.NaN, 'nan'],
    [Infinity, 'inf'],
    [-Infinity, '-inf'],
    [1e20, '1e+20'],
    [-9.3e9, '-9.3e+9'],
  ])('may not have %s seconds to fail over', (seconds, text) => {
    expect(validateFramework({ user: 'u', name: 'n', failover_timeout: seconds }, context)).toBe(
      `The framework failover_timeout (${text}) is invalid`,
    );
  });

  it.each([0, -1, 1e9, 9.2e9])('may have %s seconds to fail over', (seconds) => {
    expect(validateFramework({ user: 'u', name: 'n', failover_timeout: seconds }, context)).toBeUndefined();
  });

  it('may have an empty id, which is none, and no id that could not name a directory', () => {
    expect(validateFramework({ user: 'u', name: 'n', id: { value: '' } }, context)).toBeUndefined();
    expect(validateFramework({ user: 'u', name: 'n', id: { value: '..' } }, context)).toBe("'..' is disallowed");
  });

  it('may change all but its principal, its user and its checkpointing', () => {
    const before = { user: 'u', name: 'n', checkpoint: false };
    expect(validateFrameworkUpdate(before, { user: 'u', name: 'other', role: 'web' })).toBeUndefined();
    expect(validateFrameworkUpdate(before, { ...before, user: 'v' })).toContain("from 'u' to 'v'");
  });

  it('may not name a role twice, with any number of them', () => {
    const roles = Array.from({ length: 100_000 }, (_, index) => `r${index}`);
    const validate = (more: readonly string[]): string | undefined =>
      validateFramework(
        { user: 'u', name: 'n', roles: [...roles, ...more], capabilities: [{ type: 'MULTI_ROLE' }] },
        context,
      );
    expect(validate([])).toBeUndefined();
    expect(validate(['r7', 'r5', 'r7'])).toBe("'FrameworkInfo.roles' contains duplicate items: { r5, r7 }");
    expect(validateSuppressedRoles(roles, roles.toReversed())).toBeUndefined();
  });

  it('may suppress its own roles', () => {
    expect(validateSuppressedRoles(['a', 'b'], ['b'])).toBeUndefined();
    expect(validateSuppressedRoles(['a'], ['c', 'b', 'c'])).toBe(
      'Suppressed roles { b, c } are not contained in the set of roles',
    );
  });
});

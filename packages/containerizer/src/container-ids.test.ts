import { describe, expect, it } from 'vitest';
import type { ContainerID } from '@drydock/mesos';
import { assertUnambiguous, pathOf, sandboxBelow } from './container-ids.ts';

const nested: ContainerID = { value: 'c', parent: { value: 'b', parent: { value: 'a' } } };

describe('a container id', () => {
  it('names directories below those of its parents', () => {
    expect(pathOf(nested)).toBe('a/containers/b/containers/c');
    expect(sandboxBelow('/runs/a', nested)).toBe('/runs/a/containers/b/containers/c');
  });

  it.each(['', '.', '..', 'a/b', 'a\0b'])('is refused when it is %j', (value) => {
    expect(() => pathOf({ value })).toThrow('Expected a container id that can name a directory');
  });

  it.each([
    [{ value: 'a.b' }, "'ContainerID.value' 'a.b' contains invalid characters"],
    [{ value: 'a b' }, "'ContainerID.value' 'a b' contains invalid characters"],
    [
      { value: 'c', parent: { value: 'a.b' } },
      "'ContainerID.parent' is invalid: 'ContainerID.value' 'a.b' contains invalid characters",
    ],
  ])('is refused at launch when it could be taken for another one: %j', (id, message) => {
    expect(() => assertUnambiguous(id)).toThrow(message);
  });
});

import { messageOf } from '@drydock/base/errors';
import type { ContainerID } from '@drydock/mesos';
import { LaunchFailedError } from './errors.ts';

/**
 * `<parent>/containers/<child>`, as upstream nests directories; one text per container.
 * @throws LaunchFailedError for an id that cannot name a directory
 */
export function pathOf(containerId: ContainerID): string {
  const { value, parent } = containerId;
  if (value === '' || value === '.' || value === '..' || value.includes('/') || value.includes('\0')) {
    throw new LaunchFailedError(`Expected a container id that can name a directory, got '${value}'`);
  }
  return parent === undefined ? value : `${pathOf(parent)}/containers/${value}`;
}

/**
 * Refuses what would make two ids one text, `a.b` is the child `b` of `a`, to the runtime, too.
 * @throws LaunchFailedError
 * @see src/slave/validation.cpp validateContainerId
 */
export function assertUnambiguous({ value, parent }: ContainerID): void {
  if (/[. ]/.test(value)) throw new LaunchFailedError(`'ContainerID.value' '${value}' contains invalid characters`);
  if (parent === undefined) return;
  try {
    assertUnambiguous(parent);
  } catch (error) {
    throw new LaunchFailedError(`'ContainerID.parent' is invalid: ${messageOf(error)}`, { cause: error });
  }
}

/** `<sandbox of the root>/containers/<child>/..`, as upstream nests sandboxes. */
export function sandboxBelow(rootSandbox: string, { value, parent }: ContainerID): string {
  return parent === undefined ? rootSandbox : `${sandboxBelow(rootSandbox, parent)}/containers/${value}`;
}

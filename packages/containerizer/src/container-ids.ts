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

/** 0 without a parent. */
export function depthOf({ parent }: ContainerID): number {
  return parent === undefined ? 0 : 1 + depthOf(parent);
}

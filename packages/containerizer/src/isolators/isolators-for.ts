import type { Isolator } from '@drydock/isolator';
import type { ContainerID } from '@drydock/mesos';

/**
 * Those that are asked about a container: a nested one is no concern of isolators that do not support nesting.
 * @see src/slave/containerizer/mesos/containerizer.cpp isSupportedByIsolator
 */
export function isolatorsFor(isolators: readonly Isolator[], { parent }: ContainerID): readonly Isolator[] {
  return parent === undefined ? isolators : isolators.filter(({ supportsNesting }) => supportsNesting);
}

import { DomainError } from '@drydock/base/errors';
import type { ContainerID, ContainerInfo } from '@drydock/mesos';
import { parseVolumeKey, volumeId, type DriverOption, type VolumeKey } from './volume-key.ts';

/** One Docker volume that a container asks for. */
export interface RequestedVolume {
  readonly key: VolumeKey;
  readonly options: readonly DriverOption[];
  /** As the framework wrote it. */
  readonly containerPath: string;
  readonly isReadOnly: boolean;
}

/** The request itself is wrong; no driver was called. */
export class VolumeRequestError extends DomainError<'VOLUME_REQUEST_INVALID'> {
  readonly code = 'VOLUME_REQUEST_INVALID';
}

/**
 * The Docker volumes of a container, in the framework's order; volumes of other sources are not this isolator's.
 * @throws VolumeRequestError, InvalidVolumeKeyError
 * @see DockerVolumeIsolatorProcess::prepare
 */
export function requestedVolumes(
  containerId: ContainerID,
  container: ContainerInfo | undefined,
): readonly RequestedVolume[] {
  if (container === undefined) return [];
  if (container.type !== 'MESOS') {
    throw new VolumeRequestError('Can only prepare docker volume driver for a MESOS container');
  }
  const seen = new Set<string>();
  const requested: RequestedVolume[] = [];
  for (const volume of container.volumes ?? []) {
    if (volume.source?.type !== 'DOCKER_VOLUME') continue;
    const { docker_volume: docker } = volume.source;
    if (docker === undefined) {
      throw new VolumeRequestError("Invalid volume: 'source.docker_volume' is not set for DOCKER_VOLUME volume");
    }
    if (docker.driver === undefined || docker.driver === '') {
      throw new VolumeRequestError(
        `The volume driver is not specified for volume '${docker.name}' with container ${containerId.value}`,
      );
    }
    const key = parseVolumeKey(docker.driver, docker.name);
    if (seen.has(volumeId(key))) {
      throw new VolumeRequestError(`Found duplicate docker volume with driver '${key.driver}' and name '${key.name}'`);
    }
    seen.add(volumeId(key));
    requested.push({
      key,
      // DEVIATION: upstream collects options in a hash map; here order and duplicates are kept.
      options: (docker.driver_options?.parameter ?? []).map(({ key: name, value }) => ({ key: name, value })),
      containerPath: volume.container_path,
      isReadOnly: volume.mode === 'RO',
    });
  }
  return requested;
}

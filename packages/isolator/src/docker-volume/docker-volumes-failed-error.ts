import { DomainError } from '@drydock/base/errors';

/** One or more volumes of a container could not be mounted or unmounted; the message joins what upstream would. */
export class DockerVolumesFailedError extends DomainError<'DOCKER_VOLUMES_FAILED'> {
  readonly code = 'DOCKER_VOLUMES_FAILED';
}

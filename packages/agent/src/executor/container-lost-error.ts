import { DomainError } from '@drydock/base/errors';

/** A container of an earlier agent has no process any more; the message is for the framework. */
export class ContainerLostError extends DomainError<'CONTAINER_LOST'> {
  readonly code = 'CONTAINER_LOST';
}

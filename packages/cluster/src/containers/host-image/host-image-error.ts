import { DomainError } from '@drydock/base/errors';

/** The image of a host cannot be made; the message says why. */
export class HostImageError extends DomainError<'HOST_IMAGE'> {
  readonly code = 'HOST_IMAGE';
}

import { DomainError } from '@drydock/base/errors';

/** An image cannot be had; the message is what follows `Failed to launch container: `. */
export class ImageError extends DomainError<'IMAGE_FAILED'> {
  readonly code = 'IMAGE_FAILED';
}

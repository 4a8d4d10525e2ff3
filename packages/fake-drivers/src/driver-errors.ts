/** The refusals of a driver; every message is in the words of its profile. */
import { DomainError } from '@drydock/base/errors';

/** The driver does not know the volume. */
export class UnknownVolumeError extends DomainError<'UNKNOWN_VOLUME'> {
  readonly code = 'UNKNOWN_VOLUME';
  readonly volume: string;

  constructor(volume: string, message: string) {
    super(message);
    this.volume = volume;
  }
}

/** The volume cannot be removed while it is mounted. */
export class VolumeMountedError extends DomainError<'VOLUME_MOUNTED'> {
  readonly code = 'VOLUME_MOUNTED';
}

/** The driver does not take that name, size or option. */
export class BadVolumeError extends DomainError<'BAD_VOLUME'> {
  readonly code = 'BAD_VOLUME';
}

/** The call does not fit the state of the volume: it exists, is mounted by that id, is not mounted ... */
export class VolumeStateError extends DomainError<'VOLUME_STATE'> {
  readonly code = 'VOLUME_STATE';
}

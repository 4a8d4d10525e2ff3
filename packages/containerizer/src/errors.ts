import { DomainError } from '@drydock/base/errors';

/** The containerizer cannot be created; the message is complete, as the agent prints it. */
export class CreateContainerizerError extends DomainError<'CREATE_CONTAINERIZER_FAILED'> {
  readonly code = 'CREATE_CONTAINERIZER_FAILED';

  constructor(why: string, options?: ErrorOptions) {
    super(`Failed to create a containerizer: Could not create MesosContainerizer: ${why}`, options);
  }
}

/** A container cannot be launched as asked for; the message is what follows `Failed to launch container: `. */
export class LaunchFailedError extends DomainError<'LAUNCH_FAILED'> {
  readonly code = 'LAUNCH_FAILED';
}

/** A container with this id is there; an operator that asked for it has what it asked for. */
export class AlreadyLaunchedError extends DomainError<'ALREADY_LAUNCHED'> {
  readonly code = 'ALREADY_LAUNCHED';

  constructor(containerId: string) {
    super(`Container '${containerId}' is already launched`);
  }
}

/** The container was destroyed before its launch was complete. */
export class DestroyedDuringLaunchError extends DomainError<'DESTROYED_DURING_LAUNCH'> {
  readonly code = 'DESTROYED_DURING_LAUNCH';
  readonly phase: string;

  constructor(phase: string) {
    super(`Container destroyed during ${phase}`);
    this.phase = phase;
  }
}

/** The container is gone, but not everything that belonged to it could be cleaned up; the message has all of it. */
export class DestroyFailedError extends DomainError<'DESTROY_FAILED'> {
  readonly code = 'DESTROY_FAILED';
}

/** The remains of a nested container cannot be removed. */
export class RemoveFailedError extends DomainError<'REMOVE_FAILED'> {
  readonly code = 'REMOVE_FAILED';
}

/** The limits of a container cannot be changed; the message is the runtime's. */
export class UpdateFailedError extends DomainError<'UPDATE_FAILED'> {
  readonly code = 'UPDATE_FAILED';
}

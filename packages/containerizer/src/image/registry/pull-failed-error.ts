import { DomainError } from '@drydock/base/errors';
import type { RegistryFailure } from './registry-error.ts';

/** An image cannot be had from its registry; the message is what follows `Failed to launch container: `. */
export class PullFailedError extends DomainError<'PULL_FAILED'> {
  readonly code = 'PULL_FAILED';
  readonly image: string;
  /** Scheme, host and port. */
  readonly registry: string;
  readonly failure: RegistryFailure;

  constructor(
    facts: { readonly image: string; readonly registry: string; readonly failure: RegistryFailure },
    why: string,
    options?: ErrorOptions,
  ) {
    super(`Failed to pull image '${facts.image}' from '${facts.registry}': ${why}`, options);
    this.image = facts.image;
    this.registry = facts.registry;
    this.failure = facts.failure;
  }
}

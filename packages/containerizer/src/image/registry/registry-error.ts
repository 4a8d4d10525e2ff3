import { DomainError } from '@drydock/base/errors';

/**
 * Why a registry does not give an image: nobody answers, or only with failures; it asks for other credentials; it does not
 * have it; what it has is not what its digest or size says; or it is of a kind that cannot be used here.
 */
export type RegistryFailure = 'unreachable' | 'unauthorized' | 'not-found' | 'refused' | 'damaged' | 'unsupported';

/** A registry does not give what it was asked for. */
export class RegistryError extends DomainError<'REGISTRY_FAILED'> {
  readonly code = 'REGISTRY_FAILED';
  readonly failure: RegistryFailure;

  constructor(failure: RegistryFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

/** It may go better the next time. */
export class TransientError extends DomainError<'TRANSIENT'> {
  readonly code = 'TRANSIENT';
  /** What the registry asked to wait. */
  readonly retryAfterMs: number;

  constructor(message: string, options: ErrorOptions & { readonly retryAfterMs?: number } = {}) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}

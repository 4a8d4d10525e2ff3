import { DomainError } from '@drydock/base/errors';

/** A flag's value cannot be used; the text is upstream's, after `EXIT with status 1: `. */
export class ExecuteFlagError extends DomainError<'EXECUTE_FLAG'> {
  readonly code = 'EXECUTE_FLAG';
  /** Whether upstream prints the usage as well. */
  readonly isUsage: boolean;

  constructor(message: string, options: ErrorOptions & { readonly isUsage?: boolean } = {}) {
    super(message, options);
    this.isUsage = options.isUsage ?? false;
  }
}

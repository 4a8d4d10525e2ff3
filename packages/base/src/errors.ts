/**
 * Two kinds of errors. A programmer error is an `assert` that fails: the process should crash. An operating error is a
 * `DomainError` subclass, thrown and handled; callers branch on `code`, never on the text.
 */

/** An operating error. Subclasses add readonly facts; `cause` keeps the original. */
export abstract class DomainError<Code extends string = string> extends Error {
  abstract readonly code: Code;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A broken assumption of this program. Never caught on purpose. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Ends a `switch` over a closed set. */
export function assertNever(value: never): never {
  throw new AssertionError(`Unexpected value: ${JSON.stringify(value)}`);
}

/** The text of anything thrown; several errors are joined with `; ` as upstream joins the failures of a clean-up. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a system error (`ENOENT`), or undefined. */
export function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** How a check can end other than well. Everything else that is thrown is an error of the harness, never the driver's. */
import { DomainError } from '@drydock/base/errors';
import {
  DriverError,
  NotVolumeDriverError,
  PluginConnectionLostError,
  PluginReplyError,
  PluginStatusError,
  PluginTimeoutError,
  PluginUnreachableError,
  VolumeUnavailableError,
} from '@drydock/volume-plugin';

/** From what never ran to what could not be judged: the worst of several counts. */
export const statuses = ['disabled', 'skip', 'pass', 'fail', 'error'] as const;
export type CheckStatus = (typeof statuses)[number];

/** The driver does not do what the check demands. */
export class CheckFailedError extends DomainError<'CHECK_FAILED'> {
  readonly code = 'CHECK_FAILED';
  readonly expected: string;
  readonly got: string;
  /** The answer that is wrong; default: the last one. */
  readonly answer: { readonly method: string; readonly text: string } | undefined;

  constructor(
    facts: {
      readonly expected: string;
      readonly got: string;
      readonly answer?: { readonly method: string; readonly text: string };
    },
    options?: ErrorOptions,
  ) {
    super(`expected ${facts.expected}, got ${facts.got}`, options);
    this.expected = facts.expected;
    this.got = facts.got;
    this.answer = facts.answer;
  }
}

/** The suite could not judge; the driver is not to blame. */
export class HarnessError extends DomainError<'HARNESS'> {
  readonly code = 'HARNESS';
  /** What to do about it. */
  readonly remedy: string;

  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(`${message}; ${remedy}`, options);
    this.remedy = remedy;
  }
}

/** Why the driver's answer, or the lack of one, is the driver's doing; undefined for an error of the harness. */
export function driverFault(error: unknown): CheckFailedError | undefined {
  if (error instanceof CheckFailedError) return error;
  const cause = error instanceof VolumeUnavailableError ? error.cause : error;
  const failed = (got: string): CheckFailedError =>
    new CheckFailedError({ expected: 'the call to succeed', got }, { cause });
  if (cause instanceof DriverError) return failed(`Err ${JSON.stringify(cause.message)}`);
  if (cause instanceof PluginStatusError) {
    return failed(`${cause.method} status ${cause.status}, ${JSON.stringify(cause.message)}`);
  }
  if (cause instanceof PluginReplyError) return failed(`an answer that no client can read: ${cause.message}`);
  if (cause instanceof PluginConnectionLostError) return failed(`no answer: ${cause.message}`);
  if (cause instanceof PluginUnreachableError) return failed(`no connection: ${cause.message}`);
  if (cause instanceof PluginTimeoutError) return failed(cause.message);
  if (cause instanceof NotVolumeDriverError) return failed('a plugin that is no VolumeDriver');
  if (error instanceof VolumeUnavailableError) return failed(error.message);
  return undefined;
}

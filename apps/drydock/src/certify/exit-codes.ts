import { DomainError, messageOf } from '@drydock/base/errors';

/** What a script is told. */
export const exitCodes = { granted: 0, refused: 1, usage: 2, harness: 3 } as const;

/** The command was not given what it needs. */
export class CertifyUsageError extends DomainError<'CERTIFY_USAGE'> {
  readonly code = 'CERTIFY_USAGE';
}

const usageCodes: readonly string[] = ['CERTIFY_USAGE', 'BAD_MANIFEST', 'SECRET_MISSING'];

/** Runs a command; what it throws becomes a line and an exit code. */
export async function asExitCode(work: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await work();
  } catch (error) {
    process.stderr.write(`drydock: ${messageOf(error)}\n`);
    const isUsage = error instanceof DomainError && usageCodes.includes(error.code);
    process.exitCode = isUsage ? exitCodes.usage : exitCodes.harness;
  }
}

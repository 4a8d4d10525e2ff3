import type { CertificationResult, CheckResult } from '@drydock/certification';
import { Command } from 'commander';
import { asExitCode, exitCodes } from './exit-codes.ts';
import { readResult } from './read-result.ts';

interface Change {
  readonly check: string;
  readonly before: CheckResult['status'] | 'absent';
  readonly after: CheckResult['status'] | 'absent';
  readonly reason?: string;
}

/** `drydock certify diff` */
export function diffCommand(): Command {
  return new Command('diff')
    .description('Compares two results; exit 1 when something passed in the first and does not in the second')
    .argument('<a>', 'the earlier result, a directory')
    .argument('<b>', 'the later result')
    .option('--json', 'print one JSON array')
    .action(async (a: string, b: string, flags: { readonly json?: boolean }) => {
      await asExitCode(async () => {
        const [before, after] = [await readResult(a), await readResult(b)];
        const { nameOf } = await import('@drydock/certification');
        const changes = changesBetween(byName(before, nameOf), byName(after, nameOf));
        process.stdout.write(flags.json === true ? `${JSON.stringify(changes, undefined, 2)}\n` : print(changes));
        return changes.some(isRegression) ? exitCodes.refused : exitCodes.granted;
      });
    });
}

type ByName = ReadonlyMap<string, CheckResult>;

function changesBetween(had: ByName, has: ByName): readonly Change[] {
  return [...new Set([...had.keys(), ...has.keys()])].flatMap((check) => {
    const [from, to] = [had.get(check), has.get(check)];
    if (from?.status === to?.status) return [];
    const reason = to?.reason;
    return [
      {
        check,
        before: from?.status ?? ('absent' as const),
        after: to?.status ?? ('absent' as const),
        ...(reason === undefined ? {} : { reason }),
      },
    ];
  });
}

function byName({ checks }: CertificationResult, nameOf: (check: CheckResult) => string): ByName {
  return new Map(checks.map((check) => [nameOf(check), check]));
}

function isRegression({ before, after }: Change): boolean {
  return before === 'pass' && after !== 'pass';
}

function print(changes: readonly Change[]): string {
  if (changes.length === 0) return 'No check differs\n';
  const lines = changes.map((change) => {
    const { check, before, after, reason } = change;
    const mark = isRegression(change) ? 'worse ' : after === 'pass' ? 'better' : 'other ';
    return `${mark}  ${check}: ${before} -> ${after}${reason === undefined ? '' : ` (${reason})`}`;
  });
  return `${lines.join('\n')}\n`;
}

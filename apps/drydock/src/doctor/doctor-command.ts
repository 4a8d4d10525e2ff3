import { styleText } from 'node:util';
import { messageOf } from '@drydock/base/errors';
import { Command } from 'commander';
import { probes } from './probes.ts';

/** One line of the diagnosis; `--json` prints them. */
interface Finding {
  readonly name: string;
  readonly isAvailable: boolean;
  /** Without it the scenario cannot run. */
  readonly isRequired: boolean;
  /** Its version, or where it is. */
  readonly detail?: string;
  readonly problem?: string;
  readonly cost?: string;
  readonly remedy?: string;
}

/** `drydock doctor` */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Says what this machine can do, and what each missing thing costs; exit 0 when the scenario can run')
    .option('--json', 'print one JSON object on stdout')
    .action(async (flags: { readonly json?: boolean }) => {
      const findings = await diagnose();
      const canRunScenario = findings.every(({ isAvailable, isRequired }) => isAvailable || !isRequired);
      if (flags.json === true) process.stdout.write(`${JSON.stringify({ canRunScenario, findings }, undefined, 2)}\n`);
      else print(findings, canRunScenario);
      process.exitCode = canRunScenario ? 0 : 1;
    });
}

/** One after the other: two probes that mount do not get in each other's way, and all take well under a second. */
async function diagnose(): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const { name, isRequired, cost, remedy, tryIt } of probes()) {
    try {
      const detail = (await tryIt()).trim();
      findings.push({ name, isAvailable: true, isRequired, ...(detail === '' ? {} : { detail }) });
    } catch (error) {
      findings.push({ name, isAvailable: false, isRequired, problem: messageOf(error), cost, remedy });
    }
  }
  return findings;
}

function print(findings: readonly Finding[], canRunScenario: boolean): void {
  const style = (format: Parameters<typeof styleText>[0], text: string): string =>
    process.stdout.isTTY ? styleText(format, text) : text;
  const width = Math.max(...findings.map(({ name }) => name.length));
  for (const { name, isAvailable, isRequired, detail, problem, cost, remedy } of findings) {
    const mark = isAvailable
      ? style('green', 'ok     ')
      : style(isRequired ? 'red' : 'yellow', isRequired ? 'MISSING' : 'missing');
    const margin = ' '.repeat(9);
    const why = isAvailable ? (detail ?? '') : `${problem}\n${margin}costs: ${cost}\n${margin}remedy: ${remedy}`;
    process.stdout.write(`${mark}  ${why === '' ? name : `${name.padEnd(width)}  ${why}`}\n`);
  }
  const verdict = canRunScenario ? style('green', 'can') : style('red', 'cannot');
  process.stdout.write(`\nThis machine ${verdict} run the scenario\n`);
}

/** `npm run certify-mutants`: every certification check against drivers that are broken so that it must fail. */
import { parseArgs } from 'node:util';
import { catalogue, hasBody } from '../packages/certification/src/index.ts';
import { mutants, runFaithful, runMutant, type MutantOutcome } from '../packages/certification/src/mutants/index.ts';

const USAGE = `Run the checks of drydock certify against broken drivers: each must fail the check that it is made for, and no other of its group

Usage:
  npm run certify-mutants [-- flags] [CHECK or GROUP ...]

Flags:
      --json   Print the outcomes as JSON
  -h, --help   Print this help

Exits 1 when a check survives, or has no mutant. The last line counts: N checks, K killed, S survivors
`;

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  allowPositionals: true,
});
if (values.help === true) process.stdout.write(USAGE);
else process.exitCode = await main(positionals.map((word) => word.toUpperCase()));

async function main(wanted: readonly string[]): Promise<number> {
  const isWanted = (id: string): boolean =>
    wanted.length === 0 || wanted.includes(id) || wanted.includes(id.split('-')[0] ?? id);
  const checks = catalogue.filter(({ id, tier }) => hasBody(id) && isWanted(id) && tier !== 'suite');
  if (checks.length === 0) throw new Error(`Expected checks or groups that run, got ${wanted.join(' ')}`);
  for (const group of new Set(checks.map(({ id }) => id.split('-')[0] ?? id))) await mustBeFaithful(group);
  const outcomes: MutantOutcome[] = [];
  for (const { id } of checks) {
    const own = mutants.filter(({ check }) => check === id);
    if (own.length === 0) outcomes.push({ check: id, fault: 'none', isKilled: false, failed: [], reason: 'no mutant' });
    for (const mutant of own) {
      const { fault, needsRoot = false } = mutant;
      if (!needsRoot || process.geteuid?.() === 0) outcomes.push(await runMutant(mutant));
      else outcomes.push({ check: id, fault, isKilled: false, failed: [], reason: 'it mounts: run this as root' });
    }
    for (const outcome of outcomes.slice(-Math.max(own.length, 1))) process.stderr.write(`${line(outcome)}\n`);
  }
  if (values.json === true) console.log(JSON.stringify(outcomes, undefined, 2));
  else for (const outcome of outcomes) console.log(line(outcome));
  const survivors = new Set(outcomes.filter(({ isKilled }) => !isKilled).map(({ check }) => check));
  console.log(`${checks.length} checks, ${checks.length - survivors.size} killed, ${survivors.size} survivors`);
  return survivors.size === 0 ? 0 : 1;
}

/** Against the driver without a fault nothing may fail, or no mutant of the group means anything. */
async function mustBeFaithful(group: string): Promise<void> {
  const { checks } = await runFaithful(group);
  const bad = checks.filter(({ status }) => status === 'fail' || status === 'error');
  if (bad.length === 0) return;
  const told = bad.map(({ id, client = '', status, reason }) => `${id} ${client} ${status}: ${reason}`).join('\n  ');
  throw new Error(`Expected the driver without a fault to pass ${group}:\n  ${told}`);
}

function line({ check, fault, isKilled, reason }: MutantOutcome): string {
  return `${isKilled ? 'killed  ' : 'SURVIVES'}  ${check}  ${fault}${reason === undefined ? '' : `: ${reason}`}`;
}

/** `npm run isolator-mutants [-- --quick]`: every deliberate fault in the isolator, and what notices it. */
import { parseArgs } from 'node:util';
import { mutants } from './isolator-mutants/mutants.ts';
import { CONTROL, runMutant, type MutantOutcome } from './isolator-mutants/run-mutant.ts';

const USAGE = `Apply deliberate faults to a copy of the docker/volume isolator, one at a time, and see what notices each

Usage:
  npm run isolator-mutants [-- flags]

Flags:
      --json   Print the outcomes as JSON
  -h, --help   Print this help

Exits 1 when a fault survives. The last line counts: N mutants, K killed, S survivors
`;

/** More than one at a time, since each waits for a process most of its time. */
const SLOT_COUNT = 2;

const { values } = parseArgs({ options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } });
if (values.help === true) {
  process.stdout.write(USAGE);
} else {
  const control = await runMutant(CONTROL, 0);
  if (control.killedBy !== undefined)
    throw new Error(`Expected an unchanged copy to pass, its ${control.killedBy} fails`);
  const outcomes: MutantOutcome[] = [];
  const rest = mutants.entries();
  const work = async (slot: number): Promise<void> => {
    for (const [index, mutant] of rest) {
      const outcome = await runMutant(mutant, slot);
      outcomes[index] = outcome;
      process.stderr.write(`${outcome.killedBy ?? 'SURVIVES'}: ${mutant.name}\n`);
    }
  };
  await Promise.all(Array.from({ length: SLOT_COUNT }, async (_, slot) => await work(slot)));
  const survivors = outcomes.filter(({ killedBy }) => killedBy === undefined);
  if (values.json === true) console.log(JSON.stringify(outcomes, undefined, 2));
  else for (const { name, killedBy } of outcomes) console.log(`${(killedBy ?? 'SURVIVES').padEnd(12)}${name}`);
  console.log(
    `${outcomes.length} mutants, ${outcomes.length - survivors.length} killed, ${survivors.length} survivors`,
  );
  process.exitCode = survivors.length === 0 ? 0 : 1;
}

/** `npm run simulate -- --seeds N [--seed S]`: plays seeds of the simulation of the docker/volume isolator. */
import { parseArgs } from 'node:util';
import { playSeeds, type SimulationFinding } from '@drydock/isolator/simulation';

const USAGE = `Play the docker/volume isolator on a simulated machine: random containers, slow, failing, hanging and lying
drivers, full disks, crashes and restarts at any effect. After each step: a volume is mounted while a running container
holds it, a durable checkpoint says so, one call is under way per volume, nothing waits for ever; at the end nothing is left.

Usage:
  npm run simulate -- --seeds N [flags]

Flags:
      --seeds N   How many seeds to play (default 1000)
      --seed S    The first of them (default 1); with --seeds 1 it plays one seed again
      --json      Print the report as JSON
  -h, --help      Print this help

Exits 1 when a seed breaks a rule, and shows the shortest run that was found to do so.
`;

function toCount(flag: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`Expected ${flag} to be a whole number, got '${text}'; see --help`);
}

function print({ seed, violations, history }: SimulationFinding): void {
  console.log(`Seed ${seed} breaks a rule:`);
  for (const line of history) console.log(`  ${line}`);
  for (const violation of violations) console.log(`Violation: ${violation}`);
  console.log(`Again: npm run simulate -- --seeds 1 --seed ${seed}\n`);
}

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help === true) {
  process.stdout.write(USAGE);
} else {
  const seedCount = toCount('--seeds', values.seeds, 1_000);
  const startedAt = performance.now();
  const report = await playSeeds({
    firstSeed: toCount('--seed', values.seed, 1),
    seedCount,
    onProgress: (played) => {
      if (played % 1_000 === 0) process.stderr.write(`simulate: ${played} of ${seedCount}\n`);
    },
  });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const violationCount = report.findings.reduce((sum, { violations }) => sum + violations.length, 0);
  if (values.json === true) {
    console.log(JSON.stringify(report, undefined, 2));
  } else {
    report.findings.forEach(print);
    console.log(`in ${seconds} s`);
    console.log(`${report.seedCount} seeds, ${report.stepCount} steps, ${violationCount} violations`);
  }
  process.exitCode = report.findings.length === 0 ? 0 : 1;
}

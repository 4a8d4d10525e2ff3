/** `npm run fuzz -- TARGET [--count N] [--seed S]`: feeds seeded hostile inputs to one of the targets in `tools/fuzz`. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { FuzzReport, FuzzTarget } from './fuzz-frame.ts';
import { namedModules } from './named-modules.ts';

const DEFAULT_COUNT = 2_000;
const targets = namedModules<FuzzTarget>(join(import.meta.dirname, 'fuzz'), 'target');

async function usage(): Promise<string> {
  return `Feed hostile inputs, drawn from a seed, to a part of Drydock

Usage:
  npm run fuzz -- TARGET [flags]

Targets:
${await targets.describe()}
Flags:
      --count N    How many inputs (default ${DEFAULT_COUNT})
      --seed S     Draw the inputs of an earlier run again (default: a new seed)
      --path P     With --seed: only the input that an earlier run found
      --json       Print the report as JSON
  -h, --help       Print this help

Exits 1 when an input breaks a rule: a crash, a hang, memory that grows, the wrong class of error.
`;
}

function toInteger(flag: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new Error(`Expected ${flag} to be a whole number, got '${text}'`);
}

function print(name: string, report: FuzzReport): void {
  const rows = Object.entries(report.classes).sort(([, a], [, b]) => b - a);
  for (const [outcome, count] of rows) console.log(`${String(count).padStart(9)}  ${outcome}`);
  for (const [fact, value] of Object.entries(report.facts)) console.log(`${fact}: ${value}`);
  if (report.finding !== undefined) {
    const { message, input, path } = report.finding;
    console.log(`\nFinding: ${message}\n`);
    if (input !== undefined) console.log(`Input: ${input}\n`);
    if (path !== undefined)
      console.log(`Again: npm run fuzz -- ${name} --count 1 --seed ${report.seed} --path ${path}\n`);
  }
  const seconds = (report.durationMs / 1000).toFixed(1);
  const findings = report.finding === undefined ? 0 : 1;
  console.log(`${report.fedCount} inputs of seed ${report.seed} in ${seconds} s, ${findings} findings`);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      count: { type: 'string' },
      seed: { type: 'string' },
      path: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) {
    console.log(await usage());
    return 0;
  }
  const [name = '', ...more] = positionals;
  if (!targets.names.includes(name) || more.length > 0) {
    throw new Error(`Expected one target of ${targets.names.join(', ')}, got '${positionals.join(' ')}'; see --help`);
  }
  const count = toInteger('--count', values.count, DEFAULT_COUNT);
  const seed = toInteger('--seed', values.seed, Math.floor(Math.random() * 2 ** 31));
  const target = await targets.load(name);
  // Told before, because an input may end this process.
  process.stderr.write(`fuzz: ${name}, ${count} inputs of seed ${seed}\n`);
  const report = await target.run({
    count,
    seed,
    ...(values.path === undefined ? {} : { path: values.path }),
    onProgress: (fed) => {
      if (fed % 10_000 === 0) process.stderr.write(`fuzz: ${fed} of ${count}\n`);
    },
  });
  if (values.json === true) console.log(JSON.stringify({ target: name, ...report }, undefined, 2));
  else print(name, report);
  return report.finding === undefined ? 0 : 1;
}

main().then(
  (exitCode) => (process.exitCode = exitCode),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  },
);

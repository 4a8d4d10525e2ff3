/** `npm run bench -- NAME [--json]`: runs one of the benchmarks in `tools/bench`. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine, medianOf, quantileOf, toTable, type Benchmark } from './bench-frame.ts';
import { namedModules } from './named-modules.ts';

const benchmarks = namedModules<Benchmark>(join(import.meta.dirname, 'bench'), 'benchmark');

async function usage(): Promise<string> {
  return `Measure a part of Drydock side by side with a peer or a floor

Usage:
  npm run bench -- NAME [flags]

Benchmarks:
${await benchmarks.describe()}
Flags:
      --json       Print the result as JSON, with every sample
  -h, --help       Print this help

Exits 1 when a number is not what is asked of it.
`;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help === true) {
    console.log(await usage());
    return 0;
  }
  const [name = '', ...more] = positionals;
  if (!benchmarks.names.includes(name) || more.length > 0) {
    throw new Error(
      `Expected one benchmark of ${benchmarks.names.join(', ')}, got '${positionals.join(' ')}'; see --help`,
    );
  }
  const machine = describeMachine();
  const result = await (
    await benchmarks.load(name)
  ).run({ onProgress: (text) => void process.stderr.write(`bench: ${text}\n`) });
  if (values.json === true) {
    const series = result.series.map((one) => ({
      ...one,
      medianMs: medianOf(one.samplesMs),
      p90Ms: quantileOf(one.samplesMs, 0.9),
    }));
    console.log(JSON.stringify({ benchmark: name, machine, ...result, series }, undefined, 2));
  } else {
    console.log(`${toTable(result.series)}\n`);
    for (const { text, holds } of result.claims) console.log(`${holds ? 'holds' : 'FAILS'}: ${text}`);
    console.log(
      `\n${Object.entries(machine)
        .map(([key, value]) => `${key} ${value}`)
        .join(', ')}`,
    );
  }
  return result.claims.every(({ holds }) => holds) ? 0 : 1;
}

main().then(
  (exitCode) => (process.exitCode = exitCode),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  },
);

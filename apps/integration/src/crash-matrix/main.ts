/** `npm run crash-matrix`: kills the agent before and after each of its effects, and looks at what comes of it. */
import { parseArgs } from 'node:util';
import { runCrashMatrix, type CrashMatrixOptions, type MatrixProgress } from './crash-matrix.ts';
import { isClean, renderMatrix, renderResult } from './matrix-report.ts';
import { matrixVariants, nameOf } from './matrix-variant.ts';

const USAGE = `Record every effect of a mesos-agent on files, processes, its master and its drivers, then kill it with SIGKILL just
before and just after each, start it again, and look at the machine in the end: tasks in states that are true, data
intact, nothing left, no volume taken from a container, drivers called as often as they have to be.

Usage:
  npm run crash-matrix -- [flags]

Flags:
      --every N      Only every N-th point (default 1, all)
      --variant V    Only this one of ${matrixVariants.map(nameOf).join(', ')};
                     may be given several times
      --shard I/N    Only the I-th of N parts that are all together
      --point ID     Only this one
      --clusters N   Clusters that play at once (default 4)
      --json         Print the report as JSON
  -h, --help         Print this help

Needs root. Exits 1 when something is left or lost, or when an agent does not come to its point.
`;

const PROGRESS_MS = 5_000;

function toCount(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`Expected ${flag} to be a whole number of at least 1, got '${text}'; see --help`);
}

function toShard(text: string): { readonly index: number; readonly count: number } {
  const [index = 0, count = 0] = /^(\d+)\/(\d+)$/.exec(text)?.slice(1).map(Number) ?? [];
  if (index >= 1 && index <= count) return { index, count };
  throw new Error(`Expected --shard to be I/N with I from 1 to N, got '${text}'; see --help`);
}

function toVariant(text: string): (typeof matrixVariants)[number] {
  const variant = matrixVariants.find((one) => nameOf(one) === text);
  if (variant !== undefined) return variant;
  throw new Error(`Expected --variant to be one of ${matrixVariants.map(nameOf).join(', ')}, got '${text}'`);
}

let shownAt = -Infinity;

function showProgress({ phase, done, total, findingCount }: MatrixProgress): void {
  if (done < total && performance.now() - shownAt < PROGRESS_MS) return;
  shownAt = performance.now();
  const found = findingCount === 0 ? '' : `, ${findingCount} found`;
  process.stderr.write(`crash-matrix: ${phase}, ${done} of ${total} runs${found}\n`);
}

/** Nothing is left behind by Ctrl-C; a second one does not wait. */
function untilTold(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      process.stderr.write('crash-matrix: stopping after the runs under way\n');
      stop.abort(new Error(`Stopped by ${signal}`));
    });
  }
  return stop.signal;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      every: { type: 'string' },
      variant: { type: 'string', multiple: true },
      shard: { type: 'string' },
      point: { type: 'string' },
      clusters: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) {
    process.stdout.write(USAGE);
    return;
  }
  if (process.getuid?.() !== 0)
    throw new Error('Expected to be root: the crash matrix mounts volumes and runs containers');
  const [every, clusterCount] = [toCount('--every', values.every), toCount('--clusters', values.clusters)];
  const options: CrashMatrixOptions = {
    ...(values.variant === undefined ? {} : { variants: values.variant.map(toVariant) }),
    ...(every === undefined ? {} : { every }),
    ...(values.shard === undefined ? {} : { shard: toShard(values.shard) }),
    ...(values.point === undefined ? {} : { point: values.point }),
    ...(clusterCount === undefined ? {} : { clusterCount }),
    signal: untilTold(),
    onProgress: showProgress,
    onResult: (result) => {
      for (const line of renderResult(result)) process.stderr.write(`${line}\n`);
    },
  };
  const report = await runCrashMatrix(options);
  const isGood = isClean(report);
  console.log(values.json === true ? JSON.stringify(report, undefined, 2) : renderMatrix(report));
  if (!isGood) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

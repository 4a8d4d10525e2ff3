/** The frame of the benchmarks: samples side by side with a peer or a floor, told with the machine they come from. */
import { cpus, loadavg, release, totalmem } from 'node:os';

export interface BenchSeries {
  readonly name: string;
  readonly samplesMs: readonly number[];
}

/** A number that the benchmark is there to tell, and whether what is asked of it holds. */
export interface BenchClaim {
  readonly text: string;
  readonly holds: boolean;
}

export interface BenchResult {
  readonly series: readonly BenchSeries[];
  readonly claims: readonly BenchClaim[];
}

export interface BenchContext {
  /** A line for a person who waits. */
  readonly onProgress: (text: string) => void;
}

/** A file `tools/bench/<name>.ts` exports one of these as `benchmark`. */
export interface Benchmark {
  /** One line for `--help`. */
  readonly about: string;
  run(context: BenchContext): Promise<BenchResult>;
}

/** The value below which the share `quantile` of the samples lies; an upper one of two. */
export function quantileOf(samplesMs: readonly number[], quantile: number): number {
  const sorted = samplesMs.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? Number.NaN;
}

export function medianOf(samplesMs: readonly number[]): number {
  return quantileOf(samplesMs, 0.5);
}

/**
 * Measures every series `rounds` times in turn, so that what else the machine does falls on all of them alike; the first
 * round of each is a warm-up and does not count.
 */
export async function measureInTurn(
  series: Readonly<Record<string, () => Promise<void>>>,
  options: { readonly rounds: number; readonly onRound?: (round: number) => void },
): Promise<readonly BenchSeries[]> {
  const samples = Object.keys(series).map((name) => ({ name, samplesMs: [] as number[] }));
  for (let round = 0; round <= options.rounds; round++) {
    for (const { name, samplesMs } of samples) {
      const startedAt = performance.now();
      await series[name]?.();
      if (round > 0) samplesMs.push(performance.now() - startedAt);
    }
    options.onRound?.(round);
  }
  return samples;
}

/** What the numbers were measured on. */
export function describeMachine(): Readonly<Record<string, string>> {
  const processors = cpus();
  return {
    cpu: `${processors.length} x ${processors[0]?.model.trim() || 'unknown'}`,
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    kernel: `${process.platform} ${release()}`,
    node: process.version,
    load: loadavg()
      .map((one) => one.toFixed(2))
      .join(' '),
  };
}

/** Median, p90 and minimum of each series, in milliseconds. */
export function toTable(series: readonly BenchSeries[]): string {
  const width = Math.max(...series.map(({ name }) => name.length));
  const cell = (value: number): string => value.toFixed(1).padStart(9);
  const rows = series.map(
    ({ name, samplesMs }) =>
      `${name.padEnd(width)}${cell(medianOf(samplesMs))}${cell(quantileOf(samplesMs, 0.9))}${cell(Math.min(...samplesMs))}${String(samplesMs.length).padStart(7)}`,
  );
  return [`${'ms'.padEnd(width)}   median      p90      min      n`, ...rows].join('\n');
}

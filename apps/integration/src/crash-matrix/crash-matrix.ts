/** The crash matrix: records the effects of a run without kills, then plays a run for each point and each variant. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Finding } from './findings.ts';
import { killPointsOf, type MatrixPoint } from './kill-points.ts';
import { MatrixCluster } from './matrix-cluster.ts';
import { playRun, type Life, type RunOutcome } from './matrix-run.ts';
import { matrixVariants, nameOf, type MatrixVariant } from './matrix-variant.ts';

export interface CrashMatrixOptions {
  /** Default: all. */
  readonly variants?: readonly MatrixVariant[];
  /** Every so many-th point of each variant; each variant begins with another one. Default 1. */
  readonly every?: number;
  /** The `index`-th, from 1, of `count` parts that have all points together. */
  readonly shard?: { readonly index: number; readonly count: number };
  /** Only this one. */
  readonly point?: string;
  /** Clusters that play at once. Default 4. */
  readonly clusterCount?: number;
  /** Aborting it lets the runs under way come to their end; then `runCrashMatrix` rejects with its reason. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: MatrixProgress) => void;
  readonly onResult?: (result: PointResult) => void;
}

export interface MatrixProgress {
  readonly phase: 'recording' | 'killing';
  readonly done: number;
  readonly total: number;
  readonly findingCount: number;
}

/** What came of one point in one variant. */
export interface PointResult {
  readonly variant: string;
  readonly point: MatrixPoint;
  /** Whether the agent came there. */
  readonly isReached: boolean;
  readonly findings: readonly Finding[];
  readonly log?: string;
}

export interface VariantReport {
  readonly variant: string;
  /** Of both lives, recorded. */
  readonly effectCount: number;
  readonly pointCount: number;
  readonly results: readonly PointResult[];
  /** Of the runs without kills. */
  readonly findings: readonly Finding[];
}

export interface MatrixReport {
  readonly variants: readonly VariantReport[];
  readonly elapsedMs: number;
}

const RECORDING_COUNT = 2;
/** A point is tried so often before it counts as not reached. */
const TRY_COUNT = 3;
/** A cluster is replaced after so many runs, and after one that has left something. */
const RUNS_PER_CLUSTER = 40;
const lives: readonly Life[] = ['first', 'second'];

export async function runCrashMatrix(options: CrashMatrixOptions = {}): Promise<MatrixReport> {
  const startedAt = performance.now();
  const { variants = matrixVariants, clusterCount = 4, onProgress, signal } = options;
  const compileCache = await mkdtemp(join(tmpdir(), 'drydock-compile-cache-'));
  await using players = new Players(clusterCount, compileCache, signal);
  try {
    const recordings = variants.flatMap((variant) =>
      lives.flatMap((life) => Array.from({ length: RECORDING_COUNT }, () => ({ variant, life }))),
    );
    const recorded = await players.playAll(recordings, (job) => ({ variant: job.variant, watched: job.life }), {
      onProgress: (progress) => onProgress?.({ phase: 'recording', ...progress }),
    });
    const plans = variants.map((variant, index) => planOf(variant, index, recorded, options));
    const jobs = plans.flatMap(({ variant, chosen }) => chosen.map((point) => ({ variant, point })));
    if (jobs.length === 0) throw new Error('Expected --point, --shard and --every to leave a point, they leave none');
    const played = await players.playAll(
      jobs,
      ({ variant, point }) => ({ variant, watched: point.life, kill: point }),
      {
        onProgress: (progress) => onProgress?.({ phase: 'killing', ...progress }),
        onPlayed: ({ variant, point }, outcome) => options.onResult?.(toResult(nameOf(variant), point, outcome)),
      },
    );
    const reports = plans.map(({ variant, effectCount, points, findings }): VariantReport => {
      const own = played.filter(({ job }) => job.variant === variant);
      return {
        variant: nameOf(variant),
        effectCount,
        pointCount: points.length,
        findings,
        results: own.map(({ job, outcome }) => toResult(nameOf(variant), job.point, outcome)),
      };
    });
    return { variants: reports, elapsedMs: performance.now() - startedAt };
  } finally {
    await rm(compileCache, { recursive: true, force: true });
  }
}

interface Played<Job> {
  readonly job: Job;
  readonly outcome: RunOutcome;
}

function planOf(
  variant: MatrixVariant,
  index: number,
  recorded: readonly Played<{ readonly variant: MatrixVariant; readonly life: Life }>[],
  options: CrashMatrixOptions,
): {
  readonly variant: MatrixVariant;
  readonly effectCount: number;
  readonly points: readonly MatrixPoint[];
  readonly chosen: readonly MatrixPoint[];
  readonly findings: readonly Finding[];
} {
  const own = recorded.filter(({ job }) => job.variant === variant);
  const byLife = lives.map((life) => ({
    life,
    recordings: own.filter(({ job }) => job.life === life).map(({ outcome }) => outcome.moments),
  }));
  const points = byLife.flatMap(({ life, recordings }) => killPointsOf(life, recordings));
  const effects = byLife.flatMap(({ life, recordings }) =>
    (recordings[0] ?? []).map(({ effect }) => `${life} ${effect}`),
  );
  const chosen = choose(points, index, options);
  const findings = own.flatMap(({ outcome }) => outcome.findings);
  return { variant, effectCount: new Set(effects).size, points, chosen, findings };
}

function choose(
  points: readonly MatrixPoint[],
  variantIndex: number,
  { every = 1, shard, point }: CrashMatrixOptions,
): readonly MatrixPoint[] {
  if (point !== undefined) return points.filter(({ id }) => id === point);
  return points
    .filter((_, at) => (at + variantIndex) % every === 0)
    .filter(({ id }) => shard === undefined || Number.parseInt(id, 16) % shard.count === shard.index - 1);
}

function toResult(variant: string, point: MatrixPoint, outcome: RunOutcome): PointResult {
  const { isKilled, findings, log } = outcome;
  return { variant, point, isReached: isKilled, findings, ...(log === undefined ? {} : { log }) };
}

type JobSettings = Pick<Parameters<typeof playRun>[1], 'variant' | 'watched' | 'kill'>;

/** Clusters that play runs, one run at a time each. */
class Players implements AsyncDisposable {
  readonly #count: number;
  readonly #compileCache: string;
  readonly #signal: AbortSignal | undefined;
  readonly #clusters = new Set<MatrixCluster>();
  #runCount = 0;

  constructor(count: number, compileCache: string, signal: AbortSignal | undefined) {
    this.#count = count;
    this.#compileCache = compileCache;
    this.#signal = signal;
  }

  async playAll<Job>(
    jobs: readonly Job[],
    settingsOf: (job: Job) => JobSettings,
    options: {
      readonly onProgress: (progress: Omit<MatrixProgress, 'phase'>) => void;
      readonly onPlayed?: (job: Job, outcome: RunOutcome) => void;
    },
  ): Promise<readonly Played<Job>[]> {
    const played: Played<Job>[] = [];
    let [done, findingCount] = [0, 0];
    const rest = jobs.entries();
    const work = async (): Promise<void> => {
      let cluster: MatrixCluster | undefined;
      let runsLeft = 0;
      // All take from the same iterator, each job once.
      for (const [index, job] of rest) {
        if (this.#signal?.aborted === true || failures.length > 0) break;
        if (runsLeft === 0) {
          await this.#stop(cluster);
          cluster = await this.#start();
          runsLeft = RUNS_PER_CLUSTER;
        }
        if (cluster === undefined) throw new Error('There is a cluster');
        const outcome = await this.#play(cluster, settingsOf(job));
        played[index] = { job, outcome };
        runsLeft = outcome.findings.length === 0 ? runsLeft - 1 : 0;
        done += 1;
        findingCount += outcome.findings.length;
        options.onPlayed?.(job, outcome);
        options.onProgress({ done, total: jobs.length, findingCount });
      }
      await this.#stop(cluster);
    };
    // All of them have let go of their clusters before anybody hears of a failure.
    const failures: unknown[] = [];
    const working = async (): Promise<void> => {
      try {
        await work();
      } catch (error) {
        failures.push(error);
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#count, jobs.length) }, working));
    if (failures.length > 0) throw failures[0];
    this.#signal?.throwIfAborted();
    return played;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#clusters].map(async (cluster) => await cluster[Symbol.asyncDispose]()));
  }

  /** Again, when the agent did not come to its point: concurrency may have led it another way. */
  async #play(cluster: MatrixCluster, settings: JobSettings): Promise<RunOutcome> {
    for (let count = 1; ; count += 1) {
      this.#runCount += 1;
      const outcome = await playRun(cluster, { ...settings, name: `run${this.#runCount}` });
      if (settings.kill === undefined || outcome.isKilled || outcome.findings.length > 0 || count === TRY_COUNT) {
        return outcome;
      }
    }
  }

  async #start(): Promise<MatrixCluster> {
    const cluster = await MatrixCluster.start({ compileCache: this.#compileCache });
    this.#clusters.add(cluster);
    return cluster;
  }

  async #stop(cluster: MatrixCluster | undefined): Promise<void> {
    if (cluster === undefined) return;
    await cluster[Symbol.asyncDispose]();
    this.#clusters.delete(cluster);
  }
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCrashMatrix } from './crash-matrix.ts';
import { MatrixCluster } from './matrix-cluster.ts';
import { countMatrix, isClean, renderMatrix } from './matrix-report.ts';
import { playRun } from './matrix-run.ts';
import { matrixVariants } from './matrix-variant.ts';

/** Of all points of all variants, in `npm test`. */
const EVERY = 50;
const WHOLE_MS_MAX = 3 * 60 * 60_000;

describe('the crash matrix', { tags: ['root'] }, () => {
  it(`finds nothing at every ${EVERY}th point of each variant`, { timeout: 600_000 }, async () => {
    const report = await runCrashMatrix({ every: EVERY });
    expect(isClean(report), renderMatrix(report)).toBe(true);
    expect(countMatrix(report)).toMatchObject({ variantCount: 4, leakCount: 0, lostCount: 0, missedCount: 0 });
  });

  it('finds nothing at any point', { tags: ['slow'], timeout: WHOLE_MS_MAX }, async () => {
    const report = await runCrashMatrix();
    expect(isClean(report), renderMatrix(report)).toBe(true);
  });
});

describe('a run of the crash matrix', { tags: ['root'] }, () => {
  let cluster: MatrixCluster;
  let compileCache: string;
  beforeAll(async () => {
    compileCache = await mkdtemp(join(tmpdir(), 'drydock-compile-cache-'));
    cluster = await MatrixCluster.start({ compileCache });
  }, 60_000);
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await rm(compileCache, { recursive: true, force: true });
  }, 60_000);

  it.each([
    ['keeps-checkpoints', 'leak', /checkpoint /],
    // By the time it is looked at, the agent may have told of the end.
    ['ends-containers', 'lost', /its processes were ended|was ended with its agent/],
    ['unmounts-at-start', 'lost', /-shared was unmounted under/],
  ] as const)(
    'finds what is wrong with an agent with the fault %s',
    { timeout: 300_000 },
    async (fault, kind, what) => {
      const faultModule = new URL(`faults/${fault}.ts`, import.meta.url).href;
      const [variant] = matrixVariants;
      if (variant === undefined) throw new Error('There is a variant');
      const outcome = await playRun(cluster, {
        variant,
        name: `${fault}-${process.pid}`,
        watched: 'first',
        faultModule,
        waitMsMax: 10_000,
      });
      expect(outcome.findings).toContainEqual({ kind, what: expect.stringMatching(what) });
    },
  );
});

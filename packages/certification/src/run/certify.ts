/** A whole certification: plan, run, judge, clean up. */
import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@drydock/base/errors';
import type { ClientName } from '@drydock/volume-plugin';
import type { CatalogueEntry, JudgedTier } from '../catalogue/catalogue-entry.ts';
import { catalogue } from '../catalogue/index.ts';
import { checkBodies } from '../checks/index.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { resolveOptions } from '../manifest/secrets.ts';
import type { CheckResult, CertificationResult } from '../report/result-schema.ts';
import type { CheckBodies } from './check-context.ts';
import { cleanUp, removeVolume } from './clean-up.ts';
import { History } from './history.ts';
import { Journal, orphanedJournals, type OrphanedJournal } from './journal.ts';
import { planChecks, type PlannedCheck } from './plan.ts';
import { probeMountVisibility } from './precondition.ts';
import { PreparedRun } from './prepared-run.ts';
import { Redactor } from './redactor.ts';
import { describeCheck, runCheck } from './run-check.ts';
import { toResult } from './to-result.ts';
import { tiersWithin } from './verdict.ts';

export interface CertifyOptions {
  readonly manifest: Manifest;
  /** Tiers that are wanted; resilient has core in it. */
  readonly tiers: readonly JudgedTier[];
  /** Default: both of dvdcli, and all for checks that are limited to some. */
  readonly clients?: readonly ClientName[];
  /** Only these checks. */
  readonly ids?: readonly string[];
  /** Default: drawn. */
  readonly seed?: number;
  /** Gets history.ndjson; exists. */
  readonly outDirectory: string;
  /** Journals of all runs, by driver. Default: /var/lib/drydock/certify, or below the home of an ordinary user. */
  readonly stateDirectory: string;
  /** Ends the run: the check in the making is cleaned up, the rest does not run. */
  readonly signal?: AbortSignal;
  /** Where options of the manifest come from. Default: this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly onProgress?: (progress: Progress) => void;
  /** How a person runs this again. */
  readonly command?: string;
  readonly rerunCommand?: (id: string, client: ClientName | undefined) => string;
  /** For tests of the suite; default: the catalogue and its checks. */
  readonly entries?: readonly CatalogueEntry[];
  readonly bodies?: CheckBodies;
}

export type Progress =
  | { readonly kind: 'planned'; readonly runCount: number; readonly runId: string; readonly seed: number }
  | { readonly kind: 'start'; readonly index: number; readonly entry: CatalogueEntry; readonly client?: ClientName }
  | { readonly kind: 'end'; readonly index: number; readonly result: CheckResult };

/** How long a driver may take to say after a check that it is still there. */
const HEALTH_MS_MAX = 5_000;

/**
 * Runs the checks one after the other. Resolves whatever the driver does.
 * @throws HarnessError when nothing can be judged: there is no such driver, or its mounts are not where the agent is;
 *   SecretMissingError
 */
export async function certify(options: CertifyOptions): Promise<CertificationResult> {
  const { manifest, seed = randomBytes(4).readUInt32BE(), signal = new AbortController().signal } = options;
  const startedAt = new Date().toISOString();
  const id = randomBytes(4).toString('hex');
  const { create: createOptions, secrets } = resolveOptions(manifest, options.env ?? process.env);
  const redactor = new Redactor(secrets);
  await mkdir(options.outDirectory, { recursive: true });
  using history = new History(join(options.outDirectory, 'history.ndjson'), redactor);
  const journals = join(options.stateDirectory, manifest.name.replaceAll(/[^a-zA-Z0-9_.-]/g, '_'));
  const orphans = await orphanedJournals(journals);
  await using journal = await Journal.open(journals, id);
  const rerunCommand =
    options.rerunCommand ?? ((check: string) => `drydock certify rerun ${options.outDirectory} ${check}`);
  await using run = await PreparedRun.start({
    id,
    manifest,
    createOptions,
    secrets,
    seed,
    history,
    journal,
    signal,
    rerunCommand,
  });
  const cleanedUp = await cleanUpOrphans(run, orphans);
  try {
    await probeMountVisibility(run);
  } finally {
    await cleanUp(journal, run.cleanUpParts());
  }
  const planned = planChecks(
    options.entries ?? catalogue,
    options.bodies ?? checkBodies,
    { manifest, address: run.location.address },
    {
      tiers: [...tiersWithin(options.tiers), 'suite'],
      ...(options.clients === undefined ? {} : { clients: options.clients }),
      ...(options.ids === undefined ? {} : { ids: options.ids }),
    },
  );
  const checks = await runAll(run, planned, options.onProgress ?? (() => undefined));
  const result = await toResult({
    run,
    options: { ...options, seed },
    startedAt,
    checks,
    cleanUp: cleanedUp,
    redact: (value) => redactor.redact(value),
  });
  return redactor.redact(result);
}

async function runAll(
  run: PreparedRun,
  planned: readonly PlannedCheck[],
  onProgress: (progress: Progress) => void,
): Promise<readonly CheckResult[]> {
  const runCount = planned.filter(({ plan }) => plan.kind === 'run').length;
  onProgress({ kind: 'planned', runCount, runId: run.id, seed: run.seed });
  const results: CheckResult[] = [];
  let index = 0;
  let lost: string | undefined;
  for (const { entry, client, plan } of planned) {
    const without = (status: CheckResult['status'], reason: string): void => {
      results.push({ ...describeCheck(run, entry, client), ...emptyResult, status, reason });
    };
    if (plan.kind !== 'run') without(plan.kind, plan.reason);
    else if (run.signal.aborted) without('error', 'the run was interrupted');
    else if (lost !== undefined) without('error', lost);
    else {
      onProgress({ kind: 'start', index, entry, ...(client === undefined ? {} : { client }) });
      const result = await runCheck(run, { entry, client, body: plan.body });
      results.push(result);
      onProgress({ kind: 'end', index, result });
      index++;
      if (result.status !== 'pass' && !run.signal.aborted) lost = await bringBack(run, entry.id);
    }
  }
  return results;
}

const emptyResult = {
  durationMs: 0,
  seed: 0,
  notes: [],
  measurements: {},
  history: { from: 0, to: 0 },
  leftovers: [],
} as const satisfies Partial<CheckResult>;

/** After a check that did not pass: sees that the driver still answers, else starts it again. Gives why it cannot be used. */
async function bringBack(run: PreparedRun, id: string): Promise<string | undefined> {
  const isWell = async (): Promise<boolean> => {
    try {
      const plugin = run.plugin(AbortSignal.timeout(2 * HEALTH_MS_MAX));
      return (await plugin.call('Plugin.Activate', '', { timeoutMs: HEALTH_MS_MAX })).status !== 0;
    } catch {
      return false; // no answer: that is what is asked here
    }
  };
  if (await isWell()) return undefined;
  const gone = `the driver does not answer since ${id}`;
  if (!run.driver.canRestart) return `${gone}; with \`restart\` in the manifest the suite starts it again`;
  try {
    await run.driver.restart();
  } catch (error) {
    return `${gone}, and could not be started again: ${messageOf(error)}`;
  }
  return (await isWell()) ? undefined : `${gone}, also after it was started again`;
}

/** What runs that crashed have left. Only what is in their journals is touched. */
async function cleanUpOrphans(run: PreparedRun, orphans: readonly OrphanedJournal[]): Promise<readonly string[]> {
  const told: string[] = [];
  for (const { path, run: crashed, volumes, directories } of orphans) {
    for (const directory of directories) await rm(directory, { recursive: true, force: true });
    let isClean = true;
    for (const volume of volumes) {
      run.adopt(volume.name);
      const problem = await removeVolume(volume, run.cleanUpParts());
      isClean &&= problem === undefined;
      told.push(`volume ${volume.name} of run ${crashed}: ${problem ?? 'removed'}`);
    }
    if (isClean) await rm(path, { force: true });
  }
  return told;
}

/** Runs one check: a context of its own, a bound on its time, a judgement, and everything removed again. */
import { messageOf } from '@drydock/base/errors';
import { createSeededRandom } from '@drydock/base/seeded-random';
import type { ClientName, VolumeOptions } from '@drydock/volume-plugin';
import type { CatalogueEntry } from '../catalogue/catalogue-entry.ts';
import { CheckClient } from '../driver/check-client.ts';
import { mountDifference, type MountEntry } from '../driver/mount-table.ts';
import { optionsFor } from '../manifest/secrets.ts';
import type { CheckResult } from '../report/result-schema.ts';
import { CheckContext, type CheckBody } from './check-context.ts';
import { cleanUp } from './clean-up.ts';
import { CheckFailedError, driverFault, HarnessError, type CheckStatus } from './outcome.ts';
import type { PreparedRun } from './prepared-run.ts';
import { toFailure } from './to-failure.ts';

export interface CheckRun {
  readonly entry: CatalogueEntry;
  readonly client: ClientName | undefined;
  readonly body: CheckBody;
}

type Judgement = Pick<CheckResult, 'status' | 'reason' | 'remedy' | 'failure'>;

export async function runCheck(run: PreparedRun, { entry, client, body }: CheckRun): Promise<CheckResult> {
  const { history, journal } = run;
  const from = history.length;
  const seed = seedOf(run.seed, entry.id, client);
  const tellings = { notes: [] as string[], measurements: {} as Record<string, number> };
  history.enter({ check: entry.id, ...(client === undefined ? {} : { client }) });
  history.record({ kind: 'check', event: 'start' });
  const before = await run.agentSide.mounts();
  const startedAt = performance.now();
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new OutOfTime()), run.manifest.budgets.checkMs);
  let judgement: Judgement;
  try {
    const signal = AbortSignal.any([limit.signal, run.signal]);
    const context = createContext(run, { entry, client: client ?? 'dvdcli-0.2', seed, from, signal, tellings });
    // A body that does not listen to its signal must not hold up the run.
    judgement = await judge(run, from, async () => await Promise.race([body(context), rejectedBy(signal)]));
  } finally {
    clearTimeout(timer);
    limit.abort(new OutOfTime());
  }
  const durationMs = Math.round(performance.now() - startedAt);
  // What a failed check left of its tasks goes with the agent.
  if (judgement.status !== 'pass') await run.dropRealAgent();
  await run.settled();
  history.record({ kind: 'check', event: 'clean-up' });
  const leftovers = await cleanUp(journal, run.cleanUpParts());
  recordMounts(run, before, await run.agentSide.mounts());
  history.record({ kind: 'check', event: 'end', status: judgement.status });
  const to = history.length;
  history.enter({});
  return {
    ...describeCheck(run, entry, client),
    ...judgement,
    ...tellings,
    durationMs,
    seed,
    history: { from, to },
    leftovers: [...leftovers],
  };
}

/** What a result says of a check whatever came of it. */
export function describeCheck(
  run: Pick<PreparedRun, 'rerunCommand'>,
  entry: CatalogueEntry,
  client: ClientName | undefined,
): Pick<CheckResult, 'id' | 'revision' | 'level' | 'tier' | 'title' | 'client' | 'pass' | 'source' | 'rerun'> {
  const { id, revision, level, tier, title, pass, source } = entry;
  const rerun = run.rerunCommand(id, client);
  return { id, revision, level, tier, title, pass, source, rerun, ...(client === undefined ? {} : { client }) };
}

class OutOfTime extends Error {}

async function judge(run: PreparedRun, from: number, work: () => Promise<void>): Promise<Judgement> {
  try {
    await work();
    return { status: 'pass' };
  } catch (error) {
    await run.settled();
    if (run.signal.aborted) return { status: 'error', reason: 'the run was interrupted' };
    const fault =
      error instanceof OutOfTime
        ? new CheckFailedError({
            expected: `the check to end within ${run.manifest.budgets.checkMs / 1_000} s`,
            got: 'it was still waiting for the driver',
          })
        : driverFault(error);
    if (fault !== undefined) {
      return { status: 'fail', reason: fault.message, failure: toFailure(fault, run.history.since(from)) };
    }
    const status: CheckStatus = 'error';
    const remedy = error instanceof HarnessError ? { remedy: error.remedy } : {};
    return { status, reason: messageOf(error), ...remedy };
  }
}

function createContext(
  run: PreparedRun,
  check: {
    readonly entry: CatalogueEntry;
    readonly client: ClientName;
    readonly seed: number;
    readonly from: number;
    readonly signal: AbortSignal;
    readonly tellings: { readonly notes: string[]; readonly measurements: Record<string, number> };
  },
): CheckContext {
  const { journal, manifest } = run;
  const { entry, signal, tellings } = check;
  const random = createSeededRandom(check.seed);
  const optionsOf = (volume: string): VolumeOptions => optionsFor(run.createOptions, volume);
  return new CheckContext({
    entry,
    manifest,
    location: run.location,
    agentSide: run.agentSide.until(signal),
    driver: run.driver,
    random,
    signal,
    secrets: run.secrets,
    optionsFor: optionsOf,
    plugin: run.plugin(signal),
    client: new CheckClient({
      name: check.client,
      directories: run.relayDirectories,
      callTimeoutMs: manifest.budgets.mountMs,
      signal,
      newMountId: () => random.hex(32),
      optionsFor: optionsOf,
      onCommand: async (command, volume, mountId) => {
        run.mustBeOurs(volume);
        if (command === 'mount') await journal.mount(volume, mountId);
      },
    }),
    realAgent: async () => await run.realAgent(),
    newVolume: async (name) => await run.newVolume(entry.id, name),
    events: () => run.history.since(check.from),
    onNote: (text) => {
      tellings.notes.push(text);
      run.history.record({ kind: 'note', text });
    },
    onMeasure: (name, value) => {
      tellings.measurements[name] = value;
    },
  });
}

async function rejectedBy(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return await promise;
}

function recordMounts({ history }: PreparedRun, before: readonly MountEntry[], after: readonly MountEntry[]): void {
  const difference = mountDifference(before, after);
  if (difference.added.length + difference.removed.length > 0) history.record({ kind: 'mounts', ...difference });
}

/** Every check draws from a seed of its own, so that it draws the same alone and in a whole run. */
function seedOf(seed: number, id: string, client: string | undefined): number {
  let mixed = seed >>> 0;
  for (const character of `${id} ${client ?? ''}`)
    mixed = Math.imul(mixed ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return mixed >>> 0;
}

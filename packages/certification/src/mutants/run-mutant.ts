/** Runs the checks of a group against a mutant and sees which fail. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { catalogueGroups } from '../catalogue/index.ts';
import { checkBodies } from '../checks/index.ts';
import { DECLARE_RESTART } from '../driver/driver-process.ts';
import { certify } from '../run/certify.ts';
import { nameOf } from '../run/verdict.ts';
import type { ClientName } from '@drydock/volume-plugin';
import type { CertificationResult } from '../report/result-schema.ts';
import { driverProcess } from './driver-process-mutant.ts';
import { countingIds } from './answers.ts';
import { FAKE_NAME, fakeDriver } from './fake-driver-mutant.ts';
import { fakeVendorCli } from './fake-vendor-cli.ts';
import type { Mutant } from './mutant.ts';

export interface MutantOutcome {
  readonly check: string;
  readonly fault: string;
  readonly isKilled: boolean;
  /** What failed, or could not be judged, of the group. */
  readonly failed: readonly string[];
  /** Why it survives. */
  readonly reason?: string;
}

/** Every run of a mutant is repeatable. */
const SEED = 7;

/** @param among the checks of its group that are run; default: all */
export async function runMutant(mutant: Mutant, among: (id: string) => boolean = () => true): Promise<MutantOutcome> {
  const { check, fault, alsoFails = {} } = mutant;
  if (mutant.faithful !== undefined) {
    const { checks } = await certifyFake(mutant.faithful, [check], mutant);
    const own = checks.find(({ id, status }) => id === check && status !== 'pass');
    if (own !== undefined) {
      const reason = `it does not pass without the fault either: ${own.reason}`;
      return { check, fault, isKilled: false, failed: [nameOf(own)], reason };
    }
  }
  const result = await certifyFake(mutant.start, groupOf(check).filter(among), mutant);
  // Most mutants live in this process, which nobody starts again.
  const failed = result.checks.filter(
    ({ status, remedy }) => status === 'fail' || (status === 'error' && remedy !== DECLARE_RESTART),
  );
  const judged = failed.find(({ id, status }) => id === check && status === 'fail');
  const strangers = failed.filter(({ id }) => id !== check && alsoFails[id] === undefined);
  const reason =
    judged === undefined
      ? `${check} does not fail: ${result.checks.find(({ id }) => id === check)?.reason ?? 'it passes'}`
      : strangers.length > 0
        ? `others fail, too: ${strangers.map((other) => `${nameOf(other)} (${other.reason})`).join(', ')}`
        : undefined;
  return {
    check,
    fault,
    isKilled: reason === undefined,
    failed: failed.map(nameOf),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** The checks of a group against the driver without a fault: all have to pass, or no mutant of them means anything. */
export async function runFaithful(group: string): Promise<CertificationResult> {
  return await certifyFake(faithful[group] ?? driverProcess(), idsOf(group), {});
}

/** Convoy counts nothing, so that it is no model where the engine's ids are looked at. */
const faithful: Readonly<Record<string, Mutant['start']>> = {
  LIF: fakeDriver({ manifest: fakeVendorCli }),
  IDM: async (places) => await fakeDriver({ tamper: countingIds() })(places),
  CNT: async (places) => await fakeDriver({ tamper: countingIds() })(places),
};

/** The checks of some groups against any driver; under the usual clients unless one is given. */
export async function runGroups(
  start: Mutant['start'],
  groups: readonly string[],
  client?: ClientName,
): Promise<CertificationResult> {
  return await certifyFake(start, groups.flatMap(idsOf), client === undefined ? {} : { client });
}

/** The group's checks that have a body. */
function groupOf(check: string): readonly string[] {
  return idsOf(check.split('-')[0] ?? check);
}

function idsOf(group: string): readonly string[] {
  const entries = catalogueGroups.find(({ name }) => name === group)?.entries ?? [];
  return entries.map(({ id }) => id).filter((id) => checkBodies[id] !== undefined);
}

/** Runs checks against a fake in directories of its own. */
export async function certifyFake(
  start: Mutant['start'],
  ids: readonly string[],
  { client }: Pick<Mutant, 'client'>,
): Promise<CertificationResult> {
  const directory = await mkdtemp(join(tmpdir(), 'certify-mutant-'));
  try {
    const sockets = join(directory, 'plugins');
    const specs = [join(directory, 'specs')];
    for (const path of [sockets, ...specs]) await mkdir(path);
    await using started = await start({
      directory,
      socketPath: join(sockets, `${FAKE_NAME}.sock`),
      discovery: { sockets, specs },
    });
    return await certify({
      manifest: started.manifest,
      tiers: ['core', 'resilient'],
      ids,
      seed: SEED,
      outDirectory: join(directory, 'out'),
      stateDirectory: join(directory, 'state'),
      ...(client === undefined ? {} : { clients: [client] }),
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** From the checks of a run to the verdict of each tier. */
import { judgedTiers, type JudgedTier, type Tier } from '../catalogue/catalogue-entry.ts';
import type { CheckResult, TierVerdict } from '../report/result-schema.ts';
import { statuses, type CheckStatus } from './outcome.ts';

/** What a tier demands: resilient has core in it. */
const demands: Readonly<Record<JudgedTier, readonly Tier[]>> = {
  core: ['core'],
  resilient: ['core', 'resilient'],
};

/** The tiers that a run of these tiers runs: each with what it demands. */
export function tiersWithin(asked: readonly JudgedTier[]): readonly JudgedTier[] {
  const all = new Set<Tier>(asked.flatMap((tier) => demands[tier]));
  return judgedTiers.filter((tier) => all.has(tier));
}

export function verdictsOf(
  checks: readonly CheckResult[],
  asked: readonly JudgedTier[],
): Readonly<Record<string, TierVerdict>> {
  return Object.fromEntries(tiersWithin(asked).map((tier) => [tier, verdictOf(checks, tier)]));
}

function verdictOf(all: readonly CheckResult[], tier: JudgedTier): TierVerdict {
  const checks = all.filter((check) => demands[tier].includes(check.tier));
  const musts = checks.filter(({ level }) => level === 'MUST');
  const failed = musts.filter(({ status }) => status === 'fail');
  // A check that could not be judged might have failed, whatever its level.
  const unjudged = checks.filter(({ status }) => status === 'error');
  const missing = musts.filter(({ status }) => status === 'disabled');
  return {
    outcome:
      failed.length > 0 ? 'refused' : unjudged.length > 0 ? 'error' : missing.length > 0 ? 'incomplete' : 'granted',
    blockers: [...failed, ...unjudged].map(nameOf),
    warnings: checks.filter(({ level, status }) => level !== 'MUST' && status === 'fail').map(nameOf),
    missing: missing.map((check) => `${nameOf(check)}: ${check.reason ?? 'it did not run'}`),
    counts: countsOf(checks),
  };
}

/** `CNT-001 under dvdcli-0.1` */
export function nameOf({ id, client }: Pick<CheckResult, 'id' | 'client'>): string {
  return client === undefined ? id : `${id} under ${client}`;
}

export function countsOf(checks: readonly CheckResult[]): Readonly<Record<CheckStatus, number>> {
  const count = (status: CheckStatus): number => checks.filter((check) => check.status === status).length;
  return Object.fromEntries(statuses.map((status) => [status, count(status)])) as Record<CheckStatus, number>; // all keys
}

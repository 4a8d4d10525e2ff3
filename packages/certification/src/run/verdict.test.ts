import { describe, expect, it } from 'vitest';
import { anEntry } from '../testing/certification.ts';
import type { CheckResult } from '../report/result-schema.ts';
import type { JudgedTier } from '../catalogue/catalogue-entry.ts';
import { verdictsOf } from './verdict.ts';

const check = (status: CheckResult['status'], change: Partial<CheckResult> = {}): CheckResult => {
  const { steps: _steps, clients: _clients, evidence: _evidence, ...entry } = anEntry('X-001');
  const rest = {
    durationMs: 1,
    seed: 1,
    notes: [],
    measurements: {},
    history: { from: 0, to: 0 },
    leftovers: [],
    rerun: '',
  };
  return { ...entry, ...rest, status, ...change };
};
const outcomeOf = (checks: readonly CheckResult[], tier: JudgedTier = 'core') =>
  verdictsOf(checks, [tier])[tier]?.outcome;

describe('the verdict of a tier', () => {
  it.each([
    ['granted', [check('pass'), check('skip')]],
    ['granted', [check('pass'), check('fail', { level: 'SHOULD' }), check('disabled', { level: 'SHOULD' })]],
    ['refused', [check('pass'), check('fail')]],
    ['refused', [check('error'), check('fail')]],
    ['error', [check('pass'), check('error', { level: 'MAY' })]],
    ['incomplete', [check('pass'), check('disabled')]],
    ['granted', [check('pass'), check('fail', { tier: 'resilient' }), check('fail', { tier: 'suite' })]],
  ] as const)('is %s', (outcome, checks) => {
    expect(outcomeOf(checks)).toBe(outcome);
  });

  it('of resilient has core in it', () => {
    expect(outcomeOf([check('fail'), check('pass', { tier: 'resilient' })], 'resilient')).toBe('refused');
    expect(Object.keys(verdictsOf([check('pass')], ['resilient']))).toEqual(['core', 'resilient']);
  });

  it('names what stands in the way, what is a warning, and what did not run', () => {
    const checks = [
      check('fail', { id: 'A-001', client: 'dvdcli-0.1' }),
      check('fail', { id: 'A-002', level: 'SHOULD' }),
      check('disabled', { id: 'A-003', reason: 'it was not asked for' }),
    ];
    expect(verdictsOf(checks, ['core'])['core']).toMatchObject({
      blockers: ['A-001 under dvdcli-0.1'],
      warnings: ['A-002'],
      missing: ['A-003: it was not asked for'],
      counts: { disabled: 1, skip: 0, pass: 0, fail: 2, error: 0 },
    });
  });
});

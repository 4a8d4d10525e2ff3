/** `ctrf.json`, the Common Test Report Format. @see https://ctrf.io */
import { nameOf } from '../run/verdict.ts';
import type { CertificationResult, CheckResult } from './result-schema.ts';

const statusOf = { pass: 'passed', fail: 'failed', skip: 'skipped', disabled: 'skipped', error: 'other' } as const;

export function toCtrf(result: CertificationResult): object {
  const { checks, run, suite, driver } = result;
  const count = (...statuses: readonly CheckResult['status'][]): number =>
    checks.filter(({ status }) => statuses.includes(status)).length;
  return {
    reportFormat: 'CTRF',
    specVersion: '0.0.0',
    results: {
      tool: { name: suite.name, version: suite.version },
      summary: {
        tests: checks.length,
        passed: count('pass'),
        failed: count('fail'),
        pending: 0,
        skipped: count('skip', 'disabled'),
        other: count('error'),
        start: Date.parse(run.startedAt),
        stop: Date.parse(run.finishedAt),
      },
      tests: checks.map(toTest),
      extra: { driver: { name: driver.name, version: driver.version }, verdicts: result.verdicts },
    },
  };
}

function toTest(check: CheckResult): object {
  const { id, client, status, reason, failure, level, tier, durationMs, source, rerun } = check;
  return {
    name: `${nameOf(check)}: ${check.title}`,
    status: statusOf[status],
    duration: durationMs,
    rawStatus: status,
    suite: [id.split('-')[0] ?? id],
    tags: [level, tier],
    ...(reason === undefined ? {} : { message: reason }),
    extra: {
      id,
      level,
      tier,
      source,
      rerun,
      ...(client === undefined ? {} : { client }),
      ...(failure === undefined ? {} : { failure }),
    },
  };
}

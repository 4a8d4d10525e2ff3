/** `junit.xml`, as CI systems read it. */
import { nameOf } from '../run/verdict.ts';
import type { CertificationResult, CheckResult } from './result-schema.ts';

export function toJunit(result: CertificationResult): string {
  const groups = Map.groupBy(result.checks, ({ id }) => id.split('-')[0] ?? id);
  const suites = [...groups].map(([group, checks]) => toSuite(group, checks, result));
  const totals = countsOf(result.checks);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${escape(`drydock certify ${result.driver.name}`)}" ${totals}>`,
    ...suites,
    '</testsuites>',
    '',
  ].join('\n');
}

function toSuite(group: string, checks: readonly CheckResult[], { run }: CertificationResult): string {
  return [
    `  <testsuite name="${escape(group)}" timestamp="${escape(run.startedAt)}" ${countsOf(checks)}>`,
    ...checks.map(toCase),
    '  </testsuite>',
  ].join('\n');
}

function toCase(check: CheckResult): string {
  const name = `${nameOf(check)}: ${check.title}`;
  const head = `    <testcase classname="${escape(check.id)}" name="${escape(name)}" time="${check.durationMs / 1_000}">`;
  const properties = [
    ['id', check.id],
    ['level', check.level],
    ['tier', check.tier],
    ...(check.client === undefined ? [] : [['client', check.client]]),
  ].map(([key = '', value = '']) => `        <property name="${key}" value="${escape(value)}"/>`);
  return [
    head,
    '      <properties>',
    ...properties,
    '      </properties>',
    ...outcomeOf(check),
    '    </testcase>',
  ].join('\n');
}

function outcomeOf({ status, reason = '', failure, source, rerun, remedy }: CheckResult): readonly string[] {
  const details = [
    ...(failure === undefined ? [] : [`expected: ${failure.expected}`, `got: ${failure.got}`]),
    ...(failure?.request === undefined ? [] : [`request: ${failure.request}`, `answer: ${failure.answer ?? ''}`]),
    ...(remedy === undefined ? [] : [`remedy: ${remedy}`]),
    `source: ${source}`,
    `rerun: ${rerun}`,
  ].join('\n');
  switch (status) {
    case 'pass':
      return [];
    case 'skip':
    case 'disabled':
      return [`      <skipped message="${escape(reason)}"/>`];
    case 'fail':
    case 'error': {
      const tag = status === 'fail' ? 'failure' : 'error';
      return [`      <${tag} message="${escape(reason)}">${escape(details)}</${tag}>`];
    }
  }
}

function countsOf(checks: readonly CheckResult[]): string {
  const count = (...statuses: readonly CheckResult['status'][]): number =>
    checks.filter(({ status }) => statuses.includes(status)).length;
  const seconds = checks.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1_000;
  return `tests="${checks.length}" failures="${count('fail')}" errors="${count('error')}" skipped="${count('skip', 'disabled')}" time="${seconds}"`;
}

/** Also drops what XML 1.0 cannot say. */
function escape(text: string): string {
  return (
    text
      .toWellFormed()
      // oxlint-disable-next-line no-control-regex -- these are what XML 1.0 has no way to write
      .replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, '\uFFFD')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll('\n', '&#10;')
      .replaceAll('\t', '&#9;')
      .replaceAll('\r', '&#13;')
  );
}

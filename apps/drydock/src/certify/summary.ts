import { styleText } from 'node:util';
import { nameOf, type CertificationResult, type CheckResult } from '@drydock/certification';

type Style = Parameters<typeof styleText>[0];

const outcomeStyles: Readonly<Record<CertificationResult['verdicts'][string]['outcome'], Style>> = {
  granted: 'green',
  refused: 'red',
  incomplete: 'yellow',
  error: 'magenta',
};

/** What a person does next: what failed, why, and how to see it alone. */
export function summarize(
  result: CertificationResult,
  options: { readonly isTerminal: boolean; readonly files: readonly string[] },
): string {
  const style = (format: Style, text: string): string => (options.isTerminal ? styleText(format, text) : text);
  const bad = result.checks.filter(({ status }) => status === 'fail' || status === 'error');
  const leftovers = result.checks.flatMap(({ leftovers: left }) => left);
  const lines = [
    '',
    ...bad.flatMap((check) => explainCheck(check, style)),
    ...result.cleanUp.map((text) => `Of an earlier run: ${text}`),
    ...leftovers.map((text) => `Left behind: ${text}`),
    ...Object.entries(result.verdicts).flatMap(([tier, { outcome, warnings, missing, counts }]) => [
      `${tier}: ${style(outcomeStyles[outcome], outcome)}  (${counts.pass} passed, ${counts.fail} failed, ${counts.error} not judged, ${counts.skip} skipped, ${counts.disabled} disabled)`,
      ...(warnings.length === 0 ? [] : [`  warnings: ${warnings.join(', ')}`]),
      ...(outcome === 'incomplete' || outcome === 'error'
        ? [`  ${missing.length} MUSTs did not run: ${short(missing)}`]
        : []),
    ]),
    ...(result.run.isInterrupted ? [style('magenta', 'The run was interrupted')] : []),
    `${result.driver.name} ${result.driver.version}, seed ${result.run.seed}; wrote ${options.files.join(', ')}`,
    '',
  ];
  return lines.join('\n');
}

function explainCheck(check: CheckResult, style: (format: Style, text: string) => string): readonly string[] {
  const { status, title, level, tier, failure, reason, remedy, source, rerun } = check;
  const row = (name: string, text: string): string => `  ${name.padEnd(9)} ${text.replaceAll('\n', '\n            ')}`;
  return [
    `${style(status === 'fail' ? 'red' : 'magenta', status.toUpperCase())} ${style('bold', nameOf(check))} (${level}, ${tier}): ${title}`,
    ...(failure === undefined
      ? [row('because', reason ?? 'nobody knows')]
      : [row('expected', failure.expected), row('got', failure.got)]),
    ...(failure?.request === undefined ? [] : [row('request', failure.request), row('answer', failure.answer ?? '')]),
    ...(remedy === undefined ? [] : [row('remedy', remedy)]),
    row('source', source),
    row('again', rerun),
    '',
  ];
}

function short(texts: readonly string[]): string {
  const shown = texts.slice(0, 3).join('; ');
  return texts.length > 3 ? `${shown}; and ${texts.length - 3} more` : shown;
}

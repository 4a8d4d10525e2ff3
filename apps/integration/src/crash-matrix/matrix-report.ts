import type { MatrixReport, PointResult, VariantReport } from './crash-matrix.ts';
import type { Finding } from './findings.ts';

export interface MatrixCounts {
  /** Points that differ, of all variants together. */
  readonly pointCount: number;
  readonly variantCount: number;
  readonly leakCount: number;
  readonly lostCount: number;
  /** Points that the agent did not come to. */
  readonly missedCount: number;
}

export function countMatrix({ variants }: MatrixReport): MatrixCounts {
  const results = variants.flatMap((variant) => variant.results);
  const findings = variants.flatMap(findingsOf);
  return {
    pointCount: new Set(results.map(({ point }) => point.id)).size,
    variantCount: variants.length,
    leakCount: findings.filter(({ kind }) => kind === 'leak').length,
    lostCount: findings.filter(({ kind }) => kind === 'lost').length,
    missedCount: results.filter(({ isReached }) => !isReached).length,
  };
}

/** Whether everything holds, and was tried. */
export function isClean(report: MatrixReport): boolean {
  const { pointCount, leakCount, lostCount, missedCount } = countMatrix(report);
  return pointCount > 0 && leakCount + lostCount + missedCount === 0;
}

/** What was found, a table, and the line that counts. */
export function renderMatrix(report: MatrixReport): string {
  const { pointCount, variantCount, leakCount, lostCount } = countMatrix(report);
  return [
    ...report.variants.flatMap(renderFindings),
    ...renderTable(report),
    '',
    `in ${(report.elapsedMs / 1000).toFixed(0)} s`,
    `${pointCount} kill points x ${variantCount} variants, ${leakCount} leaks, ${lostCount} lost`,
  ].join('\n');
}

function findingsOf({ findings, results }: VariantReport): readonly Finding[] {
  return [...findings, ...results.flatMap((result) => result.findings)];
}

function renderFindings({ variant, findings, results }: VariantReport): readonly string[] {
  const lines = findings.map(({ kind, what }) => `${variant}, no kill: ${kind}: ${what}`);
  lines.push(...results.flatMap((result) => renderResult(result)));
  return lines;
}

/** Nothing for a point at which all was well. */
export function renderResult({ variant, point, isReached, findings }: PointResult): readonly string[] {
  if (isReached && findings.length === 0) return [];
  return [
    `${variant}, killed in its ${point.life} life, ${point.moment}: ${point.effect}`,
    ...(isReached ? [] : ['  the agent did not come to this point']),
    ...findings.map(({ kind, what }) => `  ${kind}: ${what}`),
    `  again: npm run crash-matrix -- --variant ${variant} --point ${point.id}`,
    '',
  ];
}

function renderTable({ variants }: MatrixReport): readonly string[] {
  const rows = variants.map((report) => {
    const { variant, effectCount, pointCount, results } = report;
    const found = findingsOf(report);
    const of = (wanted: Finding['kind']): number => found.filter(({ kind }) => kind === wanted).length;
    const missed = results.filter(({ isReached }) => !isReached).length;
    return [variant, effectCount, pointCount, results.length, missed, of('leak'), of('lost')].map(String);
  });
  const table = [['variant', 'effects', 'kill points', 'killed at', 'not reached', 'leaks', 'lost'], ...rows];
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  );
}

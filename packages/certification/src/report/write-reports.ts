/** From the one result tree to the files of a run's directory. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@drydock/base/atomic-file';
import { toCtrf } from './ctrf.ts';
import { toHtmlReport } from './html/page.ts';
import { HISTORY_FILE, readRunHistory, type RunHistory } from './html/run-history.ts';
import { toJunit } from './junit.ts';
import { resultJsonSchema, type CertificationResult } from './result-schema.ts';

interface Rendering {
  readonly file: string;
  readonly render: (result: CertificationResult, history: RunHistory) => string;
}

/** A report more is a line more. */
const renderings: readonly Rendering[] = [
  { file: 'result.json', render: toJson },
  { file: 'result.schema.json', render: () => toJson(resultJsonSchema()) },
  { file: 'junit.xml', render: toJunit },
  { file: 'ctrf.json', render: (result) => toJson(toCtrf(result)) },
  { file: 'report.html', render: toHtmlReport },
];

/** Writes every report next to the run's history.ndjson; gives the files. */
export async function writeReports(result: CertificationResult, directory: string): Promise<readonly string[]> {
  await mkdir(directory, { recursive: true });
  const history = await readRunHistory(join(directory, HISTORY_FILE), result);
  for (const { file, render } of renderings) await writeFileAtomic(join(directory, file), render(result, history));
  return renderings.map(({ file }) => join(directory, file));
}

function toJson(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

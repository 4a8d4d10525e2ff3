import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { HistoryEvent } from '../../run/history.ts';
import { aHostileRun, SECRET, type HostileRun } from '../../testing/hostile-run.ts';
import type { CertificationResult, CheckResult } from '../result-schema.ts';
import { escapeHtml } from './html.ts';
import { toHtmlReport } from './page.ts';
import { quantile } from './plots.ts';
import { readRunHistory } from './run-history.ts';

describe('report.html', () => {
  let run: HostileRun;
  let directory: string;
  beforeAll(async () => {
    run = await aHostileRun();
  });
  afterAll(async () => await run[Symbol.asyncDispose]());
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'report-page-'));
  });
  afterEach(async () => await rm(directory, { recursive: true }));

  /** The page of checks that have so many events each. */
  async function pageOf(checkCount: number, eventsEach: number, text: string): Promise<string> {
    const [template] = run.result.checks;
    if (template === undefined) throw new Error('expected a check');
    const checks = Array.from({ length: checkCount }, (_, index): CheckResult => {
      const [from, to] = [index * eventsEach, (index + 1) * eventsEach];
      return {
        ...template,
        id: `X-${index}`,
        status: index === checkCount - 1 ? 'fail' : 'pass',
        history: { from, to },
      };
    });
    const lines = Array.from({ length: checkCount * eventsEach }, (_, seq) => JSON.stringify(exchange(seq, text)));
    return await pageFrom({ ...run.result, checks }, `${lines.join('\n')}\n`);
  }

  async function pageFrom(result: CertificationResult, history: string): Promise<string> {
    const path = join(directory, 'history.ndjson');
    await writeFile(path, history);
    return toHtmlReport(result, await readRunHistory(path, result));
  }

  function exchange(seq: number, text: string): HistoryEvent {
    return {
      seq,
      at: run.result.run.startedAt,
      kind: 'exchange',
      method: 'VolumeDriver.Mount',
      connection: 1,
      durationMs: seq,
      outcome: 'answered',
      request: { startLine: 'POST /VolumeDriver.Mount HTTP/1.1', headers: [], body: '{}' },
      response: { startLine: 'HTTP/1.1 200 OK', headers: [], body: text },
    };
  }

  it('tells of every check its status, level and title, and of those that ran how to run them alone', () => {
    for (const { title, id, level, rerun, source, status } of run.result.checks) {
      for (const text of [title, id, level, status]) expect(run.page).toContain(escapeHtml(text));
      if (status === 'skip' || status === 'disabled') continue;
      for (const text of [rerun, source]) expect(run.page).toContain(escapeHtml(text));
    }
  });

  it('tells of a failure what was expected, what came, the request and the answer', () => {
    const { failure } = run.result.checks.find(({ id }) => id === 'X-003') ?? {};
    expect(failure?.request).toContain('NoSuchCall');
    for (const text of [failure?.expected, failure?.got, failure?.request, failure?.answer]) {
      expect(run.page).toContain(escapeHtml(text ?? 'nothing'));
    }
  });

  it('tells the verdict, and why a check did not run or could not be judged', () => {
    expect(run.result.verdicts['core']?.outcome).toBe('refused');
    expect(run.page).toMatch(/core\s+<span class="outcome"><span aria-hidden="true">✗<\/span> refused<\/span>/);
    const reasons = run.result.checks.flatMap(({ status, reason }) => (status === 'pass' ? [] : [{ status, reason }]));
    expect(new Set(reasons.map(({ status }) => status))).toEqual(new Set(['fail', 'error', 'skip', 'disabled']));
    expect(run.page).toContain('the manifest does not declare capabilities.tls');
    expect(run.page).toContain('not implemented in this version');
    expect(run.page).toMatch(/there is no such program<\/dd>[\s\S]{0,80}<dd>install it<\/dd>/);
  });

  it('escapes what comes from a driver or a manifest', () => {
    expect(run.page).toContain('&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;');
    expect(run.page).not.toMatch(/<script|<img|\u202E/i);
    expect(run.page.match(/<\/style>/g)).toHaveLength(1);
    expect(run.page.match(/<\/title>/g)).toHaveLength(run.page.match(/<title>/g)?.length ?? 0);
  });

  it('has no secret in any form', () => {
    expect(run.page).toContain('[secret]');
    expect(run.page).not.toContain('hush');
    expect(run.page).not.toContain(Buffer.from(SECRET).toString('base64'));
  });

  it('needs nothing but itself: no script, no source, no link out', () => {
    const tags = [...run.page.matchAll(/<[a-z][^>]*>/g)].map(([tag]) => tag);
    expect(tags.filter((tag) => /\s(src|srcset|xlink:href|style|on\w+)=/.test(tag))).toEqual([]);
    expect(tags.filter((tag) => /\shref="(?!#)/.test(tag))).toEqual([]);
    expect(tags.filter((tag) => /^<(link|iframe|object|embed|form|base)\b/.test(tag))).toEqual([]);
    expect(run.page.slice(0, run.page.indexOf('</style>'))).not.toMatch(/url\(|@import/);
    expect(run.page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'`);
  });

  it('has ids that are there once, and links that lead to one', () => {
    const ids = [...run.page.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
    const links = [...run.page.matchAll(/\shref="#([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(links.filter((id) => !ids.includes(id))).toEqual([]);
    expect(links.length).toBeGreaterThan(8);
  });

  it('shows the beginning and the end of a long check, and says where the rest is', async () => {
    const page = await pageOf(1, 5_000, '{"Err":""}');
    expect(page.match(/<li>\s*<details>/g)).toHaveLength(60);
    expect(page).toMatch(/4940 events left out here: all of them are the lines 1 to\s+5000 of history.ndjson/);
    expect(page).toContain('Evidence: 5000 events');
    expect(page).toMatch(/5000 answers: median 2.5 s, 95\u00A0% within 4.7 s, slowest 5 s/);
    expect(page.length).toBeLessThan(200_000);
  });

  it('cuts a long body', async () => {
    const page = await pageOf(1, 1, 'x'.repeat(1_000_000));
    expect(page).toContain(`${'x'.repeat(2_000)}… (998000 characters more in history.ndjson)`);
    expect(page.length).toBeLessThan(100_000);
  });

  it('has room for so much evidence; what did not pass gets it first', async () => {
    const page = await pageOf(80, 60, 'x'.repeat(2_000));
    expect(page.length).toBeLessThan(7_000_000);
    expect(page).toMatch(/No room for the evidence: it is the lines 4681 to\s+4740 of history.ndjson/);
    const last = page.slice(page.indexOf('id="check-X-79"'));
    expect(last).toContain('Evidence: 60 events');
  });

  it('is made without a history, and from one that ends in the middle of a line, and says so', async () => {
    const none = toHtmlReport(run.result, await readRunHistory(join(directory, 'none.ndjson'), run.result));
    expect(none).toContain('There is no history.ndjson beside this page');
    const page = await pageFrom(run.result, `${JSON.stringify(exchange(0, '{}'))}\n{"seq":1,"at`);
    expect(page).toMatch(/1 request in 1 event of\s+history.ndjson; 1 line of it could not be read/);
  });

  it.each([
    [[5], 0.5, 5],
    [[1, 2, 3, 4], 0.5, 2],
    [[1, 2, 3, 4], 0.95, 4],
    [Array.from({ length: 100 }, (_, index) => index + 1), 0.95, 95],
  ])('takes of %j at %d the value %d', (values, share, value) => {
    expect(quantile(values, share)).toBe(value);
  });
});

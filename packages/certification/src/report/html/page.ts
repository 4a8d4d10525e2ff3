/** `report.html`: one page for people, without scripts and without anything that has to be loaded. */
import { catalogueGroups } from '../../catalogue/index.ts';
import { tiers } from '../../catalogue/catalogue-entry.ts';
import { statuses } from '../../run/outcome.ts';
import { countsOf } from '../../run/verdict.ts';
import type { CertificationResult, CheckResult } from '../result-schema.ts';
import { checkDetails, statusWords } from './check.ts';
import { evidenceOf } from './evidence.ts';
import { facts } from './facts.ts';
import { cut, formatTime, plural } from './format.ts';
import { Html, html } from './html.ts';
import { pageStyle } from './page-style.ts';
import { checksBar, latencyPlots, timelinePlot } from './plots.ts';
import { HISTORY_FILE, type RunHistory } from './run-history.ts';
import { notRun, problems, verdictCards } from './verdicts.ts';

/** Characters of all evidence on the page; checks that did not pass come first. */
const EVIDENCE_LENGTH_MAX = 6_000_000;

const sections = [
  ['verdict', 'Verdict'],
  ['problems', 'What did not hold'],
  ['checks', 'Checks'],
  ['not-run', 'What did not run'],
  ['timeline', 'Requests over time'],
  ['latency', 'Latency'],
  ['facts', 'Run, driver and machine'],
] as const;

export function toHtmlReport(result: CertificationResult, history: RunHistory): string {
  const { driver, run, suite } = result;
  const bodies: Readonly<Record<(typeof sections)[number][0], Html>> = {
    verdict: verdictCards(result),
    problems: problems(result),
    checks: checksByTier(result, history),
    'not-run': notRun(result),
    timeline: html`${historyNote(history)} ${checksBar(result)} ${timelinePlot(result, history)}`,
    latency: html`<p class="muted">
        From the whole request to the whole answer, of every answer of the run, refusals too. The axis is logarithmic
        and the same for all; the line is the median.
      </p>
      ${latencyPlots(history)}`,
    facts: facts(result),
  };
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
        />
        <title>${cut(`${driver.name} ${driver.version}: ${verdictLine(result)}`, 'the page', 200)}</title>
        <style>
          ${Html.trusted(pageStyle)}
        </style>
      </head>
      <body>
        <a class="skip-link" href="#checks">Skip to the checks</a>
        <header>
          <p class="muted">Certification of a volume driver for the docker/volume isolator of Mesos</p>
          <h1>
            ${cut(driver.name, 'the manifest', 200)}
            <span class="version">${cut(driver.version, 'the manifest', 200)}</span>
          </h1>
          <p>
            by ${cut(driver.vendor, 'the manifest', 200)} · judged ${formatTime(run.startedAt)} · ${suite.name}
            ${suite.version}
          </p>
          ${run.isInterrupted ? html`<p class="banner"><b>The run was interrupted.</b> What had not run by then could not be judged.</p>` : undefined}
        </header>
        <nav aria-label="On this page">
          <ul>
            ${sections.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}
          </ul>
        </nav>
        <main>
          ${sections.map(
            ([id, title]) =>
              html`<section id="${id}" aria-labelledby="${id}-title" tabindex="-1">
                <h2 id="${id}-title">${title}</h2>
                ${bodies[id]}
              </section> `,
          )}
        </main>
        <footer>
          <p class="muted">Made from result.json and ${HISTORY_FILE}, which lie beside this page. Run ${run.id}.</p>
        </footer>
      </body>
    </html> `;
  return page.text;
}

function verdictLine({ verdicts }: CertificationResult): string {
  return Object.entries(verdicts)
    .map(([tier, { outcome }]) => `${tier} ${outcome}`)
    .join(', ');
}

/** Tiers, in them groups, in them the checks that ran. */
function checksByTier(result: CertificationResult, history: RunHistory): Html {
  const evidence = evidenceWithin(result, history);
  const byTier = tiers.map((tier) => [tier, result.checks.filter((check) => check.tier === tier)] as const);
  return html`${byTier.map(([tier, checks]) => {
    const ran = checks.filter(hasRun);
    if (ran.length === 0) return undefined;
    const groups = Map.groupBy(ran, ({ id }) => id.split('-')[0] ?? id);
    return html`<h3>${tier} <span class="muted">${countsText(checks)}</span></h3>
      ${[...groups].map(
        ([group, members]) =>
          html`<section class="group" aria-label="${tier} ${group}">
            <h4>${groupTitle(group)} <span class="muted">${countsText(members)}</span></h4>
            ${members.map((check) => checkDetails(check, evidence.get(check)))}
          </section> `,
      )}`;
  })}`;
}

function hasRun({ status }: CheckResult): boolean {
  return status !== 'skip' && status !== 'disabled';
}

function groupTitle(name: string): string {
  const group = catalogueGroups.find((candidate) => candidate.name === name);
  return group === undefined ? name : `${name}: ${group.title}`;
}

function countsText(checks: readonly CheckResult[]): string {
  const counts = countsOf(checks);
  return statuses
    .toReversed()
    .filter((status) => counts[status] > 0)
    .map((status) => `${counts[status]} ${statusWords[status]}`)
    .join(' · ');
}

/** The evidence of each check, as long as there is room for it: what did not pass needs it most. */
function evidenceWithin({ checks }: CertificationResult, { evidence }: RunHistory): ReadonlyMap<CheckResult, Html> {
  const shown = new Map<CheckResult, Html>();
  let room = EVIDENCE_LENGTH_MAX;
  for (const check of checks.toSorted((a, b) => Number(a.status === 'pass') - Number(b.status === 'pass'))) {
    const kept = evidence.get(check);
    if (kept === undefined) continue;
    const made = evidenceOf(check, kept);
    room -= made.text.length;
    const { from, to } = check.history;
    const note = html`<p class="muted">
      No room for the evidence: it is the lines ${from + 1} to ${to} of ${HISTORY_FILE}
    </p>`;
    shown.set(check, room >= 0 ? made : note);
  }
  return shown;
}

function historyNote({ eventCount, unreadableCount, calls }: RunHistory): Html {
  if (eventCount === undefined) {
    return html`<p class="banner">There is no ${HISTORY_FILE} beside this page, hence no evidence and no times.</p>`;
  }
  const requests = calls.reduce((sum, { counts }) => sum + counts.answered + counts.refused + counts.unanswered, 0);
  return html`<p class="muted">
    ${plural(requests, 'request')} in ${plural(eventCount, 'event')} of
    ${HISTORY_FILE}${unreadableCount === 0 ? '' : `; ${plural(unreadableCount, 'line')} of it could not be read`}. The
    requests of a check, with their answers, are its evidence.
  </p>`;
}

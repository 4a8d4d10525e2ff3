/** The verdict of each tier, and what stands in its way. */
import { nameOf } from '../../run/verdict.ts';
import { statuses } from '../../run/outcome.ts';
import type { CertificationResult, CheckResult, TierVerdict } from '../result-schema.ts';
import { anchorOf, badge, statusWords } from './check.ts';
import { cut, plural } from './format.ts';
import { html, type Html } from './html.ts';

const outcomeSigns = { granted: '✓', refused: '✗', incomplete: '○', error: '!' } as const;

const outcomeMeanings = {
  granted: 'Every MUST of this tier that counts for this driver holds.',
  refused: 'At least one MUST of this tier does not hold.',
  incomplete: 'Nothing failed, but not every MUST of this tier was judged.',
  error: 'Something could not be judged: the suite has to be helped, not the driver.',
} as const;

/** From what one looks at first. */
const shownStatuses = statuses.toReversed();
const LIST_COUNT_MAX = 20;

export function verdictCards(result: CertificationResult): Html {
  return html`<div class="cards">
    ${Object.entries(result.verdicts).map(([tier, verdict]) => card(tier, verdict, result))}
  </div>`;
}

function card(tier: string, verdict: TierVerdict, result: CertificationResult): Html {
  const { outcome, blockers, warnings, missing, counts } = verdict;
  const total = statuses.reduce((sum, status) => sum + counts[status], 0);
  let x = 0;
  const rects = shownStatuses.map((status) => {
    const width = total === 0 ? 0 : (counts[status] / total) * 100;
    const rect = html`<rect class="${status}" x="${x.toFixed(2)}" y="0" width="${width.toFixed(2)}" height="4" />`;
    x += width;
    return width === 0 ? undefined : rect;
  });
  return html`<section class="card ${outcome}" aria-labelledby="tier-${tier}">
    <h3 id="tier-${tier}">
      ${tier} <span class="outcome"><span aria-hidden="true">${outcomeSigns[outcome]}</span> ${outcome}</span>
    </h3>
    <p>${outcomeMeanings[outcome]}</p>
    <svg class="counts" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">${rects}</svg>
    <p class="muted">
      ${shownStatuses
        .filter((status) => counts[status] > 0)
        .map((status) => `${counts[status]} ${statusWords[status]}`)
        .join(' · ')}
    </p>
    ${names('In the way', blockers, result)} ${names('Warnings', warnings, result)} ${missingByReason(missing)}
  </section>`;
}

/** Names of checks, as far as they are such with a link. */
function names(title: string, told: readonly string[], { checks }: CertificationResult): Html | undefined {
  if (told.length === 0) return undefined;
  const links = told.slice(0, LIST_COUNT_MAX).map((name) => {
    const check = checks.find((candidate) => nameOf(candidate) === name);
    return check === undefined ? html`<li>${name}</li>` : html`<li><a href="#${anchorOf(check)}">${name}</a></li>`;
  });
  const more = told.length - links.length;
  return html`<h4>${title}</h4>
    <ul>
      ${links} ${more > 0 ? html`<li class="muted">and ${more} more</li>` : undefined}
    </ul>`;
}

/** MUSTs that did not run; the result tells each as `CNT-001: reason`. */
function missingByReason(missing: readonly string[]): Html | undefined {
  if (missing.length === 0) return undefined;
  const byReason = Map.groupBy(missing, (told) => told.slice(told.indexOf(': ') + 2));
  return html`<h4>MUSTs that did not run</h4>
    <ul class="lines">
      ${[...byReason].map(
        ([reason, same]) =>
          html`<li><a href="#not-run">${plural(same.length, 'check')}</a>: ${cut(reason, 'result.json', 300)}</li>`,
      )}
    </ul>`;
}

/** What failed or could not be judged, MUSTs first, each in one paragraph. */
export function problems({ checks }: CertificationResult): Html {
  const bad = checks
    .filter(({ status }) => status === 'fail' || status === 'error')
    .toSorted((a, b) => Number(b.level === 'MUST') - Number(a.level === 'MUST'));
  if (bad.length === 0) return html`<p>Nothing failed, and everything that ran could be judged.</p>`;
  return html`<ol class="problems">
    ${bad.map((check) => {
      const { status, title, level, reason = '', failure } = check;
      return html`<li>
        <p>
          ${badge(status)} <a href="#${anchorOf(check)}">${nameOf(check)}</a>
          <span class="level">${level}</span> ${title}
        </p>
        ${
          failure === undefined
            ? html`<p class="told">${cut(reason, 'the check', 300)}</p>`
            : html`<p class="told">
                Expected ${cut(failure.expected, 'the check', 300)}<br />Got ${cut(failure.got, 'the check', 300)}
              </p>`
        }
      </li>`;
    })}
  </ol>`;
}

/** Checks that did not run, by their reason. */
export function notRun({ checks }: CertificationResult): Html {
  const idle = checks.filter(({ status }) => status === 'skip' || status === 'disabled');
  if (idle.length === 0) return html`<p>Every check of the catalogue ran.</p>`;
  return html`<p class="muted">
      skip: the manifest does not declare what the check needs; disabled: not in this version, or not asked for. Neither
      ever counts as passed.
    </p>
    ${(['skip', 'disabled'] as const).map((status) => {
      const byReason = Map.groupBy(
        checks.filter((check) => check.status === status),
        ({ reason = 'no reason was given' }) => reason,
      );
      return [...byReason].map(([reason, same]) => reasonDetails(status, reason, same));
    })}`;
}

function reasonDetails(status: CheckResult['status'], reason: string, checks: readonly CheckResult[]): Html {
  return html`<details class="reason">
    <summary>
      ${badge(status)} <span class="why">${cut(reason, 'result.json', 300)}</span>
      <span class="muted">${plural(checks.length, 'check')}</span>
    </summary>
    <ul>
      ${checks.map(
        (check) => html`<li><b>${nameOf(check)}</b> <span class="level">${check.level}</span> ${check.title}</li>`,
      )}
    </ul>
  </details>`;
}

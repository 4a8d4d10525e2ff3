/** One check: what is demanded, what came of it, and how to see it again. */
import { findEntry } from '../../catalogue/index.ts';
import { nameOf } from '../../run/verdict.ts';
import type { CheckResult } from '../result-schema.ts';
import { pre } from './evidence.ts';
import { cut, formatDuration, listOf, term } from './format.ts';
import { html, type Html } from './html.ts';

const WHERE = 'result.json';

export const statusWords = {
  pass: 'pass',
  fail: 'fail',
  error: 'error',
  skip: 'skip',
  disabled: 'disabled',
} as const satisfies Record<CheckResult['status'], string>;

const statusSigns = { pass: '✓', fail: '✗', error: '!', skip: '–', disabled: '○' } as const;

export function anchorOf(check: CheckResult): string {
  return `check-${nameOf(check).replaceAll(/[^a-zA-Z0-9]+/g, '-')}`;
}

export function badge(status: CheckResult['status']): Html {
  return html`<span class="badge ${status}"
    ><span aria-hidden="true">${statusSigns[status]}</span> ${statusWords[status]}</span
  >`;
}

/** Opens by itself when there is something to look at. */
export function checkDetails(check: CheckResult, evidence: Html | undefined): Html {
  const { status, id, title, level, client, durationMs } = check;
  const isOpen = status === 'fail' || status === 'error';
  return html`<details class="check ${status}" id="${anchorOf(check)}" ${isOpen ? html`open` : undefined}>
    <summary>
      ${badge(status)}
      <h5><span class="id">${id}</span> ${title}</h5>
      <span class="tags">
        <span class="level">${level}</span>${client === undefined ? undefined : html` <span>${client}</span>`}
        <span>${formatDuration(durationMs)}</span>
      </span>
    </summary>
    <div class="body">${outcome(check)} ${background(check)} ${evidence}</div>
  </details>`;
}

function outcome({ failure, reason, remedy, leftovers, notes, measurements }: CheckResult): Html {
  const measured = Object.entries(measurements).map(([name, value]) => `${name}: ${value}`);
  return html`<dl>
    ${
      failure === undefined
        ? term('Reason', withoutRemedy(reason, remedy))
        : [
            term('Expected', failure.expected),
            term('Got', html`<span class="got">${cut(failure.got, WHERE)}</span>`),
            failure.request === undefined ? undefined : term('Last request', preCut(failure.request)),
            failure.answer === undefined ? undefined : term('Its answer', preCut(failure.answer)),
          ]
    }
    ${term('What to do', remedy)} ${term('Left behind', listOf(leftovers, WHERE))}
    ${term('Notes', listOf(notes, WHERE))} ${term('Measured', listOf(measured, WHERE))}
  </dl>`;
}

/** The reason of an error ends in its remedy, which has a line of its own. */
function withoutRemedy(reason: string | undefined, remedy: string | undefined): string | undefined {
  return remedy !== undefined && reason?.endsWith(`; ${remedy}`) === true
    ? reason.slice(0, -remedy.length - 2)
    : reason;
}

function preCut(text: string): Html {
  return pre(cut(text, WHERE));
}

function background(check: CheckResult): Html {
  const { id, revision, pass, source, rerun, seed, level, tier } = check;
  const entry = findEntry(id);
  // A result of an earlier catalogue must not be explained with today's steps.
  const steps = entry?.revision === revision && entry.title === check.title ? entry.steps : [];
  return html`<dl>
    ${
      steps.length === 0
        ? undefined
        : term(
            'Steps',
            html`<ol>
              ${steps.map((step) => html`<li>${step}</li>`)}
            </ol>`,
          )
    }
    ${term('Passes when', pass)} ${term('Why it is checked', source)}
    ${term('Run it alone', html`<code>${rerun}</code>`)}
    ${term('Demanded by', `${level} of ${tier}, revision ${revision}; seed ${seed}`)}
  </dl>`;
}

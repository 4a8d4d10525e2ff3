/** What went by during a check: every request with its answer, mounts, commands, the driver's process. */
import type { HistoryEvent, RecordedMessage } from '../../run/history.ts';
import type { CheckResult } from '../result-schema.ts';
import { cut, formatDuration, plural } from './format.ts';
import { html, type Html } from './html.ts';
import { endingOf, HISTORY_FILE, shortMethod, statusOf, type CheckEvidence } from './run-history.ts';

/** Lines of a mount table, headers and words of a command that are shown. */
const ITEM_COUNT_MAX = 40;

export function evidenceOf(check: CheckResult, { events, omittedCount, omittedAfter }: CheckEvidence): Html {
  const startedAt = Date.parse(events[0]?.at ?? '');
  const last = Math.max(...events.map((event) => Date.parse(event.at) - startedAt + durationOf(event)), 1);
  const rows = events.map((event) => row(event, Date.parse(event.at) - startedAt, last));
  const omitted = html`<li class="muted">
    ${plural(omittedCount, 'event')} left out here: all of them are the lines ${check.history.from + 1} to
    ${check.history.to} of ${HISTORY_FILE}
  </li>`;
  return html`<details class="evidence">
    <summary>Evidence: ${plural(events.length + omittedCount, 'event')}</summary>
    <ol class="events">
      ${rows.slice(0, omittedAfter)}${omittedCount > 0 ? omitted : undefined}${rows.slice(omittedAfter)}
    </ol>
  </details>`;
}

function durationOf(event: HistoryEvent): number {
  return event.kind === 'exchange' || event.kind === 'command' ? event.durationMs : 0;
}

function row(event: HistoryEvent, offsetMs: number, totalMs: number): Html {
  const offset = html`<span class="offset">+${formatDuration(offsetMs)}</span>`;
  const bar = waterfall(event, offsetMs, totalMs);
  const { text, more } = describe(event);
  if (more === undefined) return html`<li class="event">${offset} <span class="what">${text}</span>${bar}</li>`;
  return html`<li>
    <details>
      <summary class="event">${offset} <span class="what">${text}</span>${bar}</summary>
      ${more}
    </details>
  </li>`;
}

/** Where in the check's time it was. */
function waterfall(event: HistoryEvent, offsetMs: number, totalMs: number): Html {
  const x = (offsetMs / totalMs) * 100;
  const width = Math.max(1, (durationOf(event) / totalMs) * 100);
  const ending = event.kind === 'exchange' ? endingOf(event) : 'other';
  return html`<svg class="waterfall" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
    <rect class="${ending}" x="${Math.min(99, x).toFixed(1)}" y="0" width="${width.toFixed(1)}" height="4" />
  </svg>`;
}

function describe(event: HistoryEvent): { readonly text: Html; readonly more?: Html } {
  switch (event.kind) {
    case 'exchange': {
      const { request, response, outcome, durationMs } = event;
      const answer = response === undefined ? outcomeTexts[outcome] : statusOf(response.startLine);
      const ending = endingOf(event);
      return {
        text: html`<b>${shortMethod(event.method)}</b> →
          <span class="${ending}">${answer}${ending === 'refused' ? ', an error' : ''}</span>,
          ${formatDuration(durationMs)}`,
        more: html`${message('Request', request)}
        ${response === undefined ? html`<p class="muted">No answer: ${outcomeTexts[outcome]}</p>` : message('Answer', response)}`,
      };
    }
    case 'command':
      return {
        text: html`<code>${cut(event.argv.slice(0, ITEM_COUNT_MAX).join(' '), HISTORY_FILE, 300)}</code> →
          ${event.signal ?? `exit ${event.exitCode ?? 'unknown'}`}, ${formatDuration(event.durationMs)}`,
        more: html`${output('stdout', event.stdout)}${output('stderr', event.stderr)}`,
      };
    case 'mounts':
      return {
        text: html`Mount table: ${event.added.length} more and ${event.removed.length} less than before`,
        more: html`${mountLines('+', event.added)}${mountLines('-', event.removed)}`,
      };
    case 'process':
      return { text: html`Driver: ${event.event}${event.pid === undefined ? '' : ` (pid ${event.pid})`}` };
    case 'check':
      return { text: html`<span class="muted">${checkTexts[event.event]}</span>` };
    case 'note':
      return { text: html`${event.text}` };
  }
}

const outcomeTexts = {
  answered: 'answered',
  closed: 'the driver closed the connection',
  'given-up': 'the client gave up waiting',
  unreachable: 'the driver took no connection',
} as const;

const checkTexts = {
  start: 'the check starts',
  'clean-up': 'clean-up starts: everything that the check made is removed',
  end: 'the check ends',
} as const;

function message(title: string, { startLine, headers, body, encoding, isTruncated }: RecordedMessage): Html {
  const head = headers.slice(0, ITEM_COUNT_MAX).map(([name, value]) => `${name}: ${value}`);
  const more = headers.length - head.length;
  const lines = [startLine, ...head, ...(more > 0 ? [`… (${plural(more, 'header')} more in ${HISTORY_FILE})`] : [])];
  const notes = [
    ...(encoding === undefined ? [] : ['base64, for the bytes are no text']),
    ...(isTruncated === true ? ['it ended before it was whole'] : []),
  ];
  return html`<p class="label">${title}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}</p>
    ${pre(`${lines.join('\n')}\n\n${body}`.trimEnd())}`;
}

function output(name: string, text: string): Html {
  if (text === '') return html`<p class="muted">${name} is empty</p>`;
  return html`<p class="label">${name}</p>
    ${pre(text)}`;
}

type Mounts = Extract<HistoryEvent, { readonly kind: 'mounts' }>['added'];

function mountLines(sign: string, entries: Mounts): Html | undefined {
  if (entries.length === 0) return undefined;
  const lines = entries
    .slice(0, ITEM_COUNT_MAX)
    .map(({ source, mountpoint, type, options }) => `${sign} ${source} on ${mountpoint} type ${type} (${options})`);
  const more = entries.length - lines.length;
  return pre([...lines, ...(more > 0 ? [`… (${more} more in ${HISTORY_FILE})`] : [])].join('\n'));
}

/** A newline right after `<pre>` is not shown, hence one that is not the text's. */
export function pre(text: string): Html {
  return html`<pre>${`\n${text}`}</pre>`;
}

/** Inline SVG without text: it stretches to the width of the page, and what there is to read stands beside it as HTML. */
import { nameOf } from '../../run/verdict.ts';
import type { CertificationResult } from '../result-schema.ts';
import { formatDuration, plural } from './format.ts';
import { html, type Html } from './html.ts';
import { endings, MOMENT_COUNT, totalOf, type CallSeries, type RunHistory } from './run-history.ts';

/** Bars of a distribution per power of ten. */
const BARS_PER_DECADE = 12;
const PLOT_HEIGHT = 40;

const endingNames = {
  answered: 'answered with success',
  refused: 'answered with an error',
  unanswered: 'no answer',
} as const;

/** When which call was made in the run, and how it ended. */
export function timelinePlot({ run }: CertificationResult, { calls }: RunHistory): Html {
  const durationMs = Math.max(1, Date.parse(run.finishedAt) - Date.parse(run.startedAt));
  return html`<ul class="legend" aria-label="Colours">
      ${endings.map((ending) => html`<li><span class="key ${ending}"></span>${endingNames[ending]}</li>`)}
    </ul>
    ${calls.map((call) => lane(call))}
    <div class="axis" aria-hidden="true">
      ${[0, 0.25, 0.5, 0.75, 1].map((share) => html`<span>${formatDuration(durationMs * share)}</span>`)}
    </div>`;
}

function lane(call: CallSeries): Html {
  const { method, moments, counts } = call;
  const told = endings
    .filter((ending) => counts[ending] > 0)
    .map((ending) => `${counts[ending]} ${endingNames[ending]}`);
  const paths = endings.map((ending, index) => {
    const moves = [...moments].flatMap((worst, moment) => (worst === index + 1 ? [`M${moment} 0V10`] : []));
    return moves.length === 0 ? undefined : html`<path class="${ending}" d="${moves.join('')}" />`;
  });
  return html`<figure class="lane">
    <figcaption><b>${method}</b> <span class="muted">${told.join(', ')}</span></figcaption>
    <svg viewBox="0 0 ${MOMENT_COUNT} 10" preserveAspectRatio="none" role="img" aria-label="When ${method} was called">
      ${paths}
    </svg>
  </figure>`;
}

/** How long answers took, per call, all on one logarithmic axis so that they can be compared. */
export function latencyPlots({ calls }: RunHistory): Html {
  const measured = calls.filter(({ durations }) => durations.length > 0);
  const all = measured.flatMap(({ durations }) => [durations[0] ?? 0, durations.at(-1) ?? 0]);
  if (all.length === 0) return html`<p>No call was answered.</p>`;
  const from = Math.floor(Math.log10(Math.max(0.01, Math.min(...all))));
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(0.1, ...all))));
  return html`${measured.map((call) => distribution(call, from, to))}`;
}

/** @param from and to are powers of ten, of milliseconds */
function distribution(call: CallSeries, from: number, to: number): Html {
  const { method, durations } = call;
  const barCount = (to - from) * BARS_PER_DECADE;
  const placeOf = (milliseconds: number): number =>
    Math.min(barCount, Math.max(0, (Math.log10(Math.max(milliseconds, 10 ** from)) - from) * BARS_PER_DECADE));
  const bars = Array.from({ length: barCount }, () => 0);
  for (const duration of durations) {
    const bar = Math.min(barCount - 1, Math.floor(placeOf(duration)));
    bars[bar] = (bars[bar] ?? 0) + 1;
  }
  const highest = Math.max(...bars);
  const decades = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  const [median, p95] = [quantile(durations, 0.5), quantile(durations, 0.95)];
  const unanswered = totalOf(call) - durations.length;
  const text = [
    `${plural(durations.length, 'answer')}: median ${formatDuration(median)}`,
    ...(durations.length === 1 ? [] : [`95\u00A0% within ${formatDuration(p95)}`]),
    ...(durations.length === 1 ? [] : [`slowest ${formatDuration(durations.at(-1) ?? 0)}`]),
    ...(unanswered === 0 ? [] : [`${unanswered} without an answer`]),
  ].join(', ');
  return html`<figure class="latency">
    <figcaption><b>${method}</b> <span class="muted">${text}</span></figcaption>
    <svg
      viewBox="0 0 ${barCount} ${PLOT_HEIGHT}"
      preserveAspectRatio="none"
      role="img"
      aria-label="Distribution of the latencies of ${method}"
    >
      <path class="grid" d="${decades.map((_, index) => `M${index * BARS_PER_DECADE} 0V${PLOT_HEIGHT}`).join('')}" />
      ${bars.map((count, bar) => {
        if (count === 0) return undefined;
        // What happened once is seen beside what happened a thousand times.
        const height = Math.max(2, (PLOT_HEIGHT * count) / highest);
        return html`<rect
          class="bar"
          x="${bar + 0.08}"
          width="0.84"
          y="${round(PLOT_HEIGHT - height)}"
          height="${round(height)}"
        />`;
      })}
      <path class="median" d="M${round(placeOf(median))} 0V${PLOT_HEIGHT}" />
    </svg>
    <div class="axis" aria-hidden="true">${decades.map((decade) => html`<span>${formatDecade(decade)}</span>`)}</div>
  </figure>`;
}

/** Of ascending values, at least one: the smallest that so many are not above. */
export function quantile(ascending: readonly number[], share: number): number {
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)] ?? 0;
}

function formatDecade(decade: number): string {
  return decade >= 3 ? `${10 ** (decade - 3)} s` : `${decade < 0 ? (10 ** decade).toFixed(-decade) : 10 ** decade} ms`;
}

/** The checks of the run one after the other, as wide as they took time. */
export function checksBar({ checks }: CertificationResult): Html | undefined {
  const ran = checks.filter(({ durationMs }) => durationMs > 0);
  const total = ran.reduce((sum, { durationMs }) => sum + durationMs, 0);
  if (total === 0) return undefined;
  let x = 0;
  const rects = ran.map((check) => {
    const width = (check.durationMs / total) * 1_000;
    const rect = html`<rect
      class="${check.status}"
      x="${round(x)}"
      y="0"
      width="${round(Math.max(0.5, width - 0.8))}"
      height="10"
      ><title>${nameOf(check)}: ${check.status}, ${formatDuration(check.durationMs)}</title></rect
    >`;
    x += width;
    return rect;
  });
  return html`<figure class="lane checks">
    <figcaption><b>Checks</b> <span class="muted">in their order, as wide as they took time</span></figcaption>
    <svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="The checks of the run in their order">
      ${rects}
    </svg>
  </figure>`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

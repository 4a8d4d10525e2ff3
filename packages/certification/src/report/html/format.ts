/** How numbers, times and long texts are shown. */
import { html, type Html } from './html.ts';

/** Characters of a text that are shown; the rest is counted. */
const TEXT_LENGTH_MAX = 4_000;
const ITEM_COUNT_MAX = 50;

export function formatDuration(milliseconds: number): string {
  if (milliseconds < 10) return `${Number(milliseconds.toFixed(2))} ms`;
  if (milliseconds < 1_000) return `${milliseconds.toFixed(0)} ms`;
  if (milliseconds < 60_000) return `${Number((milliseconds / 1_000).toFixed(1))} s`;
  const seconds = Math.round(milliseconds / 1_000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** `2026-11-25 15:50:42 UTC` */
export function formatTime(rfc3339: string): string {
  return rfc3339.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC');
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Cuts a long text; `where` tells where all of it is. */
export function cut(text: string, where: string, lengthMax: number = TEXT_LENGTH_MAX): string {
  const more = text.length - lengthMax;
  return more <= 0 ? text : `${text.slice(0, lengthMax)}… (${plural(more, 'character')} more in ${where})`;
}

/** Cuts a long list; the note tells where all of it is. */
export function listOf(items: readonly string[], where: string): Html | undefined {
  if (items.length === 0) return undefined;
  const more = items.length - ITEM_COUNT_MAX;
  return html`<ul>
    ${items.slice(0, ITEM_COUNT_MAX).map((item) => html`<li>${cut(item, where)}</li>`)}
    ${more > 0 ? html`<li class="muted">${more} more in ${where}</li>` : undefined}
  </ul>`;
}

/** Of a `<dl>`; nothing when there is nothing to say. */
export function term(name: string, value: Html | string | number | undefined): Html | undefined {
  if (value === undefined || value === '') return undefined;
  return html`<div>
    <dt>${name}</dt>
    <dd>${typeof value === 'string' ? cut(value, 'result.json') : value}</dd>
  </div>`;
}

import type { CheckResult } from '../report/result-schema.ts';
import type { HistoryEvent, RecordedMessage } from './history.ts';
import type { CheckFailedError } from './outcome.ts';

const BODY_LENGTH_MAX = 1_000;

/** What a person needs to see of a failure: what was expected, what came, and the request and answer that it is about. */
export function toFailure(
  { expected, got, answer: wrong }: CheckFailedError,
  events: readonly HistoryEvent[],
): NonNullable<CheckResult['failure']> {
  const exchanges = events.filter((event) => event.kind === 'exchange');
  const isWrong = ({ method, response }: (typeof exchanges)[number]): boolean =>
    method === wrong?.method && response?.body === wrong.text;
  const last = exchanges.findLast(isWrong) ?? exchanges.at(-1);
  if (last === undefined) return { expected, got };
  const answer = last.response === undefined ? `none: ${outcomeText[last.outcome]}` : show(last.response);
  return { expected, got, request: show(last.request), answer: `${answer} (after ${last.durationMs} ms)` };
}

const outcomeText = {
  answered: 'answered',
  closed: 'the driver closed the connection',
  'given-up': 'the client gave up waiting',
  unreachable: 'the driver took no connection',
} as const;

function show({ startLine, body, encoding }: RecordedMessage): string {
  const text = encoding === undefined ? body.trim() : `(base64) ${body}`;
  return `${startLine} ${text.length > BODY_LENGTH_MAX ? `${text.slice(0, BODY_LENGTH_MAX)}...` : text}`.trim();
}

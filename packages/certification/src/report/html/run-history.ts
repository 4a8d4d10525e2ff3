/** What the page shows of history.ndjson, read line by line and kept in bounded memory however long a run was. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { systemCodeOf } from '@drydock/base/errors';
import type { HistoryEvent } from '../../run/history.ts';
import type { CertificationResult, CheckResult } from '../result-schema.ts';
import { cut } from './format.ts';

export const HISTORY_FILE = 'history.ndjson';

/** Events of a check that are shown: its beginning and its end. */
const HEAD_COUNT = 40;
const TAIL_COUNT = 20;
/** Characters of a body or an output that are shown. */
const TEXT_LENGTH_MAX = 2_000;
/** Calls that are told apart; a check may send what no driver knows. */
const CALL_COUNT_MAX = 24;
const OTHER_CALLS = 'other calls';
/** Moments of a run that the timeline tells apart. */
export const MOMENT_COUNT = 600;

/** From good to bad: at one moment the worst is shown. */
export const endings = ['answered', 'refused', 'unanswered'] as const;
export type Ending = (typeof endings)[number];

/** All requests of one method. */
export interface CallSeries {
  readonly method: string;
  /** Milliseconds, of those that were answered; ascending. */
  readonly durations: readonly number[];
  readonly counts: Readonly<Record<Ending, number>>;
  /** For each moment of the run the worst ending, as its place in `endings` plus 1; 0: no request. */
  readonly moments: Uint8Array;
}

export interface CheckEvidence {
  readonly events: readonly HistoryEvent[];
  /** Events between the first and the last ones that are not in `events`, and after how many. */
  readonly omittedCount: number;
  readonly omittedAfter: number;
}

export interface RunHistory {
  /** Undefined: there is no such file. */
  readonly eventCount: number | undefined;
  /** Lines that are no event: the run ended while it wrote. */
  readonly unreadableCount: number;
  /** Those with most requests first. */
  readonly calls: readonly CallSeries[];
  readonly evidence: ReadonlyMap<CheckResult, CheckEvidence>;
}

type Exchange = Extract<HistoryEvent, { readonly kind: 'exchange' }>;

/** Reads the history of a result. A file that is not there is an empty one. */
export async function readRunHistory(path: string, result: CertificationResult): Promise<RunHistory> {
  const digest = new HistoryDigest(result);
  try {
    const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY });
    for await (const line of lines) digest.add(line);
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
    return { ...digest.end(), eventCount: undefined };
  }
  return digest.end();
}

/** How an exchange ended, for the eye: a body that is cut is looked at as far as it goes. */
export function endingOf({ outcome, response }: Exchange): Ending {
  if (outcome !== 'answered' || response === undefined) return 'unanswered';
  return statusOf(response.startLine) === '200' && !/"err"\s*:\s*"[^"]/i.test(response.body) ? 'answered' : 'refused';
}

/** `404` of `HTTP/1.1 404 Not Found` */
export function statusOf(startLine: string): string {
  return /^HTTP\/\S+ (\d{3})/.exec(startLine)?.[1] ?? startLine.slice(0, 40);
}

/** `Mount` of `VolumeDriver.Mount` */
export function shortMethod(method: string): string {
  return method.replace(/^VolumeDriver\./, '').slice(0, 60);
}

class HistoryDigest {
  readonly #checks: readonly CheckResult[];
  readonly #startedAt: number;
  readonly #durationMs: number;
  readonly #calls = new Map<string, { durations: number[]; counts: Record<Ending, number>; moments: Uint8Array }>();
  readonly #evidence = new Map<CheckResult, { head: HistoryEvent[]; tail: HistoryEvent[]; count: number }>();
  #checkIndex = 0;
  #eventCount = 0;
  #unreadableCount = 0;

  constructor({ checks, run }: CertificationResult) {
    this.#checks = checks
      .filter(({ history }) => history.to > history.from)
      .toSorted((a, b) => a.history.from - b.history.from);
    this.#startedAt = Date.parse(run.startedAt);
    this.#durationMs = Math.max(1, Date.parse(run.finishedAt) - this.#startedAt);
  }

  add(line: string): void {
    const event = parseEvent(line);
    if (event === undefined) {
      this.#unreadableCount++;
      return;
    }
    this.#eventCount++;
    if (event.kind === 'exchange') this.#count(event);
    while ((this.#checks[this.#checkIndex]?.history.to ?? Number.POSITIVE_INFINITY) <= event.seq) this.#checkIndex++;
    const check = this.#checks[this.#checkIndex];
    if (check === undefined || event.seq < check.history.from) return;
    const kept = this.#evidence.get(check) ?? { head: [], tail: [], count: 0 };
    this.#evidence.set(check, kept);
    kept.count++;
    (kept.head.length < HEAD_COUNT ? kept.head : kept.tail).push(event);
    if (kept.tail.length > TAIL_COUNT) kept.tail.shift();
  }

  end(): RunHistory {
    const calls = [...this.#calls].map(([method, { durations, ...call }]) => ({
      method,
      durations: durations.toSorted((a, b) => a - b),
      ...call,
    }));
    const evidence = [...this.#evidence].map(([check, { head, tail, count }]) => {
      const omittedCount = count - head.length - tail.length;
      return [check, { events: [...head, ...tail], omittedCount, omittedAfter: head.length }] as const;
    });
    return {
      eventCount: this.#eventCount,
      unreadableCount: this.#unreadableCount,
      calls: calls.toSorted((a, b) => totalOf(b) - totalOf(a)),
      evidence: new Map(evidence),
    };
  }

  #count(exchange: Exchange): void {
    const short = shortMethod(exchange.method);
    const method = this.#calls.has(short) || this.#calls.size < CALL_COUNT_MAX ? short : OTHER_CALLS;
    const fresh = {
      durations: [],
      counts: { answered: 0, refused: 0, unanswered: 0 },
      moments: new Uint8Array(MOMENT_COUNT),
    };
    const call = this.#calls.get(method) ?? fresh;
    this.#calls.set(method, call);
    const ending = endingOf(exchange);
    call.counts[ending]++;
    if (ending !== 'unanswered') call.durations.push(exchange.durationMs);
    const share = (Date.parse(exchange.at) - this.#startedAt) / this.#durationMs;
    const moment = Math.min(MOMENT_COUNT - 1, Math.max(0, Math.floor(share * MOMENT_COUNT)));
    call.moments[moment] = Math.max(call.moments[moment] ?? 0, endings.indexOf(ending) + 1);
  }
}

export function totalOf({ counts }: Pick<CallSeries, 'counts'>): number {
  return counts.answered + counts.refused + counts.unanswered;
}

/** Undefined for a line that was not written to its end. */
function parseEvent(line: string): HistoryEvent | undefined {
  try {
    return JSON.parse(line, (_, value: unknown) =>
      typeof value === 'string' ? cut(value, HISTORY_FILE, TEXT_LENGTH_MAX) : value,
    ) as HistoryEvent; // History wrote it
  } catch {
    return undefined; // counted, and told on the page
  }
}

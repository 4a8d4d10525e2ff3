/** Everything that happened in a run, in its order: the evidence from which checks are judged. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { MountEntry } from '../driver/mount-table.ts';
import type { Exchange } from '../wire/relay.ts';
import type { HttpMessage } from '../wire/http-message.ts';
import { SECRET_MARK, type Redactor } from './redactor.ts';

/** A message as it is kept: the text of its body, or base64 of bytes that are no UTF-8. */
export interface RecordedMessage {
  readonly startLine: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
  readonly encoding?: 'base64';
  readonly isTruncated?: true;
}

export type HistoryFact =
  | {
      readonly kind: 'exchange';
      /** `VolumeDriver.Mount`, or the path that was asked for. */
      readonly method: string;
      readonly connection: number;
      readonly durationMs: number;
      readonly outcome: Exchange['outcome'];
      readonly request: RecordedMessage;
      readonly response?: RecordedMessage;
    }
  /** What the mount table of the agent's side had more, and less, after the check than before. */
  | { readonly kind: 'mounts'; readonly added: readonly MountEntry[]; readonly removed: readonly MountEntry[] }
  | {
      readonly kind: 'command';
      readonly argv: readonly string[];
      readonly exitCode?: number;
      readonly signal?: string;
      readonly stdout: string;
      readonly stderr: string;
      readonly durationMs: number;
    }
  /** The driver's process was ended, paused or started. */
  | { readonly kind: 'process'; readonly event: string; readonly pid?: number }
  | { readonly kind: 'check'; readonly event: 'start' | 'end' | 'clean-up'; readonly status?: string }
  | { readonly kind: 'note'; readonly text: string };

export type HistoryEvent = HistoryFact & {
  readonly seq: number;
  /** RFC 3339 */
  readonly at: string;
  /** Of which check; absent: of the run itself. */
  readonly check?: string;
  readonly client?: string;
};

/** Keeps events in memory as they are, and on disk without secrets. */
export class History implements Disposable {
  readonly #events: HistoryEvent[] = [];
  readonly #file: number;
  readonly #redactor: Redactor;
  #scope: Pick<HistoryEvent, 'check' | 'client'> = {};

  constructor(path: string, redactor: Redactor) {
    this.#file = openSync(path, 'w');
    this.#redactor = redactor;
  }

  /** From now on events belong to this check. */
  enter(scope: Pick<HistoryEvent, 'check' | 'client'>): void {
    this.#scope = scope;
  }

  record(fact: HistoryFact, at: number = Date.now()): void {
    const event = { seq: this.#events.length, at: new Date(at).toISOString(), ...this.#scope, ...fact };
    this.#events.push(event);
    writeSync(this.#file, `${JSON.stringify(this.#redactor.redact(event))}\n`);
  }

  exchange(exchange: Exchange): void {
    const { connection, durationMs, outcome, request, response, at } = exchange;
    this.record(
      {
        kind: 'exchange',
        method: request.startLine.split(' ')[1]?.replace(/^\//, '') ?? request.startLine,
        connection,
        durationMs,
        outcome,
        request: this.#toRecorded(request),
        ...(response === undefined ? {} : { response: this.#toRecorded(response) }),
      },
      at,
    );
  }

  get length(): number {
    return this.#events.length;
  }

  /** From an event on. */
  since(seq: number): readonly HistoryEvent[] {
    return this.#events.slice(seq);
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }

  #toRecorded({ startLine, headers, body, isTruncated }: HttpMessage): RecordedMessage {
    const rest = { startLine, headers, ...(isTruncated ? { isTruncated: true as const } : {}) };
    const text = body.toString('utf8');
    if (Buffer.from(text).equals(body)) return { ...rest, body: text };
    // In base64 nobody would find a secret any more, to take it out.
    const withheld = this.#redactor.holds(body.toString('latin1'));
    return { ...rest, ...(withheld ? { body: SECRET_MARK } : { body: body.toString('base64'), encoding: 'base64' }) };
  }
}

/**
 * Names and numbers the effects of a process, and ends it at one of them. An effect's id is what it does, with whatever
 * differs between two runs replaced, and how often that was done before: concurrency may reorder two effects, and
 * neither changes its id.
 */
import { closeSync, openSync, writeSync } from 'node:fs';

/** A moment that was reached: its milliseconds tell how long after another. */
export interface SeenMoment extends KillPoint {
  readonly at: number;
}

/** `started`: a program runs, or a driver has been asked, and no answer is there. */
export type Moment = 'before' | 'started' | 'after';

export interface KillPoint {
  readonly effect: string;
  readonly moment: Moment;
}

export interface HookSettings {
  /** Gets a line `<milliseconds>\t<moment>\t<effect>` whenever a moment is reached, and `killed` when the process ends itself. */
  readonly logPath: string;
  /** Texts that differ between runs, and what to call them. */
  readonly names: readonly (readonly [text: string, name: string])[];
  /** Absent: nothing happens but the recording. */
  readonly kill?: KillPoint;
}

/** An effect under way. */
export interface Effect {
  started(): void;
  after(): void;
}

/** In this order. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>'],
  [/<uuid>-S\d+/g, '<agent>'],
  [/<uuid>-\d{4}\b/g, '<framework>'],
  [/\.[0-9a-f]{12}\.tmp\b/g, '.<random>.tmp'],
  [/\b(pull|layer|overlay-probe)-\w{6}\b/g, '$1-<random>'],
  [/\b[0-9a-f]{64}\b/g, '<digest>'],
  [/\s+/g, ' '],
  [/(?<![\w<.-])\d{2,}(?![\w>.-])/g, '<number>'],
];
const WHAT_CHARACTERS_MAX = 200;

export class EffectGate {
  readonly #settings: HookSettings;
  readonly #log: number;
  readonly #counts = new Map<string, number>();

  constructor(settings: HookSettings) {
    this.#settings = settings;
    this.#log = openSync(settings.logPath, 'a');
  }

  /** The moment before an effect. */
  before(what: string): Effect {
    const name = this.#nameOf(what);
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    const id = `${name} #${count}`;
    this.#reach('before', id);
    return { started: () => this.#reach('started', id), after: () => this.#reach('after', id) };
  }

  #nameOf(what: string): string {
    const named = this.#settings.names.reduce((text, [from, to]) => text.replaceAll(from, to), what);
    const name = PATTERNS.reduce((text, [pattern, to]) => text.replaceAll(pattern, to), named);
    return name.length <= WHAT_CHARACTERS_MAX ? name : `${name.slice(0, WHAT_CHARACTERS_MAX)}...`;
  }

  #reach(moment: Moment, effect: string): void {
    const { kill } = this.#settings;
    const isEnd = kill?.moment === moment && kill.effect === effect;
    writeSync(this.#log, `${performance.now()}\t${moment}\t${effect}\n${isEnd ? 'killed\n' : ''}`);
    if (!isEnd) return;
    closeSync(this.#log);
    process.kill(process.pid, 'SIGKILL');
    // The kernel ends the process before it returns from the call.
    throw new Error('Expected to be dead');
  }
}

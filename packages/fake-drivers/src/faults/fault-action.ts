/** What can be made to go wrong with one call. */
import type { StateDamage } from '../records/record-book.ts';

export type FaultAction =
  /** Nothing is wrong. */
  | { readonly kind: 'off' }
  /** The call is refused with this text, in the driver's style, and has no effect. */
  | { readonly kind: 'error'; readonly text: string }
  /** Refused with status 200 and `Err`, or with status 500, whatever the driver's style. */
  | { readonly kind: 'err200' | 'err500'; readonly text: string }
  /** As if the driver did not have the call. */
  | { readonly kind: 'notfound' }
  /** Answers this mountpoint, whatever it is, without mounting anything. */
  | { readonly kind: 'mountpoint'; readonly path: string }
  /** Mounts, and answers a symbolic link to the mountpoint. */
  | { readonly kind: 'link' }
  /** Half a JSON object; no body; a number where a text belongs: each with status 200 and no effect. */
  | { readonly kind: 'malformed' | 'empty' | 'wrongtype' }
  /** The call is done; half of its answer is sent, then the connection is closed. */
  | { readonly kind: 'partial' }
  /** The call is done; its answer has this many MiB of blanks in front. */
  | { readonly kind: 'huge'; readonly mebibytes: number }
  /** The call is done; its answer comes a byte at a time. */
  | { readonly kind: 'slow'; readonly byteDelayMs: number }
  /** Never answers, and does nothing. */
  | { readonly kind: 'hang' }
  /** The connection is closed without an answer; the call is done or not. */
  | { readonly kind: 'drop'; readonly phase: FaultPhase }
  /** The driver dies as by SIGKILL. */
  | { readonly kind: 'crash'; readonly phase: FaultPhase }
  /** The driver dies before the call and is back at once, with its state kept, lost or cut in half. */
  | { readonly kind: 'restart'; readonly state: StateDamage }
  /** Waits before the call is done as usual; drawn between both ends. */
  | { readonly kind: 'delay'; readonly msMin: number; readonly msMax: number };

/** Around the effect of the call. */
export type FaultPhase = 'before' | 'after';

/** One line per action, for `--help` and error messages. */
export const faultActionUsage = [
  'off',
  'error(TEXT)',
  'err200(TEXT)',
  'err500(TEXT)',
  'notfound',
  'mountpoint(PATH)',
  'link',
  'malformed',
  'empty',
  'wrongtype',
  'partial',
  'huge(MIB)',
  'slow(MS)',
  'hang',
  'drop(before|after)',
  'crash(before|after)',
  'restart(kept|lost|torn)',
  'delay(MS) or delay(MS-MS)',
] as const;

/** Undefined when it is no action. */
export function parseFaultAction(name: string, argument: string): FaultAction | undefined {
  switch (name) {
    case 'off':
    case 'notfound':
    case 'link':
    case 'malformed':
    case 'empty':
    case 'wrongtype':
    case 'partial':
    case 'hang':
      return argument === '' ? { kind: name } : undefined;
    case 'error':
    case 'err200':
    case 'err500':
      return { kind: name, text: argument };
    case 'mountpoint':
      return { kind: 'mountpoint', path: argument };
    case 'huge':
      return /^[1-9]\d?$/.test(argument) ? { kind: 'huge', mebibytes: Number(argument) } : undefined;
    case 'slow':
      return /^\d{1,5}$/.test(argument) ? { kind: 'slow', byteDelayMs: Number(argument) } : undefined;
    case 'drop':
    case 'crash':
      return argument === 'before' || argument === 'after' ? { kind: name, phase: argument } : undefined;
    case 'restart':
      return argument === 'kept' || argument === 'lost' || argument === 'torn'
        ? { kind: 'restart', state: argument }
        : undefined;
    case 'delay':
      return parseDelay(argument);
    default:
      return undefined;
  }
}

/** `200`, `200ms`, `100-300`. */
function parseDelay(argument: string): FaultAction | undefined {
  const [, min, max = min] = /^(\d{1,7})(?:-(\d{1,7}))?(?:ms)?$/.exec(argument) ?? [];
  const [msMin, msMax] = [Number(min), Number(max)];
  return msMin <= msMax ? { kind: 'delay', msMin, msMax } : undefined;
}

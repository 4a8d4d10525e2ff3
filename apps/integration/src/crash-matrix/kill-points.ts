/** Which points there are to be tried, from what recordings have shown. */
import { createHash } from 'node:crypto';
import type { KillPoint, SeenMoment } from './hook/effect-gate.ts';
import type { Life } from './matrix-run.ts';

/** A place in the life of an agent to kill it at. */
export interface MatrixPoint extends KillPoint {
  /** Short, and the same in every run and for every driver. */
  readonly id: string;
  readonly life: Life;
  /** What was just done: the same point, told by the effect before it. */
  readonly alsoAfter?: string;
}

/** Between two effects that follow each other this closely nothing else can have happened. */
const SAME_INSTANT_MS = 2;

/**
 * The moments that every recording has. The one just after an effect and the one just before the next are one point when
 * no recording shows time between them: the machine is in one state there.
 */
export function killPointsOf(life: Life, recordings: readonly (readonly SeenMoment[])[]): readonly MatrixPoint[] {
  const [first = [], ...others] = recordings;
  const isInAll = (key: string): boolean => others.every((moments) => moments.some((one) => keyOf(one) === key));
  const points: MatrixPoint[] = [];
  for (const [index, { moment, effect }] of first.entries()) {
    const key = keyOf({ moment, effect });
    if (!isInAll(key)) continue;
    const next = first[index + 1];
    if (moment === 'after' && next?.moment === 'before' && recordings.every((one) => isOneInstant(one, key, next)))
      continue;
    const previous = first[index - 1];
    const isShared =
      moment === 'before' &&
      previous?.moment === 'after' &&
      recordings.every((one) => isOneInstant(one, keyOf(previous), { moment, effect }));
    points.push({ id: idOf(life, key), life, moment, effect, ...(isShared ? { alsoAfter: previous.effect } : {}) });
  }
  return points;
}

function isOneInstant(recording: readonly SeenMoment[], key: string, next: KillPoint): boolean {
  const index = recording.findIndex((one) => keyOf(one) === key);
  const [own, following] = [recording[index], recording[index + 1]];
  if (own === undefined || following === undefined || keyOf(following) !== keyOf(next)) return false;
  return following.at - own.at <= SAME_INSTANT_MS;
}

function keyOf({ moment, effect }: KillPoint): string {
  return `${moment} ${effect}`;
}

function idOf(life: Life, key: string): string {
  return createHash('sha256').update(`${life} ${key}`).digest('hex').slice(0, 8);
}

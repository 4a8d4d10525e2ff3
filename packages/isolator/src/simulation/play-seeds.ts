import { createSeededRandom } from '@drydock/base/seeded-random';
import { Simulation, type Action, type ActionKind } from './simulation.ts';

/** What a seed that breaks a rule shows. */
export interface SimulationFinding {
  readonly seed: number;
  readonly violations: readonly string[];
  /** The shortest run that was found. */
  readonly actions: readonly Action[];
  readonly history: readonly string[];
}

export interface SimulationReport {
  readonly seedCount: number;
  readonly stepCount: number;
  readonly findings: readonly SimulationFinding[];
}

/** How often each action comes. */
const WEIGHTS: readonly (readonly [ActionKind, number])[] = [
  ['launch', 30],
  ['finish', 18],
  ['finish-parent', 3],
  ['kill', 5],
  ['wait', 34],
  ['faults', 5],
  ['disk', 4],
  ['crash', 6],
  ['reboot', 1],
];
const ACTION_COUNT = 80;
/** Runs that look for a shorter one. */
const SHORTENING_COUNT_MAX = 400;

export function actionsOf(seed: number): readonly Action[] {
  // Not the numbers that the run itself draws.
  const random = createSeededRandom(seed ^ 0x5eed);
  const total = WEIGHTS.reduce((sum, [, weight]) => sum + weight, 0);
  return Array.from({ length: ACTION_COUNT }, () => {
    let at = random.between(0, total - 1);
    const kind = WEIGHTS.find(([, weight]) => (at -= weight) < 0)?.[0] ?? 'wait';
    return { kind, value: random.between(0, 999_999) };
  });
}

/** Plays `seedCount` seeds from `firstSeed` on; stops after the first that breaks a rule. */
export async function playSeeds(options: {
  readonly firstSeed: number;
  readonly seedCount: number;
  readonly onProgress?: (playedCount: number) => void;
}): Promise<SimulationReport> {
  const findings: SimulationFinding[] = [];
  let stepCount = 0;
  let played = 0;
  for (let seed = options.firstSeed; seed < options.firstSeed + options.seedCount; seed += 1) {
    const simulation = new Simulation(seed);
    const violations = await simulation.play(actionsOf(seed));
    stepCount += simulation.stepCount;
    played += 1;
    if (violations.length > 0) {
      findings.push(await shorten(seed));
      break;
    }
    if (played % 100 === 0) options.onProgress?.(played);
  }
  return { seedCount: played, stepCount, findings };
}

/** Leaves out what is not needed for the violation, larger parts first. */
async function shorten(seed: number): Promise<SimulationFinding> {
  let actions = actionsOf(seed);
  let left = SHORTENING_COUNT_MAX;
  for (let size = Math.floor(actions.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < actions.length && left > 0; left -= 1) {
      const fewer = [...actions.slice(0, at), ...actions.slice(at + size)];
      const violations = await new Simulation(seed).play(fewer);
      if (violations.length > 0) actions = fewer;
      else at += size;
    }
  }
  const simulation = new Simulation(seed);
  const violations = await simulation.play(actions);
  return { seed, violations, actions, history: simulation.history };
}

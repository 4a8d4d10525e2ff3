import { describe, expect, it } from 'vitest';
import { mutants } from './isolator-mutants/mutants.ts';
import { CONTROL, runMutant } from './isolator-mutants/run-mutant.ts';

/** Slots of the command are others, so that both can run. */
const SLOT = 9;

describe('the tests and the simulation of the isolator', () => {
  it('pass an unchanged copy', { timeout: 120_000 }, async () => {
    expect((await runMutant(CONTROL, SLOT)).killedBy).toBeUndefined();
  });

  it.each(mutants)('notice an isolator that $name', { timeout: 240_000 }, async (mutant) => {
    expect((await runMutant(mutant, SLOT)).killedBy).toMatch(/^(simulation|tests)$/);
  });
});

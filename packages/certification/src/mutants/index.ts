import { actMutants } from './act.ts';
import type { Mutant } from './mutant.ts';
import { proMutants } from './pro.ts';

export { runFaithful, runMutant } from './run-mutant.ts';
export type { MutantOutcome } from './run-mutant.ts';
export type { Mutant } from './mutant.ts';

export const mutants: readonly Mutant[] = [...actMutants, ...proMutants];

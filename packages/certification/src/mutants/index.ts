import { actMutants } from './act.ts';
import { conMutants } from './con.ts';
import { datMutants } from './dat.ts';
import { fltMutants } from './flt.ts';
import { isoMutants } from './iso.ts';
import type { Mutant } from './mutant.ts';
import { proMutants } from './pro.ts';
import { scnMutants } from './scn.ts';

export { runFaithful, runMutant } from './run-mutant.ts';
export type { MutantOutcome } from './run-mutant.ts';
export type { Mutant } from './mutant.ts';

export const mutants: readonly Mutant[] = [
  ...actMutants,
  ...proMutants,
  ...datMutants,
  ...conMutants,
  ...isoMutants,
  ...scnMutants,
  ...fltMutants,
];

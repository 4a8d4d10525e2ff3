import { actMutants } from './act.ts';
import { cntMutants } from './cnt.ts';
import { conMutants } from './con.ts';
import { datMutants } from './dat.ts';
import { fltMutants } from './flt.ts';
import { idmMutants } from './idm.ts';
import { isoMutants } from './iso.ts';
import { lifMutants } from './lif.ts';
import type { Mutant } from './mutant.ts';
import { proMutants } from './pro.ts';
import { scnMutants } from './scn.ts';

export { runFaithful, runGroups, runMutant } from './run-mutant.ts';
export type { MutantOutcome } from './run-mutant.ts';
export type { Mutant } from './mutant.ts';

export const mutants: readonly Mutant[] = [
  ...actMutants,
  ...proMutants,
  ...lifMutants,
  ...idmMutants,
  ...cntMutants,
  ...datMutants,
  ...conMutants,
  ...isoMutants,
  ...scnMutants,
  ...fltMutants,
];

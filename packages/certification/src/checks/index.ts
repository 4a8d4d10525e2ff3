import type { CheckBodies } from '../run/check-context.ts';
import { actChecks } from './act.ts';
import { conChecks } from './con.ts';
import { datChecks } from './dat.ts';
import { fltChecks } from './flt.ts';
import { isoChecks } from './iso.ts';
import { proChecks } from './pro.ts';
import { scnChecks } from './scn.ts';

/** What finds out; a check of the catalogue that has no body here is disabled. */
export const checkBodies: CheckBodies = {
  ...actChecks,
  ...proChecks,
  ...datChecks,
  ...conChecks,
  ...isoChecks,
  ...scnChecks,
  ...fltChecks,
};

/** Whether a check can run in this version. */
export function hasBody(id: string): boolean {
  return checkBodies[id] !== undefined;
}

import type { CheckBodies } from '../run/check-context.ts';
import { actChecks } from './act.ts';
import { cntChecks } from './cnt.ts';
import { conChecks } from './con.ts';
import { datChecks } from './dat.ts';
import { fltChecks } from './flt.ts';
import { idmChecks } from './idm.ts';
import { isoChecks } from './iso.ts';
import { lifChecks } from './lif.ts';
import { proChecks } from './pro.ts';
import { scnChecks } from './scn.ts';

/** What finds out; a check of the catalogue that has no body here is disabled. */
export const checkBodies: CheckBodies = {
  ...actChecks,
  ...proChecks,
  ...lifChecks,
  ...idmChecks,
  ...cntChecks,
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

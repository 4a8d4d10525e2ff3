import { act } from './act.ts';
import type { CatalogueEntry, CatalogueGroup } from './catalogue-entry.ts';
import { cln } from './cln.ts';
import { cnt } from './cnt.ts';
import { con } from './con.ts';
import { dat } from './dat.ts';
import { flt } from './flt.ts';
import { idm } from './idm.ts';
import { iso } from './iso.ts';
import { lif } from './lif.ts';
import { mho } from './mho.ts';
import { prf } from './prf.ts';
import { pro } from './pro.ts';
import { rec } from './rec.ts';
import { scn } from './scn.ts';
import { sec } from './sec.ts';

/** All groups, in the order in which they run: what later ones build on comes first, and what ends the driver last. */
export const catalogueGroups: readonly CatalogueGroup[] = [
  act,
  pro,
  lif,
  idm,
  cnt,
  dat,
  con,
  iso,
  scn,
  flt,
  rec,
  mho,
  sec,
  prf,
  cln,
];

export const catalogue: readonly CatalogueEntry[] = catalogueGroups.flatMap(({ entries }) => entries);

export function findEntry(id: string): CatalogueEntry | undefined {
  return catalogue.find((entry) => entry.id === id);
}

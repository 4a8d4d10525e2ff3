import { act } from './act.ts';
import type { CatalogueEntry, CatalogueGroup } from './catalogue-entry.ts';
import { pro } from './pro.ts';

/** All groups, in the order in which they run: what later ones build on comes first. */
export const catalogueGroups: readonly CatalogueGroup[] = [act, pro];

export const catalogue: readonly CatalogueEntry[] = catalogueGroups.flatMap(({ entries }) => entries);

export function findEntry(id: string): CatalogueEntry | undefined {
  return catalogue.find((entry) => entry.id === id);
}

import { describe, expect, it } from 'vitest';
import { checkBodies } from '../checks/index.ts';
import { catalogue, catalogueGroups, findEntry } from './index.ts';

/** How many checks of a driver each group has; ids are never given up. */
const counts = {
  ACT: 8,
  PRO: 17,
  LIF: 17,
  IDM: 9,
  CNT: 6,
  DAT: 16,
  CON: 7,
  ISO: 7,
  REC: 12,
  FLT: 10,
  MHO: 9,
  SEC: 11,
  PRF: 8,
  SCN: 7,
};

describe('the catalogue', () => {
  it('has 144 checks of drivers, 8 of the harness and 4 of conduct', () => {
    const drivers = catalogue.filter(({ tier }) => tier !== 'suite');
    expect(drivers).toHaveLength(144);
    expect(catalogue).toHaveLength(144 + 8 + 4);
    expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(144);
  });

  it.each(Object.entries(counts))('has, of %s, every id up to %i', (group, count) => {
    const ids = catalogue.filter(({ id, tier }) => id.startsWith(`${group}-`) && tier !== 'suite').map(({ id }) => id);
    expect(ids).toEqual(Array.from({ length: count }, (_, at) => `${group}-${String(at + 1).padStart(3, '0')}`));
  });

  it('gives no id twice, and every check its group', () => {
    expect(new Set(catalogue.map(({ id }) => id)).size).toBe(catalogue.length);
    for (const { name, entries } of catalogueGroups) {
      for (const { id } of entries) expect(id.startsWith(`${name}-`), id).toBe(true);
    }
  });

  it('says of every check what a reader has to know', () => {
    for (const { id, title, steps, pass, evidence, source } of catalogue) {
      for (const text of [title, pass, source, ...steps, ...evidence]) expect(text.trim(), id).not.toBe('');
      expect(steps.length, id).toBeGreaterThan(0);
    }
  });

  it('has a check for every body', () => {
    expect(Object.keys(checkBodies).filter((id) => findEntry(id) === undefined)).toEqual([]);
  });
});

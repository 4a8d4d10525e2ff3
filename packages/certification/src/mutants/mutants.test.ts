import { describe, expect, it } from 'vitest';
import { catalogue } from '../catalogue/index.ts';
import { hasBody } from '../checks/index.ts';
import { mutants, runFaithful, runMutant } from './index.ts';

const entryOf = (id: string) => catalogue.find((entry) => entry.id === id);
const isCoreMust = (id: string): boolean => entryOf(id)?.level === 'MUST' && entryOf(id)?.tier === 'core';
const groups = [...new Set(catalogue.filter(({ id }) => hasBody(id)).map(({ id }) => id.split('-')[0] ?? id))];

describe('the mutants', () => {
  it('are there for every check that runs, and for no other', () => {
    const checked = catalogue.filter(({ id, tier }) => hasBody(id) && tier !== 'suite').map(({ id }) => id);
    expect([...new Set(mutants.map(({ check }) => check))].sort()).toEqual(checked.sort());
  });

  it.each(groups)('mean something: without a fault the driver passes %s', async (group) => {
    const { checks } = await runFaithful(group);
    expect(checks.filter(({ status }) => status === 'fail' || status === 'error')).toEqual([]);
  });

  for (const mutant of mutants) {
    const { check, fault, needsRoot = false } = mutant;
    const tags = [...(isCoreMust(check) ? [] : ['slow']), ...(needsRoot ? ['root'] : [])];
    it(`of ${check} fails it and nothing else of its group: ${fault}`, { tags }, async () => {
      expect(await runMutant(mutant)).toMatchObject({ isKilled: true });
    });
  }
});

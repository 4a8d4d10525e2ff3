import { describe, expect, it } from 'vitest';
import { catalogue } from '../catalogue/index.ts';
import { hasBody } from '../checks/index.ts';
import { mutants, runFaithful, runMutant } from './index.ts';

const entryOf = (id: string) => catalogue.find((entry) => entry.id === id);
const isCoreMust = (id: string): boolean => entryOf(id)?.level === 'MUST' && entryOf(id)?.tier === 'core';
const groups = [...new Set(catalogue.filter(({ id }) => hasBody(id)).map(({ id }) => id.split('-')[0] ?? id))];

/** All checks of a group, some of them with a real agent, on a busy machine. */
const GROUP_MS_MAX = 180_000;

/** With a real agent a group takes 20 s, so their mutants are slow. */
const groupsWithAgent = ['ISO-', 'SCN-'];

describe('the mutants', () => {
  it('are there for every check that runs, and for no other', () => {
    const checked = catalogue.filter(({ id, tier }) => hasBody(id) && tier !== 'suite').map(({ id }) => id);
    expect([...new Set(mutants.map(({ check }) => check))].sort()).toEqual(checked.sort());
  });

  for (const group of groups) {
    const tags = mutants.some(({ check, needsRoot }) => check.startsWith(`${group}-`) && needsRoot) ? ['root'] : [];
    it(`mean something: without a fault the driver passes ${group}`, { tags, timeout: GROUP_MS_MAX }, async () => {
      const { checks } = await runFaithful(group);
      expect(checks.filter(({ status }) => status === 'fail' || status === 'error')).toEqual([]);
    });
  }

  for (const mutant of mutants) {
    const { check, fault, needsRoot = false } = mutant;
    const rootTags = needsRoot ? ['root'] : [];
    const slow = { tags: ['slow', ...rootTags], timeout: GROUP_MS_MAX };
    it(`of ${check} fails it and nothing else of its group: ${fault}`, slow, async () => {
      expect(await runMutant(mutant)).toMatchObject({ isKilled: true });
    });
    if (!isCoreMust(check) || groupsWithAgent.some((group) => check.startsWith(group))) continue;
    const quick = { tags: rootTags, timeout: GROUP_MS_MAX };
    it(`of ${check} fails it and no other MUST of core: ${fault}`, quick, async () => {
      expect(await runMutant(mutant, isCoreMust)).toMatchObject({ isKilled: true });
    });
  }
});

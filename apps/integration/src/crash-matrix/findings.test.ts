import { describe, expect, it } from 'vitest';
import { findInJournal } from './findings.ts';
import type { JournalEntry } from './watched-driver.ts';

const call = (method: string, more: Partial<JournalEntry> = {}): JournalEntry => ({
  method: `VolumeDriver.${method}`,
  volume: 'v',
  isDone: true,
  holders: [],
  ...more,
});
const [mount, unmount] = [call('Mount'), call('Unmount')];
const perContainer = { client: 'dvdcli', counting: 'per_container' } as const;
const firstContainer = { client: 'dvdcli', counting: 'first_container' } as const;

describe('findInJournal', () => {
  it.each([
    ['one Unmount after the last Mount', perContainer, [mount, mount, unmount], []],
    ['no Unmount after it', perContainer, [mount, unmount, mount], ['leak']],
    ['two after it', perContainer, [mount, unmount, unmount], ['leak']],
    ['a second one that was refused', perContainer, [mount, unmount, call('Unmount', { isDone: false })], []],
    ['a Mount that was refused', perContainer, [call('Mount', { isDone: false })], []],
    ['as many as Mounts', firstContainer, [mount, unmount, mount, unmount], []],
    ['fewer than Mounts', firstContainer, [mount, mount, unmount], ['leak']],
    ['one that finds nothing mounted', firstContainer, [unmount, mount, unmount], []],
    ['two that find nothing mounted', firstContainer, [mount, unmount, unmount, unmount], ['leak']],
    ['one under a container', perContainer, [mount, call('Unmount', { holders: [7] })], ['lost']],
    ['nothing', perContainer, [], []],
  ])('judges %s', (_, variant, journal, kinds) => {
    expect(findInJournal(variant, journal).map(({ kind }) => kind)).toEqual(kinds);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conflictingOption, decide, isDue, isNeverSeen, type VolumeEvent, type VolumeInUse } from './volume-in-use.ts';

const after = (...events: VolumeEvent[]): VolumeInUse | undefined =>
  events.reduce<VolumeInUse | undefined>((volume, event) => decide(volume, event), undefined);
const claim = (holder: string, ...pairs: readonly string[]): VolumeEvent => ({
  event: 'claim',
  holder,
  options: pairs.map((pair) => ({ key: pair, value: '1' })),
});
const release = (holder: string): VolumeEvent => ({ event: 'release', holder });
const at = { mountpoint: '/m', isMountPoint: true };
const mounted: VolumeEvent = { event: 'mounted', at };
const unclear: VolumeEvent = { event: 'unclear', reason: 'timed out' };
const started: VolumeEvent = { event: 'unmountStarted' };
const refused: VolumeEvent = { event: 'unmountFailed', isClear: true, reason: 'busy' };
const lost: VolumeEvent = { event: 'unmountFailed', isClear: false, reason: 'timed out' };
const isDueAfter = (...events: VolumeEvent[]): boolean => {
  const volume = after(...events);
  return volume !== undefined && isDue(volume);
};

describe('a volume in use', () => {
  it('is due for an unmount when the last holder leaves', () => {
    expect(isDueAfter(claim('a'), mounted, claim('b'), mounted, release('a'))).toBe(false);
    expect(isDueAfter(claim('a'), mounted, claim('b'), mounted, release('a'), release('b'))).toBe(true);
  });

  it('counts a holder once however often it claims and releases', () => {
    const volume = after(claim('a'), claim('a'), mounted, release('b'), release('b'));
    expect(volume?.holders).toEqual(new Set(['a']));
  });

  it.each([
    ['whose only mount was rejected', [claim('a'), { event: 'rejected', holder: 'a' }]],
    ['whose only holder left before its mount', [claim('a'), release('a')]],
    ['that was unmounted', [claim('a'), mounted, release('a'), started, { event: 'unmounted' }]],
    ['that was found to be gone', [claim('a'), mounted, release('a'), started, refused, { event: 'absent' }]],
  ] as [string, VolumeEvent[]][])('is forgotten %s', (_, events) => {
    expect(after(...events)).toBeUndefined();
  });

  it.each([
    ['a further mount is rejected', [{ event: 'rejected', holder: 'b' }], new Set(['a']), false],
    ['a further mount has no clear answer, which may come late', [unclear], new Set(['a', 'b']), true],
  ] as [string, VolumeEvent[], Set<string>, boolean][])('stays mounted when %s', (_, events, holders, mayMountLate) => {
    const volume = after(claim('a'), mounted, claim('b'), ...events);
    expect(volume).toMatchObject({ state: 'mounted', holders, mayMountLate });
  });

  it.each([
    ['mount', [claim('a'), unclear]],
    ['unmount-refused', [claim('a'), mounted, release('a'), started, refused]],
    ['unmount', [claim('a'), mounted, release('a'), started, lost]],
    // A no to the second does not tell what became of the first.
    ['unmount', [claim('a'), mounted, release('a'), started, lost, started, refused]],
    ['unmount-refused', [claim('a'), unclear, release('a'), started, refused]],
  ] as [string, VolumeEvent[]][])('is uncertain (%s)', (doubt, events) => {
    expect(after(...events)).toMatchObject({ state: 'uncertain', doubt });
  });

  it.each([
    [
      'had no answer to a mount and was refused its unmount',
      [claim('a'), unclear, release('a'), started, refused],
      true,
    ],
    ['had no answer to either', [claim('a'), unclear, release('a'), started, lost, started, refused], false],
    ['was mounted', [claim('a'), mounted, release('a'), started, refused], false],
    ['was mounted, and then had no answer', [claim('a'), mounted, claim('b'), unclear], false],
    ['was not yet asked to be unmounted', [claim('a'), unclear, release('a')], false],
  ] as [string, VolumeEvent[], boolean][])('that %s: was it never seen?', (_, events, expected) => {
    const volume = after(...events);
    expect(volume !== undefined && isNeverSeen(volume)).toBe(expected);
  });

  it('is given to nobody while it is uncertain, and to those who wait when it is settled', () => {
    const uncertain = [claim('a'), mounted, release('a'), started, refused, claim('b')];
    expect(() => after(...uncertain, mounted)).toThrow('doubts are settled before a mount');
    expect(after(...uncertain, { event: 'found', at })).toMatchObject({ state: 'mounted', holders: new Set(['b']) });
    expect(after(...uncertain, { event: 'absent' })).toMatchObject({ state: 'mounting', holders: new Set(['b']) });
    expect(after(...uncertain, started, { event: 'unmounted' })).toMatchObject({ state: 'mounting' });
  });

  it('waits for a mount of its own when it is claimed during its unmount', () => {
    const volume = after(claim('a'), mounted, release('a'), started, claim('b'), { event: 'unmounted' });
    expect(volume).toMatchObject({ state: 'mounting', holders: new Set(['b']) });
  });

  it('may still be mounted late when it is claimed while that is undone, until nothing is known of it any more', () => {
    // Nothing was known of it when it was claimed first; the second claim knows of an earlier mount that may come.
    const late: VolumeEvent = { event: 'claim', holder: 'b', options: [], mayMountLate: true };
    expect(after(claim('a'), late)).toMatchObject({ state: 'mounting', mayMountLate: true });
    expect(after(claim('a'), mounted, release('a'), started, late, { event: 'unmounted' })).toMatchObject({
      state: 'mounting',
      mayMountLate: true,
    });
    expect(after(claim('a'), unclear, claim('b'))).toMatchObject({ state: 'uncertain', mayMountLate: true });
  });

  it('is not unmounted while somebody uses it', () => {
    expect(() => after(claim('a'), mounted, started)).toThrow('only what nobody uses');
  });
});

describe('conflictingOption', () => {
  const held = after(claim('a', 'size', 'type'), mounted);
  it.each([
    ['no options', [], undefined],
    ['some of its options', ['type'], undefined],
    ['one that it was not mounted with', ['type', 'iops'], { key: 'iops', value: '1' }],
  ])('lets a container join with %s', (_, keys, conflict) => {
    const options = keys.map((key) => ({ key, value: '1' }));
    expect(conflictingOption(held, options)).toEqual(conflict);
    // Nobody holds it: the next one decides.
    expect(conflictingOption(after(claim('a', 'size'), mounted, release('a')), options)).toBeUndefined();
  });

  it('sees another value', () => {
    expect(conflictingOption(held, [{ key: 'size', value: '2' }])).toEqual({ key: 'size', value: '2' });
  });
});

describe('any run of containers that mount, fail and leave', () => {
  it('is mounted while a holder with a finished mount is there, and due after the last one left', () => {
    const step = fc.record({ holder: fc.constantFrom('a', 'b', 'c'), outcome: fc.constantFrom('ok', 'rejected') });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
        let volume: VolumeInUse | undefined;
        const holding = new Set<string>();
        for (const { holder, outcome } of steps) {
          if (holding.delete(holder)) {
            volume = decide(volume, release(holder));
            if (volume !== undefined && isDue(volume)) volume = decide(decide(volume, started), { event: 'unmounted' });
          } else {
            volume = decide(decide(volume, claim(holder)), outcome === 'ok' ? mounted : { event: 'rejected', holder });
            if (outcome === 'ok') holding.add(holder);
          }
          expect(volume?.holders ?? new Set()).toEqual(holding);
          expect(volume?.state).toBe(holding.size > 0 ? 'mounted' : undefined);
        }
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, needsUnmount, type VolumeEvent, type VolumeInUse } from './volume-in-use.ts';

const after = (...events: VolumeEvent[]): VolumeInUse | undefined =>
  events.reduce<VolumeInUse | undefined>((volume, event) => decide(volume, event), undefined);
const claim = (holder: string): VolumeEvent => ({ event: 'claim', holder });
const release = (holder: string): VolumeEvent => ({ event: 'release', holder });
const mounted: VolumeEvent = { event: 'mounted', mountpoint: '/m' };

describe('decide', () => {
  it('is unmounted only when the last holder leaves', () => {
    const two = after(claim('a'), mounted, claim('b'), mounted, release('a'));
    expect(two).toEqual({ state: 'mounted', mountpoint: '/m', holders: new Set(['b']) });
    expect(two !== undefined && needsUnmount(two)).toBe(false);
    const none = decide(two, release('b'));
    expect(none !== undefined && needsUnmount(none)).toBe(true);
  });

  it('counts a holder once however often it claims and releases', () => {
    const volume = after(claim('a'), claim('a'), mounted, release('b'), release('b'));
    expect(volume?.holders).toEqual(new Set(['a']));
  });

  it('forgets a volume whose only mount was rejected', () => {
    expect(after(claim('a'), { event: 'rejected', holder: 'a' })).toBeUndefined();
  });

  it('keeps a mounted volume when a further mount is rejected', () => {
    const volume = after(claim('a'), mounted, claim('b'), { event: 'rejected', holder: 'b' });
    expect(volume).toMatchObject({ state: 'mounted', holders: new Set(['a']) });
  });

  it('keeps a volume in mounting when a claim comes during its unmount', () => {
    const volume = after(claim('a'), mounted, release('a'), { event: 'unmountStarted' }, claim('b'), {
      event: 'unmounted',
    });
    expect(volume).toEqual({ state: 'mounting', holders: new Set(['b']) });
  });

  it('has an uncertain volume unmounted when nobody holds it', () => {
    const volume = after(claim('a'), { event: 'unclear' }, release('a'));
    expect(volume).toEqual({ state: 'uncertain', holders: new Set() });
    expect(volume !== undefined && needsUnmount(volume)).toBe(true);
  });

  it('is uncertain after a failed unmount', () => {
    expect(after(claim('a'), mounted, release('a'), { event: 'unmountStarted' }, { event: 'unmountFailed' })).toEqual({
      state: 'uncertain',
      holders: new Set(),
    });
  });

  it('refuses to start an unmount of a held volume', () => {
    expect(() => after(claim('a'), mounted, { event: 'unmountStarted' })).toThrow('only an unheld volume');
  });
});

describe('any run of containers that mount, fail and leave', () => {
  it('is mounted while a holder with a finished mount is there, and due for unmount after the last one left', () => {
    const containers = ['a', 'b', 'c'];
    const step = fc.record({
      holder: fc.constantFrom(...containers),
      outcome: fc.constantFrom('ok', 'rejected', 'unclear'),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
        let volume: VolumeInUse | undefined;
        let mayBeMounted = false;
        const holding = new Set<string>();
        for (const { holder, outcome } of steps) {
          if (holding.has(holder)) {
            volume = decide(volume, release(holder));
            holding.delete(holder);
            if (volume !== undefined && needsUnmount(volume)) {
              volume = decide(decide(volume, { event: 'unmountStarted' }), { event: 'unmounted' });
              mayBeMounted = false;
            }
          } else {
            volume = decide(volume, claim(holder));
            if (outcome === 'rejected') volume = decide(volume, { event: 'rejected', holder });
            else volume = decide(volume, outcome === 'ok' ? mounted : { event: 'unclear' });
            if (outcome !== 'rejected') {
              holding.add(holder);
              mayBeMounted = true;
            }
          }
          expect(volume?.holders ?? new Set()).toEqual(holding);
          expect(volume !== undefined).toBe(holding.size > 0);
          expect(volume?.state === 'mounted' || volume?.state === 'uncertain').toBe(mayBeMounted);
        }
      }),
    );
  });
});

import { describe, expect, it } from 'vitest';
import type { PluginCall } from '@drydock/volume-plugin/server';
import { createSeededRandom } from '@drydock/base/seeded-random';
import type { FaultAction } from './fault-action.ts';
import { FaultPlan, FaultSyntaxError } from './fault-plan.ts';

const random = createSeededRandom(1);

function next(plan: FaultPlan, method: PluginCall['method'], volume = 'v1'): FaultAction | undefined {
  return plan.next(method, volume, random);
}

describe('FaultPlan', () => {
  it('goes through a chain of counted terms and is well after the last', () => {
    const plan = FaultPlan.parse('mount: 1*off -> 2*error(disk; full) -> 1*delay(200)');
    const mount = (): unknown => next(plan, 'VolumeDriver.Mount');
    expect([mount(), mount(), mount(), mount(), mount()]).toEqual([
      { kind: 'off' },
      { kind: 'error', text: 'disk; full' },
      { kind: 'error', text: 'disk; full' },
      { kind: 'delay', msMin: 200, msMax: 200 },
      undefined,
    ]);
  });

  it('keeps a term without a count for ever', () => {
    const plan = FaultPlan.parse('get: 1*off->hang');
    next(plan, 'VolumeDriver.Get');
    expect([next(plan, 'VolumeDriver.Get'), next(plan, 'VolumeDriver.Get')]).toEqual([
      { kind: 'hang' },
      { kind: 'hang' },
    ]);
  });

  it('keeps the calls apart', () => {
    const plan = FaultPlan.parse('mount: malformed; unmount: empty;');
    expect(next(plan, 'VolumeDriver.Mount')).toEqual({ kind: 'malformed' });
    expect(next(plan, 'VolumeDriver.Unmount')).toEqual({ kind: 'empty' });
    expect(next(plan, 'VolumeDriver.Create')).toBeUndefined();
  });

  it.each([
    ['mount: mountpoint()', ''],
    ['mount: mountpoint(relative/path)', 'relative/path'],
    ['mount: mountpoint(/does/not/exist)', '/does/not/exist'],
  ])('reads %s', (text, path) => {
    expect(next(FaultPlan.parse(text), 'VolumeDriver.Mount')).toEqual({ kind: 'mountpoint', path });
  });

  it.each([
    ['off', { kind: 'off' }],
    ['error(busy)', { kind: 'error', text: 'busy' }],
    ['err200(busy)', { kind: 'err200', text: 'busy' }],
    ['err500()', { kind: 'err500', text: '' }],
    ['notfound', { kind: 'notfound' }],
    ['link', { kind: 'link' }],
    ['partial', { kind: 'partial' }],
    ['wrongtype', { kind: 'wrongtype' }],
    ['huge(2)', { kind: 'huge', mebibytes: 2 }],
    ['slow(5)', { kind: 'slow', byteDelayMs: 5 }],
    ['hang', { kind: 'hang' }],
    ['drop(before)', { kind: 'drop', phase: 'before' }],
    ['crash(after)', { kind: 'crash', phase: 'after' }],
    ['restart(torn)', { kind: 'restart', state: 'torn' }],
    ['delay(200ms)', { kind: 'delay', msMin: 200, msMax: 200 }],
    ['delay(100-300)', { kind: 'delay', msMin: 100, msMax: 300 }],
  ])('reads the action %s', (text, action) => {
    expect(next(FaultPlan.parse(`mount: ${text}`), 'VolumeDriver.Mount')).toEqual(action);
  });

  it('takes the chain of the volume first, then that of the call, then that of any call', () => {
    const plan = FaultPlan.parse('any: 1*error(any); mount: 1*error(mount); mount[v1]: 1*error(v1)');
    const texts = [1, 2, 3, 4].map(() => next(plan, 'VolumeDriver.Mount'));
    expect(texts).toEqual([
      { kind: 'error', text: 'v1' },
      { kind: 'error', text: 'mount' },
      { kind: 'error', text: 'any' },
      undefined,
    ]);
  });

  it('leaves other volumes alone', () => {
    expect(next(FaultPlan.parse('mount[v1]: hang'), 'VolumeDriver.Mount', 'v2')).toBeUndefined();
    expect(next(FaultPlan.parse('mount: hang').forVolume('v1'), 'VolumeDriver.Mount', 'v2')).toBeUndefined();
  });

  it('draws a percentage, the same for the same seed', () => {
    const draw = (seed: number): readonly unknown[] => {
      const seeded = createSeededRandom(seed);
      const plan = FaultPlan.parse('mount: 50%error(x)');
      return Array.from({ length: 100 }, () => plan.next('VolumeDriver.Mount', 'v1', seeded)?.kind);
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(7).filter((kind) => kind === 'error').length).toBeGreaterThan(25);
    expect(draw(7)).toContain('off');
  });

  it.each([
    'mount: 101%hang',
    'mount: drop',
    'mount: drop(during)',
    'mount: restart(all)',
    'mount: delay(3-2)',
    'mount: huge(0)',
    'mount: hang(1)',
    'mount[v1 hang',
    'mount',
    'mount:',
    'nope: hang',
    'mount: nope',
    'mount: hang hang',
    'mount: delay(x)',
    'mount: hang ->',
    'mount: x*off',
  ])('refuses %j', (text) => {
    expect(() => FaultPlan.parse(text)).toThrow(FaultSyntaxError);
  });
});

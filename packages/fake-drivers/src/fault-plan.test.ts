import { describe, expect, it } from 'vitest';
import { FaultPlan, FaultSyntaxError } from './fault-plan.ts';

describe('FaultPlan', () => {
  it('goes through a chain of counted terms and is well after the last', () => {
    const plan = FaultPlan.parse('mount: 1*off -> 2*error(disk; full) -> 1*delay(200)');
    const next = (): unknown => plan.next('VolumeDriver.Mount');
    expect([next(), next(), next(), next(), next()]).toEqual([
      { kind: 'off' },
      { kind: 'error', text: 'disk; full' },
      { kind: 'error', text: 'disk; full' },
      { kind: 'delay', ms: 200 },
      { kind: 'off' },
    ]);
  });

  it('keeps a term without a count for ever', () => {
    const plan = FaultPlan.parse('get: 1*off->hang');
    plan.next('VolumeDriver.Get');
    expect([plan.next('VolumeDriver.Get'), plan.next('VolumeDriver.Get')]).toEqual([
      { kind: 'hang' },
      { kind: 'hang' },
    ]);
  });

  it('keeps the calls apart', () => {
    const plan = FaultPlan.parse('mount: malformed; unmount: empty;');
    expect(plan.next('VolumeDriver.Mount')).toEqual({ kind: 'malformed' });
    expect(plan.next('VolumeDriver.Unmount')).toEqual({ kind: 'empty' });
    expect(plan.next('VolumeDriver.Create')).toEqual({ kind: 'off' });
  });

  it.each([
    ['mount: mountpoint()', ''],
    ['mount: mountpoint(relative/path)', 'relative/path'],
    ['mount: mountpoint(/does/not/exist)', '/does/not/exist'],
  ])('reads %s', (text, path) => {
    expect(FaultPlan.parse(text).next('VolumeDriver.Mount')).toEqual({ kind: 'mountpoint', path });
  });

  it.each([
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

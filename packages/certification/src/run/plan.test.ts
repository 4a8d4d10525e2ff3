import { describe, expect, it } from 'vitest';
import { manifestSchema } from '../manifest/manifest.ts';
import { anEntry } from '../testing/certification.ts';
import { planChecks, type PlannedDriver, type Selection } from './plan.ts';

const body = async (): Promise<void> => undefined;
const bodies = { 'X-001': body };
const driver: PlannedDriver = {
  manifest: manifestSchema.parse({ name: 'd', vendor: 'v', version: '1', scope: 'local' }),
  address: { kind: 'unix' },
};
const core: Selection = { tiers: ['core'] };
const planned = (change: object, selection: Selection = core, of: PlannedDriver = driver): readonly string[] =>
  planChecks([{ ...anEntry('X-001'), ...change }], bodies, of, selection).map(
    ({ client, plan }) => `${client ?? 'once'} ${plan.kind === 'run' ? 'run' : `${plan.kind}: ${plan.reason}`}`,
  );

describe('the plan of a run', () => {
  it.each([
    ['a check that runs once', {}, core, ['once run']],
    ['a check under every client', { clients: 'every' }, core, ['dvdcli-0.1 run', 'dvdcli-0.2 run']],
    [
      'a check under the clients that were named',
      { clients: 'every' },
      { ...core, clients: ['engine'] },
      ['engine run'],
    ],
    ['a check of some clients', { clients: ['engine'] }, core, ['engine run']],
    [
      'a check of clients that were not named',
      { clients: ['engine'] },
      { ...core, clients: ['dvdcli-0.1'] },
      ['once disabled: none of its clients was asked for'],
    ],
    [
      'a tier that was not asked for',
      { tier: 'resilient' },
      core,
      ['once disabled: the tier resilient was not asked for'],
    ],
    ['a tier of later', { tier: 'hardened' }, core, ['once disabled: this version does not judge the tier hardened']],
    ['a check that was named, of any tier', { tier: 'resilient' }, { ...core, ids: ['X-001'] }, ['once run']],
    ['a check that was not named', {}, { ...core, ids: ['X-002'] }, ['once disabled: another check was asked for']],
    ['a check without a body', { id: 'X-009' }, core, ['once disabled: not implemented in this version']],
    [
      'what is not declared',
      { capability: 'xattr' },
      core,
      ['once skip: the manifest does not declare capabilities.xattr'],
    ],
    ['another scope', { capability: 'global' }, core, ['once skip: the manifest declares the scope local']],
    ['what is declared', { capability: 'implicitCreate' }, core, ['once run']],
    ['what the driver has', { capability: 'socket' }, core, ['once run']],
  ] as const)('has of %s', (_, change, selection, expected) => {
    expect(planned(change, selection)).toEqual(expected);
  });

  it('leaves what is about sockets out for a driver on TCP', () => {
    expect(planned({ capability: 'socket' }, core, { ...driver, address: { kind: 'tcp' } })).toEqual([
      'once skip: the driver listens on TCP',
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import { certifyFake } from '../mutants/run-mutant.ts';
import { fakeDriver } from '../mutants/fake-driver-mutant.ts';
import { catalogue } from '../catalogue/index.ts';
import type { CertificationResult } from '../report/result-schema.ts';
import { hasBody } from './index.ts';

const protocol = catalogue
  .filter(({ id, tier }) => hasBody(id) && /^(ACT|PRO)-/.test(id) && tier === 'core')
  .map(({ id }) => id);
const failedOf = ({ checks }: CertificationResult): readonly string[] =>
  checks.filter(({ status }) => status === 'fail' || status === 'error').map(({ id, level }) => `${id} ${level}`);

/** What is known of real drivers, as their fakes behave. */
describe('discovery and protocol of real drivers', () => {
  it.each([
    ['convoy-0.5-vfs', ['PRO-008 SHOULD']],
    // Without Get, dvdcli 0.2 mounts and then never unmounts (dvdcli#23).
    ['convoy-0.4', ['PRO-002 MUST', 'PRO-003 SHOULD', 'PRO-008 SHOULD']],
    // Global by what it is; but it has no Capabilities, so clients take it for local.
    ['flocker', ['PRO-004 MAY', 'PRO-008 SHOULD']],
    ['glusterfs-sapk', []],
    ['sshfs', []],
    ['local-persist', []],
  ])('of %s fail %j', async (profile, failed) => {
    expect(failedOf(await certifyFake(fakeDriver({ profile }), protocol, {}))).toEqual(failed);
  });

  it('of convoy 0.4 are good enough for dvdcli 0.1', async () => {
    const result = await certifyFake(fakeDriver({ profile: 'convoy-0.4' }), protocol, { client: 'dvdcli-0.1' });
    expect(result.verdicts['core']?.blockers).toEqual([]);
  });
});

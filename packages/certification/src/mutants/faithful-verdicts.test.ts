import { describe, expect, it } from 'vitest';
import type { CertificationResult } from '../report/result-schema.ts';
import { driverProcess } from './driver-process-mutant.ts';
import { fakeDriver } from './fake-driver-mutant.ts';
import { fakeVendorCli } from './fake-vendor-cli.ts';
import { runGroups } from './index.ts';
import { impatient } from './lif.ts';

const groups = ['LIF', 'IDM', 'CNT'];
const TIMEOUT_MS = 120_000;

/** What does not pass, by client; with the reason where it could not be judged. */
function judged({ checks }: CertificationResult): Readonly<Record<string, readonly string[]>> {
  const clients = [
    ...new Set(checks.flatMap(({ client, status }) => (status === 'disabled' ? [] : (client ?? 'once')))),
  ];
  const told = (client: string): readonly string[] =>
    checks
      .filter((check) => (check.client ?? 'once') === client)
      .flatMap(({ id, status, reason }) => (status === 'fail' ? [id] : status === 'error' ? [`${id}: ${reason}`] : []));
  return Object.fromEntries(clients.map((client) => [client, told(client)]));
}

/** convoy counts nothing, so it cannot count the ids of Docker's engine either: two SHOULDs. */
const nothingButIds = { 'dvdcli-0.1': [], 'dvdcli-0.2': [], engine: ['IDM-009', 'CNT-004'] };

describe('the drivers that there are, by their profiles', { timeout: TIMEOUT_MS }, () => {
  it('convoy 0.5 with directories passes with both clients of Mesos', async () => {
    const result = await runGroups(fakeDriver({ profile: 'convoy-0.5-vfs', manifest: fakeVendorCli }), groups);
    expect(judged(result)).toEqual(nothingButIds);
    expect(result.verdicts['core']).toMatchObject({ blockers: [] });
  });

  it('convoy 0.5 with mounts passes with both, and all that it mounts is seen to go', { tags: ['root'] }, async () => {
    const changes = { layout: { data: '<name>', mountpoint: 'mounts/<name>' } };
    expect(
      judged(await runGroups(driverProcess({ profile: 'convoy-0.5-vfs', mounts: true, changes }), groups)),
    ).toEqual(nothingButIds);
  });

  it('convoy 0.5 with devices passes with both', { tags: ['root', 'slow'] }, async () => {
    const driver = driverProcess({ profile: 'convoy-0.5-devicemapper', mounts: true, store: 'ext4-on-loop' });
    expect(judged(await runGroups(driver, groups))).toEqual(nothingButIds);
  });

  it('rclone is refused: nobody mounts twice without an id', async () => {
    const driver = fakeDriver({ profile: 'rclone-id', manifest: impatient });
    const result = await runGroups(driver, groups, 'dvdcli-0.2');
    expect(judged(result)).toEqual({
      'dvdcli-0.2': ['IDM-001', 'IDM-002', 'IDM-003', 'IDM-005', 'CNT-001', 'CNT-002', 'CNT-003'],
    });
    expect(result.verdicts['core']).toMatchObject({ outcome: 'refused' });
  });

  it('sshfs is refused: Create without options, a count, and a mountpoint for each source', async () => {
    const driver = fakeDriver({ profile: 'sshfs', manifest: impatient });
    const result = await runGroups(driver, groups, 'dvdcli-0.2');
    expect(judged(result)).toEqual({
      'dvdcli-0.2': ['LIF-013', 'IDM-002', 'IDM-003', 'IDM-004', 'CNT-001'],
    });
    expect(result.verdicts['core']).toMatchObject({ outcome: 'refused' });
  });
});

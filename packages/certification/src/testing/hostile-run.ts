/** A run whose driver and manifest try to break out of what is written about them. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { catalogueGroups } from '../catalogue/index.ts';
import type { CertificationResult } from '../report/result-schema.ts';
import { writeReports } from '../report/write-reports.ts';
import { CheckFailedError, HarnessError } from '../run/outcome.ts';
import { aCertification, anEntry } from './certification.ts';

/** What would take over a page that does not escape it. */
export const HOSTILE = `</style></pre></title><script>alert('x')</script><img src="https://example.com/x" onerror="x">\u202E`;

/** Written differently as text, in JSON, in a URL and in HTML. */
export const SECRET = 'hush-<&"\'>-hush';

export interface HostileRun extends AsyncDisposable {
  readonly result: CertificationResult;
  readonly directory: string;
  /** The text of report.html. */
  readonly page: string;
}

export async function aHostileRun(): Promise<HostileRun> {
  await using certification = await aCertification({
    faults: `create: 1*error(${HOSTILE.replaceAll(/[()]/g, '')})->off`,
    manifest: {
      version: HOSTILE,
      vendor: HOSTILE,
      configuration: HOSTILE,
      options: { create: { size: '1G', note: HOSTILE, password: { env: 'SECRET' } } },
    },
    env: { SECRET },
  });
  const entries = ['X-001', 'X-002', 'X-003', 'X-004', 'X-005', 'Y-001', 'Y-002', 'Y-003'].map(anEntry);
  const skipped = catalogueGroups.flatMap((group) => group.entries).filter(({ capability }) => capability === 'tls');
  const result = await certification.run(
    {
      'X-001': async ({ createdVolume }) => void (await createdVolume()),
      'X-002': async ({ volume, client, note, measure, secrets, agentSide }) => {
        const name = await volume();
        const mountpoint = await client.mount(name);
        await agentSide.list(mountpoint);
        await client.unmount(name);
        note(`${HOSTILE} ${secrets.join()}`);
        measure(HOSTILE, 1.5);
      },
      'X-003': async ({ plugin, secrets }) => {
        await plugin.call('Plugin.Activate', HOSTILE);
        await plugin.call('VolumeDriver.NoSuchCall', { text: `${HOSTILE} ${secrets.join()}` });
        throw new CheckFailedError({ expected: `no ${HOSTILE}`, got: `${HOSTILE} ${secrets.join()}` });
      },
      'X-004': async () => {
        throw new HarnessError('there is no such program', 'install it');
      },
      'X-005': async ({ plugin }) => void (await plugin.call('VolumeDriver.List', {})),
      'Y-001': async () => undefined,
      'Y-002': async () => undefined,
      'ACT-006': async () => undefined,
    },
    { entries: [...entries, ...skipped] },
  );
  const directory = await mkdtemp(join(tmpdir(), 'hostile-run-'));
  try {
    const history = await readFile(join(certification.out, 'history.ndjson'));
    await writeFile(join(directory, 'history.ndjson'), history);
    await writeReports(result, directory);
    return {
      result,
      directory,
      page: await readFile(join(directory, 'report.html'), 'utf8'),
      [Symbol.asyncDispose]: async () => await rm(directory, { recursive: true, force: true }),
    };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Manifest } from '../manifest/manifest.ts';
import { driverProcess } from '../mutants/driver-process-mutant.ts';
import type { StartedMutant } from '../mutants/mutant.ts';
import type { CertificationResult } from '../report/result-schema.ts';
import { anEntry } from '../testing/certification.ts';
import { certify } from './certify.ts';
import { HarnessError } from './outcome.ts';

describe('before any check, a mount of the driver', { tags: ['root'] }, () => {
  let directory: string;
  let driver: StartedMutant;
  let pid: string;

  /** A driver that mounts, in a mount namespace of its own. */
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'precondition-'));
    const socketPath = join(directory, 'fake.sock');
    driver = await driverProcess({ mounts: true })({
      directory,
      socketPath,
      discovery: { sockets: directory, specs: [] },
    });
    pid = await readFile(join(directory, 'driver.pid'), 'utf8');
  });
  afterEach(async () => {
    await driver[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  const judge = async (change: Partial<Manifest>): Promise<CertificationResult> =>
    await certify({
      manifest: { ...driver.manifest, ...change },
      tiers: ['core'],
      outDirectory: join(directory, 'out'),
      stateDirectory: join(directory, 'state'),
      entries: [anEntry('X-001')],
      bodies: {
        'X-001': async ({ createdVolume, plugin, agentSide, expect: demand }) => {
          const answer = await plugin.call('VolumeDriver.Mount', { Name: await createdVolume() });
          const mountpoint = String(answer.mustSucceed().json?.['Mountpoint']);
          demand((await agentSide.mountsAt(mountpoint)).length === 1, `a mount at ${mountpoint}`, 'none');
          await agentSide.write(join(mountpoint, 'file'), 'text');
          demand((await agentSide.read(join(mountpoint, 'file'))) === 'text', 'the text', 'another');
        },
      },
    });

  it('must be visible where the agent would run, else nothing is judged, and it is said why and what to do', async () => {
    const judging = judge({ namespace: 'host' });
    await expect(judging).rejects.toThrow(HarnessError);
    await expect(judging).rejects.toThrow(
      new RegExp(`process ${pid}\\) mounted .* in a mount namespace of its own[^]*:rshared[^]*pid: ${pid}}`),
    );
  });

  it('is, where the manifest says that the agent runs there', async () => {
    const { checks } = await judge({});
    expect(checks.map(({ status, reason }) => [status, reason])).toEqual([['pass', undefined]]);
  });

  it('is not looked for in a namespace of nobody', async () => {
    await expect(judge({ namespace: { pid: 4_194_303 } })).rejects.toThrow('see that `namespace.pid` is right');
  });
});

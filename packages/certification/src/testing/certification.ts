/** A fake driver in a directory of its own, and runs of checks against it. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProfile, startFakeDriver, type StartedFakeDriver } from '@drydock/fake-drivers';
import type { CatalogueEntry } from '../catalogue/catalogue-entry.ts';
import { manifestSchema } from '../manifest/manifest.ts';
import type { CertificationResult } from '../report/result-schema.ts';
import { certify, type CertifyOptions } from '../run/certify.ts';
import type { CheckBodies } from '../run/check-context.ts';

export interface Certification extends AsyncDisposable {
  readonly out: string;
  /** Where journals of the driver's runs are. */
  readonly journals: string;
  run(bodies: CheckBodies, options?: Partial<CertifyOptions>): Promise<CertificationResult>;
  /** Makes journals look as if their run had crashed. */
  orphanJournals(): Promise<void>;
  /** Makes a volume that is nobody's of the suite. */
  create(name: string): Promise<void>;
  volumes(): Promise<readonly string[]>;
}

export async function aCertification(
  options: {
    readonly faults?: string;
    readonly manifest?: Readonly<Record<string, unknown>>;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<Certification> {
  const directory = await mkdtemp(join(tmpdir(), 'certify-test-'));
  const socketPath = join(directory, 'plugins', 'fake.sock');
  const driver: StartedFakeDriver = await startFakeDriver({
    socketPath,
    profile: { ...findProfile('convoy-0.5-vfs'), options: {} },
    directory: join(directory, 'driver'),
    faults: options.faults ?? '',
  });
  const manifest = manifestSchema.parse({
    name: 'fake',
    vendor: 'Drydock',
    version: '1',
    scope: 'local',
    socket: socketPath,
    plainDirectory: true,
    removePolicy: 'reference',
    ...options.manifest,
  });
  const [out, stateDirectory] = [join(directory, 'out'), join(directory, 'state')];
  const journals = join(stateDirectory, 'fake');
  return {
    out,
    journals,
    run: async (bodies, given = {}) =>
      await certify({
        manifest,
        tiers: ['core'],
        outDirectory: out,
        stateDirectory,
        entries: Object.keys(bodies).map(anEntry),
        bodies,
        env: options.env ?? {},
        ...given,
      }),
    async orphanJournals() {
      for (const file of await readdir(journals)) {
        const text = await readFile(join(journals, file), 'utf8');
        await writeFile(join(journals, file), text.replace(/"startTime":"\d+"/, '"startTime":"1"'));
      }
    },
    create: async (name) => void (await driver.engine.create(name)),
    volumes: async () => (await driver.engine.list()).map(({ name }) => name),
    async [Symbol.asyncDispose]() {
      await driver.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A MUST of core. */
export function anEntry(id: string): CatalogueEntry {
  return {
    id,
    revision: 1,
    level: 'MUST',
    tier: 'core',
    clients: 'once',
    title: `${id} holds`,
    steps: ['look'],
    pass: 'it holds',
    evidence: ['what was seen'],
    source: 'a test',
  };
}

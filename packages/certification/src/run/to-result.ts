import { readFile } from 'node:fs/promises';
import type { CheckResult, CertificationResult } from '../report/result-schema.ts';
import { RESULT_SCHEMA_VERSION } from '../report/result-schema.ts';
import { catalogue } from '../catalogue/index.ts';
import { addressText } from '../driver/driver-location.ts';
import type { CertifyOptions } from './certify.ts';
import { environmentFacts, programDigest, sha256 } from './facts.ts';
import type { PreparedRun } from './prepared-run.ts';
import { tiersWithin, verdictsOf } from './verdict.ts';

/** The result tree of a run. */
export async function toResult(parts: {
  readonly run: PreparedRun;
  readonly options: CertifyOptions & { readonly seed: number };
  readonly startedAt: string;
  readonly checks: readonly CheckResult[];
  readonly cleanUp: readonly string[];
  readonly redact: <T>(value: T) => T;
}): Promise<CertificationResult> {
  const { run, options, startedAt, checks, cleanUp } = parts;
  const { manifest } = options;
  const entries = options.entries ?? catalogue;
  const manifestFile = new URL('../../package.json', import.meta.url);
  const { name, version } = JSON.parse(await readFile(manifestFile, 'utf8')) as { name: string; version: string };
  const pid = await run.driver.findPid();
  const digest = pid === undefined ? undefined : await programDigest(pid);
  const { options: driverOptions, ...rest } = manifest;
  return {
    $schema: './result.schema.json',
    schemaVersion: RESULT_SCHEMA_VERSION,
    suite: { name, version, catalogueDigest: sha256(JSON.stringify(entries)), checkCount: entries.length },
    requirementSet: {
      tiersAsked: [...tiersWithin(options.tiers)],
      clients: [...(options.clients ?? ['dvdcli-0.1', 'dvdcli-0.2'])],
      ...(options.ids === undefined ? {} : { checks: [...options.ids] }),
    },
    driver: {
      name: manifest.name,
      vendor: manifest.vendor,
      version: manifest.version,
      address: addressText(run.location.address),
      protocol: manifest.socket === undefined ? (run.location.files[0]?.kind ?? 'manifest') : 'manifest',
      manifestDigest: sha256(JSON.stringify(parts.redact(manifest))),
      manifest: { ...rest, options: driverOptions },
      ...(digest === undefined ? {} : { programDigest: digest }),
    },
    environment: await environmentFacts(),
    run: {
      id: run.id,
      startedAt,
      finishedAt: new Date().toISOString(),
      seed: options.seed,
      isInterrupted: run.signal.aborted,
      command: options.command ?? 'drydock certify run',
    },
    checks: [...checks],
    verdicts: verdictsOf(checks, options.tiers),
    cleanUp: [...cleanUp],
  };
}

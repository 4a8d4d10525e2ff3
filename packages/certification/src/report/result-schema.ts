/** `result.json`: the one tree from which every report is made. Its JSON Schema is made from this. */
import { z } from 'zod';
import { levels, tiers } from '../catalogue/catalogue-entry.ts';
import { statuses } from '../run/outcome.ts';

export const RESULT_SCHEMA_VERSION = '1.0';

const text = z.string();
const failure = z.strictObject({
  expected: text,
  got: text,
  /** The last request before it, and what came back, as a person reads them. */
  request: text.optional(),
  answer: text.optional(),
});

const checkResult = z.strictObject({
  id: text,
  revision: z.int(),
  level: z.enum(levels),
  tier: z.enum(tiers),
  title: text,
  client: text.optional(),
  status: z.enum(statuses),
  /** Why it did not run, did not pass, or could not be judged. */
  reason: text.optional(),
  remedy: text.optional(),
  failure: failure.optional(),
  pass: text,
  source: text,
  durationMs: z.number(),
  seed: z.int(),
  notes: z.array(text),
  measurements: z.record(text, z.number()),
  /** Events of history.ndjson that belong to it: seq from, to and not including. */
  history: z.strictObject({ from: z.int(), to: z.int() }),
  /** What the check left and clean-up could not remove. */
  leftovers: z.array(text),
  /** Runs it alone. */
  rerun: text,
});

const verdict = z.strictObject({
  /** `incomplete`: nothing failed, but not everything that the tier demands was judged. */
  outcome: z.enum(['granted', 'refused', 'incomplete', 'error']),
  /** MUSTs that failed, or could not be judged. */
  blockers: z.array(text),
  /** SHOULDs that failed. */
  warnings: z.array(text),
  /** MUSTs that did not run, each with its reason. */
  missing: z.array(text),
  counts: z.strictObject({ disabled: z.int(), skip: z.int(), pass: z.int(), fail: z.int(), error: z.int() }),
});

export const resultSchema = z.strictObject({
  $schema: text,
  schemaVersion: z.literal(RESULT_SCHEMA_VERSION),
  suite: z.strictObject({ name: text, version: text, catalogueDigest: text, checkCount: z.int() }),
  requirementSet: z.strictObject({
    tiersAsked: z.array(z.enum(tiers)),
    clients: z.array(text),
    checks: z.array(text).optional(),
  }),
  driver: z.strictObject({
    name: text,
    vendor: text,
    version: text,
    address: text,
    /** How it is announced. */
    protocol: z.enum(['socket', '.spec', '.json', 'manifest']),
    /** SHA-256 of the program that listens, where it could be read. */
    programDigest: text.optional(),
    manifestDigest: text,
    /** Without secrets. */
    manifest: z.record(text, z.unknown()),
  }),
  environment: z.strictObject({
    kernel: text,
    distribution: text,
    architecture: text,
    cpuCount: z.int(),
    memoryBytes: z.number(),
    node: text,
  }),
  run: z.strictObject({
    id: text,
    startedAt: text,
    finishedAt: text,
    seed: z.int(),
    isInterrupted: z.boolean(),
    command: text,
  }),
  checks: z.array(checkResult),
  verdicts: z.record(text, verdict),
  /** Things that earlier runs had left and this one removed, and that it could not. */
  cleanUp: z.array(text),
});

export type CertificationResult = z.infer<typeof resultSchema>;
export type CheckResult = z.infer<typeof checkResult>;
export type TierVerdict = z.infer<typeof verdict>;

/** The published schema, draft 2020-12. */
export function resultJsonSchema(): object {
  return {
    $id: 'urn:drydock:certification-result:1.0',
    title: 'Result of drydock certify',
    ...z.toJSONSchema(resultSchema),
  };
}

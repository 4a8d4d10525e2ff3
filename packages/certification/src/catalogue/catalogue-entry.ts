/**
 * What a check is, as data: the catalogue says what is demanded of a driver and why; `checks/` has the bodies that find
 * out. An id is never used for something else; a changed criterion raises `revision`.
 */
import type { ClientName } from '@drydock/volume-plugin';
import type { Capability } from '../manifest/manifest.ts';

/** RFC 2119: a MUST that fails refuses its tier, a SHOULD is a warning, a MAY is told. */
export const levels = ['MUST', 'SHOULD', 'MAY'] as const;
export type Level = (typeof levels)[number];

/**
 * `core`, `resilient` (core too), `multi-host`, `hardened` and `performance` can be granted to a driver; `suite` is what
 * the suite demands of itself.
 */
export const tiers = ['core', 'resilient', 'multi-host', 'hardened', 'performance', 'suite'] as const;
export type Tier = (typeof tiers)[number];

/** Tiers that `certify run` can judge; the others are listed, and never counted as passed. */
export const judgedTiers = ['core', 'resilient'] as const satisfies readonly Tier[];
export type JudgedTier = (typeof judgedTiers)[number];

/**
 * `once`: the check speaks the bare protocol. `every`: it runs under each client that was asked for. A list: under these
 * clients only.
 */
export type CheckClients = 'once' | 'every' | readonly ClientName[];

export interface CatalogueEntry {
  /** `CNT-001` */
  readonly id: string;
  readonly revision: number;
  readonly level: Level;
  readonly tier: Tier;
  /** What the manifest must declare for the check to count; absent: counts for all. */
  readonly capability?: Capability;
  readonly clients: CheckClients;
  /** What holds for a driver that passes, as a sentence. */
  readonly title: string;
  readonly steps: readonly string[];
  /** What is true at the end, else the check fails. */
  readonly pass: string;
  /** What is kept beyond requests, answers and mount tables. */
  readonly evidence: readonly string[];
  /** The bug, the measurement or the page that is behind it. */
  readonly source: string;
}

/** The checks of one subject, `CNT`. */
export interface CatalogueGroup {
  readonly name: string;
  readonly title: string;
  readonly entries: readonly CatalogueEntry[];
}

type Given = Pick<CatalogueEntry, 'level' | 'tier' | 'title' | 'steps' | 'pass' | 'source'> &
  Partial<Pick<CatalogueEntry, 'revision' | 'capability' | 'clients' | 'evidence'>>;

/** A group whose checks have what is common to them; the keys of `checks` are the ids. */
export function catalogueGroup(group: {
  readonly name: string;
  readonly title: string;
  readonly clients: CheckClients;
  readonly evidence: readonly string[];
  readonly checks: Readonly<Record<string, Given>>;
}): CatalogueGroup {
  const { name, title, clients, evidence, checks } = group;
  const entries = Object.entries(checks).map(([id, given]) => ({ id, revision: 1, clients, evidence, ...given }));
  return { name, title, entries };
}

/** Broken drivers: each has a fault for which exactly one check of its group must fail. */
import type { Manifest } from '../manifest/manifest.ts';
import type { ClientName } from '@drydock/volume-plugin';

/** A plugin that a mutant starts, and what the suite is told of it. */
export interface StartedMutant extends AsyncDisposable {
  readonly manifest: Manifest;
}

export interface MutantPlaces {
  /** A new directory of the mutant's own. */
  readonly directory: string;
  /** Where it listens, unless its fault is to do otherwise. */
  readonly socketPath: string;
  /** As `discovery` of the manifest: its sockets are where `socketPath` is. */
  readonly discovery: { readonly sockets: string; readonly specs: readonly string[] };
}

export interface Mutant {
  /** The check that it must fail. */
  readonly check: string;
  /** Under which client; default: whichever the check runs under. */
  readonly client?: ClientName;
  /** What is wrong with it, in a line. */
  readonly fault: string;
  /** Checks of the group that must fail with it, since they demand the same; each with the reason. */
  readonly alsoFails?: Readonly<Record<string, string>>;
  /** Root is needed: it mounts. */
  readonly needsRoot?: boolean;
  /** The driver without the fault, where the usual one is not what the check is about: the check passes with it. */
  readonly faithful?: (places: MutantPlaces) => Promise<StartedMutant>;
  readonly start: (places: MutantPlaces) => Promise<StartedMutant>;
}

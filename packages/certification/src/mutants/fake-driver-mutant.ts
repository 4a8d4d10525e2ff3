/** Mutants out of the fake drivers: a profile, changed, with fault terms or with another answer to some requests. */
import { findProfile, startFakeDriver, type DriverProfile } from '@drydock/fake-drivers';
import { manifestSchema, type Manifest } from '../manifest/manifest.ts';
import type { MutantPlaces, StartedMutant } from './mutant.ts';
import { startTamperedSocket, type Tamper } from './tampered-socket.ts';

export interface FakeDriverMutant {
  /** Default `convoy-0.5-vfs`, with answers as go-plugins-helpers makes them. */
  readonly profile?: string;
  /** What the profile has otherwise. */
  readonly changes?: Partial<DriverProfile>;
  /** Terms of fake-drivers: `mount: error(busy)`. */
  readonly faults?: string;
  /** Changes requests and answers on the wire. */
  readonly tamper?: Tamper;
  /** With `tamper`: connections beyond are closed at once. */
  readonly connectionCountMax?: number;
  /** What the manifest says otherwise. */
  readonly manifest?: ManifestChanges;
}

/** What a manifest says otherwise; a function when it depends on where the fake is. */
export type ManifestChanges =
  | Readonly<Record<string, unknown>>
  | ((own: OwnPlaces) => Readonly<Record<string, unknown>>);

export interface OwnPlaces {
  /** Where the fake itself listens, behind what changes its answers. */
  readonly socketPath: string;
  /** The mutant's. */
  readonly directory: string;
}

/** The name of every fake in a manifest. */
export const FAKE_NAME = 'fake';

/** A faithful driver is a mutant without a fault. */
export function fakeDriver(mutant: FakeDriverMutant = {}): (places: MutantPlaces) => Promise<StartedMutant> {
  return async (places) => {
    const profile = profileOf(mutant);
    const own = mutant.tamper === undefined ? places.socketPath : `${places.directory}/behind.sock`;
    await using stack = new AsyncDisposableStack();
    stack.use(
      await startFakeDriver({
        socketPath: own,
        profile,
        directory: `${places.directory}/driver`,
        store: 'directory',
        faults: mutant.faults ?? '',
        seed: 1,
      }),
    );
    if (mutant.tamper !== undefined) {
      const { tamper, connectionCountMax } = mutant;
      const limit = connectionCountMax === undefined ? {} : { connectionCountMax };
      stack.use(await startTamperedSocket({ socketPath: places.socketPath, behind: own, tamper, ...limit }));
    }
    const changes = resolveChanges(mutant.manifest, { directory: places.directory, socketPath: own });
    const manifest = manifestOf(profile, places, changes);
    const started = stack.move();
    return { manifest, [Symbol.asyncDispose]: async () => await started.disposeAsync() };
  };
}

/** The first Mount of a fake's volume with these options fails. */
const failingMount = { 'drydock.faults': 'mount: 1*error(no such source)' };

export function resolveChanges(changes: ManifestChanges = {}, own: OwnPlaces): Readonly<Record<string, unknown>> {
  return typeof changes === 'function' ? changes(own) : changes;
}

/** The usual driver of a mutant does all that the checks demand, also where the real convoy is content with less. */
export function profileOf({
  profile,
  changes,
}: {
  readonly profile?: string | undefined;
  readonly changes?: FakeDriverMutant['changes'] | undefined;
}): DriverProfile {
  if (profile !== undefined) return { ...findProfile(profile), ...changes };
  return { ...findProfile('convoy-0.5-vfs'), replyStyle: 'sdk', ...changes };
}

/** What the suite is told of a fake; `<directory>` in options is the mutant's. */
export function manifestOf(
  profile: DriverProfile,
  places: MutantPlaces,
  changes: Readonly<Record<string, unknown>>,
): Manifest {
  const example = Object.entries(profile.exampleOptions).map(([key, value]) => [
    key,
    value.replaceAll('<data>', `${places.directory}/driver/data`),
  ]);
  const required = Object.entries(profile.options).flatMap(([key, { isRequired }]) =>
    isRequired === true ? [key] : [],
  );
  const manifest = manifestSchema.parse({
    name: FAKE_NAME,
    vendor: 'Drydock',
    version: profile.name,
    discovery: places.discovery,
    scope: profile.scope,
    options: {
      create: Object.fromEntries(example),
      required,
      failing: { ...Object.fromEntries(example), ...failingMount },
    },
    removePolicy: { delete: 'delete', 'keep-data': 'reference', nothing: 'noop' }[profile.remove.effect],
    plainDirectory: true,
    budgets: { raceMs: 1_000 },
    ...changes,
  });
  const options = JSON.stringify(manifest.options).replaceAll('<directory>', places.directory);
  return { ...manifest, options: JSON.parse(options) as Manifest['options'] };
}

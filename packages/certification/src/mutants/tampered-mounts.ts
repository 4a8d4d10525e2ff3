/** Drivers that do something else for some Mounts of one check's volumes; the others they serve well. */
import { fakeDriver } from './fake-driver-mutant.ts';
import type { MutantPlaces, StartedMutant } from './mutant.ts';
import type { Tamper } from './tampered-socket.ts';

/** What is known of a Mount. */
export interface TamperedMount {
  readonly volume: string;
  /** Of all Mounts of the check's volumes, from 1. */
  readonly count: number;
  /** What the driver answered. */
  readonly mountpoint: string;
  readonly places: MutantPlaces;
}

/** Gives another mountpoint, `{ refuse }` for a refusal, or undefined to leave the answer as it is. */
export type TamperMount = (mount: TamperedMount) => Promise<string | { readonly refuse: string } | undefined>;

export function tamperedMounts(
  check: string,
  tamperMount: TamperMount,
  manifest: (places: MutantPlaces) => Readonly<Record<string, unknown>> = () => ({}),
): (places: MutantPlaces) => Promise<StartedMutant> {
  return async (places) => {
    let count = 0;
    const tamper: Tamper = async (request, ask) => {
      const reply = await ask();
      if (request.path !== '/VolumeDriver.Mount') return reply;
      const { Name: volume = '' } = JSON.parse(request.body) as { readonly Name?: string };
      if (!volume.includes(`-${check.toLowerCase()}-`)) return reply;
      const { Mountpoint: mountpoint = '' } = JSON.parse(reply.body) as { readonly Mountpoint?: string };
      const other = await tamperMount({ volume, count: ++count, mountpoint, places });
      if (other === undefined) return reply;
      const body = typeof other === 'string' ? { Mountpoint: other, Err: '' } : { Mountpoint: '', Err: other.refuse };
      return { ...reply, body: JSON.stringify(body) };
    };
    return await fakeDriver({ tamper, manifest: manifest(places) })(places);
  };
}

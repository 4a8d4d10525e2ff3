/**
 * What is known of one volume on this host, as a pure state machine. The isolator applies events and carries out what
 * `needsUnmount` says; no effect happens here.
 *
 *            claim                mounted                 (last) release, unmountStarted        unmounted
 *  (absent) ------> mounting ----------------> mounted --------------------------> unmounting -----------> (absent)
 *                      |  unclear                 |                                    | unmountFailed
 *                      +-----------> uncertain <--+------------------------------------+
 *
 * Holders are container ids, never a count: claiming or releasing twice changes nothing. `uncertain` volumes may be
 * mounted and are therefore unmounted when nobody holds them.
 */
import { assert, assertNever } from '@drydock/base/errors';

export type VolumeInUse =
  /** Somebody claimed it and a mount is in flight or queued; nothing is mounted by us yet. */
  | { readonly state: 'mounting'; readonly holders: ReadonlySet<string> }
  /** The driver said where it is mounted. Without holders its unmount is due. */
  | { readonly state: 'mounted'; readonly mountpoint: string; readonly holders: ReadonlySet<string> }
  /** An unmount is in flight; holders claimed it meanwhile and wait for their own mount. */
  | { readonly state: 'unmounting'; readonly holders: ReadonlySet<string> }
  /** A mount or unmount ended without a clear answer; it may be mounted. */
  | { readonly state: 'uncertain'; readonly holders: ReadonlySet<string> };

export type VolumeEvent =
  | { readonly event: 'claim'; readonly holder: string }
  | { readonly event: 'mounted'; readonly mountpoint: string }
  /** The driver refused the mount for this holder and has nothing mounted for it. */
  | { readonly event: 'rejected'; readonly holder: string }
  | { readonly event: 'unclear' }
  | { readonly event: 'release'; readonly holder: string }
  | { readonly event: 'unmountStarted' }
  | { readonly event: 'unmounted' }
  | { readonly event: 'unmountFailed' };

/** The state after `event`; undefined = nothing is known of the volume any more. */
export function decide(volume: VolumeInUse | undefined, event: VolumeEvent): VolumeInUse | undefined {
  switch (event.event) {
    case 'claim': {
      const holders = new Set(volume?.holders).add(event.holder);
      return volume === undefined ? { state: 'mounting', holders } : { ...volume, holders };
    }
    case 'mounted':
      assert(volume !== undefined, 'a volume is claimed before it is mounted');
      return { state: 'mounted', mountpoint: event.mountpoint, holders: volume.holders };
    case 'unclear':
      assert(volume !== undefined, 'a volume is claimed before it is mounted');
      return { state: 'uncertain', holders: volume.holders };
    case 'rejected':
    case 'release': {
      if (volume === undefined) return undefined;
      const holders = new Set(volume.holders);
      holders.delete(event.holder);
      return volume.state === 'mounting' && holders.size === 0 ? undefined : { ...volume, holders };
    }
    case 'unmountStarted':
      assert(volume !== undefined && needsUnmount(volume), 'only an unheld volume that may be mounted is unmounted');
      return { state: 'unmounting', holders: volume.holders };
    case 'unmounted':
      assert(volume?.state === 'unmounting', 'an unmount was in flight');
      return volume.holders.size === 0 ? undefined : { state: 'mounting', holders: volume.holders };
    case 'unmountFailed':
      assert(volume?.state === 'unmounting', 'an unmount was in flight');
      return { state: 'uncertain', holders: volume.holders };
    default:
      return assertNever(event);
  }
}

/** Nobody holds it and it may be mounted. */
export function needsUnmount(volume: VolumeInUse): boolean {
  return volume.holders.size === 0 && (volume.state === 'mounted' || volume.state === 'uncertain');
}

/**
 * What is known of one volume on this host, as a pure state machine. The isolator applies events and carries out effects;
 * no effect happens here. The README has the picture.
 *
 * Vocabulary. *Holders* are the containers that claimed the volume, by key, never a count: claiming or releasing twice
 * changes nothing. A volume is *due* for an unmount when nobody holds it and it may be mounted. No entry means that
 * nothing is known of the volume: it is not mounted by us.
 *
 * Only in `mounted` may a holder use the volume; in the other states its holders wait for their turn.
 */
import { assert, assertNever } from '@drydock/base/errors';
import type { DriverOption } from './volume-key.ts';

/** Where a volume is mounted on the host. */
export interface MountedAt {
  /** Absolute, without links. */
  readonly mountpoint: string;
  /** Whether the kernel has a mount there; a driver may also hand out plain directories. */
  readonly isMountPoint: boolean;
}

/**
 * Why a volume is uncertain. `mount`: a mount ended without a clear answer, so it may still happen. `unmount-refused`: the
 * driver said no to an unmount. `unmount`: an unmount ended without a clear answer, so it may still happen. `crash`: only
 * the checkpoints of an earlier agent speak of it, which may have been unmounting it. `reboot`: they are older than the
 * machine's last start, so nothing is mounted, but its driver may believe so. `late`: nothing is known of it, but that its
 * driver was given up on earlier while it mounted.
 */
export type Doubt = 'mount' | 'unmount-refused' | 'unmount' | 'crash' | 'reboot' | 'late';

interface Claimed {
  readonly holders: ReadonlySet<string>;
  /** Of its first holder; those who join may not want others. */
  readonly options: readonly DriverOption[];
  /** A driver was given up on while it mounted: it may still do so, after an unmount even. */
  readonly mayMountLate: boolean;
}

export type VolumeInUse = Claimed &
  (
    | /** A mount is in flight or waits for its turn; nothing is mounted by us yet. */ {
        readonly state: 'mounting';
      } /** It is mounted; `at` is undefined when the checkpoint that says so does not say where. */
    | {
        readonly state: 'mounted';
        readonly at: MountedAt | undefined;
      } /** An unmount is in flight; who claims it meanwhile waits for a mount of its own. */
    | {
        readonly state: 'unmounting';
        readonly at: MountedAt | undefined;
        readonly doubt: Doubt | undefined;
      } /** It may be mounted; nobody gets it before the mount table or the driver says what is true. */
    | {
        readonly state: 'uncertain';
        readonly at: MountedAt | undefined;
        readonly doubt: Doubt;
        readonly reason: string;
      }
  );

export type VolumeEvent =
  | {
      readonly event: 'claim';
      readonly holder: string;
      readonly options: readonly DriverOption[];
      /** Of an earlier mount, from before it was forgotten. */
      readonly mayMountLate?: boolean;
    }
  | { readonly event: 'mounted'; readonly at: MountedAt }
  /** The driver refused the mount for this holder and has nothing mounted for it. */
  | { readonly event: 'rejected'; readonly holder: string }
  /** A mount ended without a clear answer. */
  | { readonly event: 'unclear'; readonly reason: string }
  | { readonly event: 'release'; readonly holder: string }
  | { readonly event: 'unmountStarted' }
  | { readonly event: 'unmounted' }
  | { readonly event: 'unmountFailed'; readonly isClear: boolean; readonly reason: string }
  /** The mount table or the driver says that it is mounted. */
  | { readonly event: 'found'; readonly at: MountedAt }
  /** The mount table or the driver says that it is not mounted. */
  | { readonly event: 'absent' };

/** The state after `event`; undefined = nothing is known of the volume any more. */
export function decide(volume: VolumeInUse | undefined, event: VolumeEvent): VolumeInUse | undefined {
  if (event.event === 'claim') return withClaim(volume, event);
  if (event.event === 'release' || event.event === 'rejected') return released(volume, event.holder);
  assert(volume !== undefined, `a volume is claimed before it is ${event.event}`);
  const { holders, options, mayMountLate } = volume;
  const claimed = { holders, options, mayMountLate };
  switch (event.event) {
    case 'mounted':
      assert(volume.state === 'mounting' || volume.state === 'mounted', 'doubts are settled before a mount');
      return { state: 'mounted', at: event.at, ...claimed };
    case 'unclear':
      // Those who use it already have it for certain.
      if (volume.state === 'mounted') return { ...volume, mayMountLate: true };
      assert(volume.state === 'mounting', 'a mount was in flight');
      return {
        ...claimed,
        state: 'uncertain',
        at: undefined,
        doubt: 'mount',
        reason: event.reason,
        mayMountLate: true,
      };
    case 'unmountStarted':
      assert(mayUnmount(volume), 'only what nobody uses and what may be mounted is unmounted');
      return {
        state: 'unmounting',
        at: volume.at,
        doubt: volume.state === 'uncertain' ? volume.doubt : undefined,
        ...claimed,
      };
    case 'unmounted':
      assert(volume.state === 'unmounting', 'an unmount was in flight');
      return withoutMount(volume);
    case 'unmountFailed':
      assert(volume.state === 'unmounting', 'an unmount was in flight');
      return {
        state: 'uncertain',
        at: volume.at,
        doubt: afterFailedUnmount(volume.doubt, event.isClear),
        reason: event.reason,
        ...claimed,
      };
    case 'found':
      assert(volume.state === 'uncertain', 'only doubts are settled');
      return { state: 'mounted', at: event.at, ...claimed };
    case 'absent':
      assert(volume.state === 'uncertain', 'only doubts are settled');
      return withoutMount(volume);
    default:
      return assertNever(event);
  }
}

/** Nobody holds it and it may be mounted. */
export function isDue(volume: VolumeInUse): boolean {
  return volume.holders.size === 0 && (volume.state === 'mounted' || volume.state === 'uncertain');
}

/**
 * Its driver was asked to mount it, never said that it did, and says no to an unmount: nothing tells that there is anything
 * to unmount, as when an agent ended between its checkpoint and the call.
 */
export function isNeverSeen(volume: VolumeInUse): boolean {
  if (volume.state !== 'uncertain' || volume.at !== undefined) return false;
  const { doubt, mayMountLate } = volume;
  return doubt === 'late' || (mayMountLate && (doubt === 'crash' || doubt === 'unmount-refused'));
}

/** An unmount would take it from nobody. */
function mayUnmount(volume: VolumeInUse): volume is Extract<VolumeInUse, { readonly state: 'mounted' | 'uncertain' }> {
  return volume.state === 'uncertain' || (volume.state === 'mounted' && volume.holders.size === 0);
}

/**
 * An option that a container asks for and a volume that others hold was not mounted with; undefined = it can join. Who
 * asks for no options takes the volume as it is.
 * DEVIATION: upstream gives the second container the first one's volume, whatever options it asked for.
 */
export function conflictingOption(
  volume: VolumeInUse | undefined,
  options: readonly DriverOption[],
): DriverOption | undefined {
  if (volume === undefined || volume.holders.size === 0) return undefined;
  const given = new Set(volume.options.map(({ key, value }) => `${key}\n${value}`));
  return options.find(({ key, value }) => !given.has(`${key}\n${value}`));
}

function withClaim(volume: VolumeInUse | undefined, claim: Extract<VolumeEvent, { event: 'claim' }>): VolumeInUse {
  const { holder, options, mayMountLate = false } = claim;
  if (volume === undefined) return { state: 'mounting', holders: new Set([holder]), options, mayMountLate };
  const holders = new Set(volume.holders).add(holder);
  return {
    ...volume,
    holders,
    options: volume.holders.size === 0 ? options : volume.options,
    mayMountLate: volume.mayMountLate || mayMountLate,
  };
}

function released(volume: VolumeInUse | undefined, holder: string): VolumeInUse | undefined {
  if (volume === undefined) return undefined;
  const holders = new Set(volume.holders);
  holders.delete(holder);
  return volume.state === 'mounting' && holders.size === 0 ? undefined : { ...volume, holders };
}

/** A no tells nothing of an earlier unmount that may still be under way. */
function afterFailedUnmount(doubt: Doubt | undefined, isClear: boolean): Doubt {
  if (doubt === 'reboot' || doubt === 'unmount') return doubt;
  if (!isClear) return 'unmount';
  return doubt === 'crash' || doubt === 'late' ? doubt : 'unmount-refused';
}

function withoutMount({ holders, options, mayMountLate }: VolumeInUse): VolumeInUse | undefined {
  return holders.size === 0 ? undefined : { state: 'mounting', holders, options, mayMountLate };
}

/**
 * A driver profile: how one version of one real driver behaves, as data that the engine follows. Nothing in the engine
 * asks for a driver's name.
 *
 * Texts and places are templates: `<name>`, `<uuid>`, `<index>`, `<id>` (of the caller's mount), `<mountpoint>`,
 * `<value>` (what was refused), `<option:KEY>` and `<md5:KEY>` (an option of Create, and its MD5 in hex).
 */
import type { ReplyStyleName } from '@drydock/volume-plugin/server';
import type { VolumeDriverMethod, VolumeOptions } from '@drydock/volume-plugin';

/** Stores of this machine's own. */
export const localStoreKinds = ['directory', 'bind', 'ext4-on-loop', 'tmpfs'] as const;

/** What holds the data of volumes. */
export const storeKinds = ['directory', 'bind', 'ext4-on-loop', 'tmpfs', 'glusterfs'] as const;

/**
 * `directory`: plain directories, nothing is mounted, needs no rights. `bind`: directories that are bind-mounted.
 * `ext4-on-loop`: a file system each in an image on a loop device, hence `lost+found`. `tmpfs`: one in memory each.
 * `glusterfs`: volumes of a real gluster cluster.
 */
export type StoreKind = (typeof storeKinds)[number];

/** What knows the volumes: the driver's own records, or something that several nodes share. */
export type BackingKind = 'local' | 'pool' | 'ec2' | 'cinder' | 'flocker';

export interface OptionRule {
  /**
   * `size`: convoy's text, bytes or a number that ends in K, M or G. `gibibytes`: a bare number of GiB. `unsupported`:
   * the real driver does something with it that this one does not; refused unless empty.
   */
  readonly kind: 'text' | 'size' | 'gibibytes' | 'boolean' | 'absolute-path' | 'unsupported';
  readonly isRequired?: boolean;
  /** The values that are taken; default: all. */
  readonly values?: readonly string[];
}

export interface DriverProfile {
  /** Driver, version and store, for example `convoy-0.5-vfs`. */
  readonly name: string;
  /** What is special about it, in a line. */
  readonly summary: string;
  /** Where the facts come from: version, commit or measurement. */
  readonly source: string;
  /** `reference`: a driver as users run it. `trap`: one with a habit that breaks a careless client. */
  readonly role: 'reference' | 'trap';

  /** As Capabilities reports it. */
  readonly scope: 'local' | 'global';
  /** Calls that it does not have. */
  readonly missingCalls: readonly VolumeDriverMethod[];
  readonly replyStyle: ReplyStyleName;

  readonly backing: BackingKind;
  /** Whether the data of volumes are where every node of a cluster reaches them. */
  readonly isDataShared: boolean;
  /** The store that it uses unless told otherwise. */
  readonly store: StoreKind;
  /** All that it can use. */
  readonly stores: readonly StoreKind[];
  /** `data`: key of a volume's data; `mountpoint`: where it is mounted, below the driver's directory. */
  readonly layout: { readonly data: string; readonly mountpoint: string };
  /** What the driver itself remembers: nothing over a restart, one file that is overwritten, or durable files. */
  readonly state: 'memory' | 'file' | 'atomic-file';
  /** With `state: file`: what a file that cannot be read does. */
  readonly tornState: 'refuse-to-start' | 'forget';
  /** Whether counts and ids of mounts are part of the state. */
  readonly keepsUses: boolean;
  /** What happens to mounts when the driver is told to stop. */
  readonly onStop: 'leave-mounted' | 'unmount';

  /** Which names it takes; anchored. */
  readonly nameRule: RegExp;
  /** How a name is looked up; the first match wins. */
  readonly nameLookup: 'exact' | 'case-insensitive';
  readonly options: Readonly<Record<string, OptionRule>>;
  readonly unknownOptions: 'ignore' | 'refuse';
  /** Options of a Create that succeeds; `<name>` and `<data>` (the driver's data directory) are filled in. */
  readonly exampleOptions: VolumeOptions;
  /** Size of a volume whose creator gives none; 0 = unlimited. */
  readonly defaultSizeBytes: number;
  /** A size that cannot be read: refused in Go's words, or the default is taken. */
  readonly badSize: 'refuse' | 'take-default';
  /** Sizes must be a multiple of it. */
  readonly sizeUnitBytes: number;

  /** Create of a volume that exists. `duplicate`: a second one of that name. */
  readonly createAgain: 'keep' | 'refuse' | 'overwrite' | 'duplicate';
  /** Mount of an unknown volume. */
  readonly mountUnknown: 'refuse' | 'empty-mountpoint' | 'create';
  /** Mount without `ID`: like every other, or answered with no mountpoint and no error. */
  readonly mountWithoutId: 'mount' | 'empty-mountpoint';
  /**
   * How uses are counted. `none`: mounted or not. `mounts`: up with Mount, down with Unmount, unmounted at zero.
   * `first-mount`: a Mount of a mounted volume does not count. `ids`: a set of the callers' ids.
   */
  readonly uses: 'none' | 'mounts' | 'first-mount' | 'ids';
  readonly unmount: {
    readonly effect: 'unmount' | 'nothing';
    readonly unknown: 'succeed' | 'refuse';
    /** Unmount of a volume that is not mounted. */
    readonly unmounted: 'succeed' | 'refuse';
  };
  readonly remove: {
    /** `nothing`: the call succeeds and the volume stays. `keep-data`: only the record goes. */
    readonly effect: 'delete' | 'keep-data' | 'nothing';
    readonly unknown: 'succeed' | 'refuse';
    /**
     * `leave-mounted`: the record goes, the mount stays until Unmount. `lose-mount`: likewise, but Unmount does not
     * know it any more; with several uses nothing happens.
     */
    readonly inUse: 'refuse' | 'leave-mounted' | 'lose-mount';
    /** The call succeeds and does nothing, whatever the rest says of a removal by other ways. */
    readonly ignoresCalls?: boolean;
  };
  /** From when on Get and List know a volume. */
  readonly knownFrom: 'create' | 'mount';
  /** When Get and List tell a mountpoint. */
  readonly getMountpoint: 'while-mounted' | 'always';
  /** Path of a volume that is not mounted, and of an unknown one. */
  readonly path: {
    readonly unmounted: 'empty' | 'always' | 'refuse';
    readonly unknown: 'refuse' | 'always' | 'empty';
  };
  /** What a volume on another node does to a Mount here. */
  readonly attach: 'shared' | 'exclusive-refuse' | 'exclusive-preempt' | 'move';
  /** How long a call takes at least and at most, in ms; drawn with the driver's seed. Default: no wait. */
  readonly latencyMs: Readonly<Partial<Record<VolumeDriverMethod, readonly [number, number]>>>;
  readonly texts: ProfileTexts;
}

/** The driver's own words; templates. */
export interface ProfileTexts {
  readonly badName: string;
  readonly missingOption: string;
  readonly unknownOption: string;
  readonly badOption: string;
  readonly badSizeUnit: string;
  readonly exists: string;
  readonly unknownOnMount: string;
  readonly unknownOnUnmount: string;
  readonly unknownOnRemove: string;
  readonly unknownOnPath: string;
  readonly unknownOnGet: string;
  /** Path of a volume that is not mounted, where that is refused. */
  readonly notMounted: string;
  /** Unmount of a volume that is not mounted, where that is refused. */
  readonly unmountUnmounted: string;
  /** Unmount by an id that does not hold the volume. */
  readonly notHeld: string;
  /** Mount by an id that holds it. */
  readonly alreadyHeld: string;
  readonly removeInUse: string;
  readonly attachedElsewhere: string;
  /** The volume did not come to this node in time. */
  readonly timedOut: string;
}

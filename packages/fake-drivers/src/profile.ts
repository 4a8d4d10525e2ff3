/** A driver profile: how one real driver behaves, as data that the engine follows. */
import type { ReplyStyleName } from '@drydock/volume-plugin/server';

export interface DriverProfile {
  readonly name: string;
  /** As Capabilities reports it. */
  readonly scope: 'local' | 'global';
  readonly replyStyle: ReplyStyleName;
  /** What holds the volumes: plain directories, or an ext4 file system each, on a loop device (hence `lost+found`). */
  readonly store: 'directory' | 'ext4-on-loop';
  /** Which names the driver takes; anchored. */
  readonly nameRule: RegExp;
  /** Size of a volume whose creator gives none; 0 = unlimited. */
  readonly defaultSizeBytes: number;
  /** Sizes must be a multiple of it. */
  readonly sizeUnitBytes: number;
  readonly texts: {
    readonly badName: (name: string) => string;
    readonly badSizeUnit: string;
    readonly unknownOnMount: (name: string) => string;
    readonly unknownOnPath: (name: string) => string;
    readonly unknownOnGet: (name: string) => string;
    readonly removeMounted: (name: string) => string;
  };
}

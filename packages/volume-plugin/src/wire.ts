/**
 * The Docker Volume Plugin protocol, version 1: every call is `POST /<method>` with a JSON object, every answer a JSON
 * object; status 200 with an empty or absent `Err` is success. Keys are spelled as on the wire. Each call has a file in
 * `endpoints/`.
 * @see https://docs.docker.com/engine/extend/plugins_volume/
 */

/** The handshake that comes before every other call of a client process. */
export const activateMethod = 'Plugin.Activate';

export const volumeDriverMethods = [
  'VolumeDriver.Create',
  'VolumeDriver.Remove',
  'VolumeDriver.Mount',
  'VolumeDriver.Unmount',
  'VolumeDriver.Path',
  'VolumeDriver.Get',
  'VolumeDriver.List',
  'VolumeDriver.Capabilities',
] as const;

export type VolumeDriverMethod = (typeof volumeDriverMethods)[number];

export type PluginMethod = typeof activateMethod | VolumeDriverMethod;

/** Driver options of Create: what a client gave with `--volumeopts`. */
export type VolumeOptions = Readonly<Record<string, string>>;

/** What Get and List tell about a volume. */
export interface PluginVolume {
  readonly Name: string;
  /** Absent or empty while the volume is not mounted (some drivers always set it). */
  readonly Mountpoint?: string;
  /** RFC 3339; only Docker's engine reads it. */
  readonly CreatedAt?: string;
  /** Anything the driver wants to tell; only Docker's engine reads it. */
  readonly Status?: Readonly<Record<string, unknown>>;
}

/** A request as the server decodes it; keys that a method does not have keep their defaults. */
export interface VolumeDriverRequest {
  readonly Name: string;
  /** Create only; `null` and absent become `{}`. */
  readonly Opts: VolumeOptions;
  /** Mount and Unmount of the Docker engine only; dvdcli never sends one. */
  readonly ID?: string;
}

export interface PluginCapabilities {
  readonly Scope: 'local' | 'global';
}

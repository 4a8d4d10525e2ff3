/**
 * Which calls a client makes for one command, after Plugin.Activate. The differences decide what a driver has to
 * support; drivers were broken by them (a driver without Get could be mounted by dvdcli 0.2 but never unmounted).
 */
import { DomainError } from '@drydock/base/errors';
import type { CallOptions } from '../client/plugin-client.ts';
import type { MountCallOptions, VolumeDriverClient } from '../client/volume-driver-client.ts';
import type { PluginVolume, VolumeOptions } from '../wire.ts';

/** The calls of one client. Each rejects as the driver's calls, with VolumeUnavailableError around some of them. */
export interface CallSequence {
  /** Gives the mountpoint as the driver gave it, unchecked. */
  mount(driver: VolumeDriverClient, name: string, driverOptions: VolumeOptions, options: MountOptions): Promise<string>;
  /** `engine` needs the `mountId` of the mount that ends. */
  unmount(driver: VolumeDriverClient, name: string, options: MountCallOptions): Promise<void>;
  create(driver: VolumeDriverClient, name: string, driverOptions: VolumeOptions, options: CallOptions): Promise<void>;
  remove(driver: VolumeDriverClient, name: string, options: CallOptions): Promise<void>;
  /** Gives `''` while the volume is not mounted. */
  path(driver: VolumeDriverClient, name: string, options: CallOptions): Promise<string>;
  get(driver: VolumeDriverClient, name: string, options: CallOptions): Promise<PluginVolume>;
  list(driver: VolumeDriverClient, options: CallOptions): Promise<readonly PluginVolume[]>;
}

/** `engine` needs a `mountId`; the others send none. */
export interface MountOptions extends MountCallOptions {
  /** Do not create the volume if the driver does not know it. dvdcli 0.1.0 cannot. */
  readonly explicitCreate?: boolean;
}

/** Get answered without a volume and without an error. */
class NoSuchVolumeError extends DomainError<'NO_SUCH_VOLUME'> {
  readonly code = 'NO_SUCH_VOLUME';

  constructor() {
    super('no such volume');
  }
}

/** Finding, making or removing the volume failed, not what was to be done with it; `cause` says how. */
export class VolumeUnavailableError extends DomainError<'VOLUME_UNAVAILABLE'> {
  readonly code = 'VOLUME_UNAVAILABLE';

  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

/** @throws VolumeUnavailableError also when the driver answers with no volume */
export async function mustGet(driver: VolumeDriverClient, name: string, options: CallOptions): Promise<PluginVolume> {
  const volume = await asUnavailable(driver.get(name, options));
  if (volume === undefined) throw new VolumeUnavailableError(new NoSuchVolumeError());
  return volume;
}

/** Undefined for any failure of Get, as clients that go on to Create take it. */
export async function getIfKnown(
  driver: VolumeDriverClient,
  name: string,
  options: CallOptions,
): Promise<PluginVolume | undefined> {
  try {
    return await mustGet(driver, name, options);
  } catch (error) {
    if (error instanceof VolumeUnavailableError) return undefined;
    throw error;
  }
}

/** @throws VolumeUnavailableError for what the driver did; an aborted call does not make the volume unavailable */
export async function asUnavailable<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof DomainError) throw new VolumeUnavailableError(error);
    throw error;
  }
}

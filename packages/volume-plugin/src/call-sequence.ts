/**
 * Which calls a client makes for one command, after Plugin.Activate. The differences decide what a driver has to
 * support; drivers were broken by them (a driver without Get could be mounted by dvdcli 0.2 but never unmounted).
 */
import { DomainError } from '@drydock/base/errors';
import type { CallOptions } from './plugin-client.ts';
import type { VolumeDriverClient } from './volume-driver-client.ts';
import type { PluginVolume, VolumeOptions } from './wire.ts';

/** Get answered without a volume and without an error. */
class NoSuchVolumeError extends DomainError<'NO_SUCH_VOLUME'> {
  readonly code = 'NO_SUCH_VOLUME';

  constructor() {
    super('no such volume');
  }
}

/** Finding or making the volume (Get, Create) failed, not what was to be done with it; `cause` says how. */
export class VolumeUnavailableError extends DomainError<'VOLUME_UNAVAILABLE'> {
  readonly code = 'VOLUME_UNAVAILABLE';

  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

export interface CallSequence {
  /** Gives the mountpoint as the driver gave it, unchecked. */
  mount(
    driver: VolumeDriverClient,
    name: string,
    driverOptions: VolumeOptions,
    options: CallOptions & { readonly explicitCreate?: boolean },
  ): Promise<string>;
  unmount(driver: VolumeDriverClient, name: string, options: CallOptions): Promise<void>;
  create(driver: VolumeDriverClient, name: string, driverOptions: VolumeOptions, options: CallOptions): Promise<void>;
  /** Gives `''` while the volume is not mounted. */
  path(driver: VolumeDriverClient, name: string, options: CallOptions): Promise<string>;
}

/**
 * dvdcli 0.2.x: Get first. `mount` takes any failure of Get for "not there yet" and creates the volume, unless
 * `explicitCreate` asks for one that exists. Later calls use the name that Get returned.
 */
const dvdcli02: CallSequence = {
  async mount(driver, name, driverOptions, options) {
    const known = await lookUp(driver, name, options, options.explicitCreate === true);
    if (known === undefined) await asUnavailable(driver.create(name, driverOptions, options));
    return await driver.mount(known?.Name ?? name, options);
  },
  async unmount(driver, name, options) {
    const { Name } = await mustLookUp(driver, name, options);
    await driver.unmount(Name, options);
  },
  async create(driver, name, driverOptions, options) {
    await asUnavailable(driver.create(name, driverOptions, options));
  },
  async path(driver, name, options) {
    const { Name, Mountpoint } = await mustLookUp(driver, name, options);
    return Mountpoint ?? (await driver.path(Name, options));
  },
};

/** By the client whose calls they are. */
export const callSequences: { readonly 'dvdcli-0.2': CallSequence } = { 'dvdcli-0.2': dvdcli02 };

async function lookUp(
  driver: VolumeDriverClient,
  name: string,
  options: CallOptions,
  mustExist: boolean,
): Promise<PluginVolume | undefined> {
  try {
    return await mustLookUp(driver, name, options);
  } catch (error) {
    if (mustExist || !(error instanceof VolumeUnavailableError)) throw error;
    return undefined;
  }
}

async function mustLookUp(driver: VolumeDriverClient, name: string, options: CallOptions): Promise<PluginVolume> {
  const volume = await asUnavailable(driver.get(name, options));
  if (volume === undefined) throw new VolumeUnavailableError(new NoSuchVolumeError());
  return volume;
}

async function asUnavailable<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    // Only what the driver did makes the volume unavailable; an aborted call does not.
    if (error instanceof DomainError) throw new VolumeUnavailableError(error);
    throw error;
  }
}

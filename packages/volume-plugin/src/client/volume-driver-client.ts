import { systemClock } from '@drydock/base/ports';
import { clientManners, type ClientName } from '../client-name.ts';
import { defaultDiscoveryDirectories, locatePlugin, type DiscoveryDirectories } from '../discovery/locate-plugin.ts';
import { activate } from '../endpoints/activate.ts';
import { capabilities } from '../endpoints/capabilities.ts';
import { create } from '../endpoints/create.ts';
import { get } from '../endpoints/get.ts';
import { list } from '../endpoints/list.ts';
import { mount, type MountRequest } from '../endpoints/mount.ts';
import { path } from '../endpoints/path.ts';
import { remove } from '../endpoints/remove.ts';
import { unmount } from '../endpoints/unmount.ts';
import { NotVolumeDriverError, PluginAddressError, PluginNotFoundError } from '../errors.ts';
import type { PluginCapabilities, PluginVolume, VolumeOptions } from '../wire.ts';
import { PluginClient, type CallOptions, type PluginClientOptions } from './plugin-client.ts';
import { retry } from './retry.ts';

export interface ConnectOptions extends PluginClientOptions, CallOptions {
  /** Default: the directories that Docker looks into. */
  readonly directories?: DiscoveryDirectories;
}

export interface MountCallOptions extends CallOptions {
  /** Who mounts, 64 hex digits; sent if it is given. dvdcli has none. */
  readonly mountId?: string;
}

/**
 * Finds the driver, connects and activates it. Dispose of the client to close its connection.
 * @throws PluginNotFoundError and PluginAddressError after the whole retry schedule, PluginTlsError,
 *   NotVolumeDriverError, and what `PluginClient.call` throws
 */
export async function connectVolumeDriver(driver: string, options: ConnectOptions): Promise<VolumeDriverClient> {
  const { signal, directories = defaultDiscoveryDirectories, clock = systemClock, onEvent } = options;
  signal.throwIfAborted();
  const address = await retry(async () => await locatePlugin(driver, directories), {
    clock,
    signal,
    isWorthRetry: (error) => error instanceof PluginNotFoundError || error instanceof PluginAddressError,
    onRetry: (delayMs) => onEvent?.({ kind: 'locate-retry', driver, delayMs }),
  }).catch((error: unknown) => {
    if (!(error instanceof PluginNotFoundError)) throw error;
    throw new PluginNotFoundError(driver, clientManners[options.client ?? 'dvdcli-0.2'].notFoundText(driver));
  });
  const client = new VolumeDriverClient(new PluginClient(address, options));
  try {
    await client.activate({ signal });
  } catch (error) {
    client[Symbol.dispose]();
    throw error;
  }
  return client;
}

/** The calls of one volume driver, one at a time; each throws as `PluginClient.call`. */
export class VolumeDriverClient implements Disposable {
  readonly #plugin: PluginClient;

  constructor(plugin: PluginClient) {
    this.#plugin = plugin;
  }

  /** Whose calls are made. */
  get client(): ClientName {
    return this.#plugin.client;
  }

  /** The handshake. @throws NotVolumeDriverError */
  async activate(options: CallOptions): Promise<void> {
    const implemented = await this.#plugin.call(activate, undefined, options);
    if (!implemented.includes('VolumeDriver')) throw new NotVolumeDriverError();
  }

  async create(name: string, driverOptions: VolumeOptions | null, options: CallOptions): Promise<void> {
    await this.#plugin.call(create, { name, options: driverOptions }, options);
  }

  async remove(name: string, options: CallOptions): Promise<void> {
    await this.#plugin.call(remove, { name }, options);
  }

  /** The mountpoint as the driver gave it: it may be empty, relative or missing. */
  async mount(name: string, options: MountCallOptions): Promise<string> {
    return await this.#plugin.call(mount, toMountRequest(name, options), options);
  }

  async unmount(name: string, options: MountCallOptions): Promise<void> {
    await this.#plugin.call(unmount, toMountRequest(name, options), options);
  }

  /** The mountpoint; `''` while not mounted. */
  async path(name: string, options: CallOptions): Promise<string> {
    return await this.#plugin.call(path, { name }, options);
  }

  /** The volume; undefined when the driver answers neither one nor an error. */
  async get(name: string, options: CallOptions): Promise<PluginVolume | undefined> {
    return await this.#plugin.call(get, { name }, options);
  }

  async list(options: CallOptions): Promise<readonly PluginVolume[]> {
    return await this.#plugin.call(list, undefined, options);
  }

  async capabilities(options: CallOptions): Promise<PluginCapabilities> {
    return await this.#plugin.call(capabilities, undefined, options);
  }

  [Symbol.dispose](): void {
    this.#plugin[Symbol.dispose]();
  }
}

function toMountRequest(name: string, { mountId }: MountCallOptions): MountRequest {
  return { name, ...(mountId === undefined ? {} : { id: mountId }) };
}

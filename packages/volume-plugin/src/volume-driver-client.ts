import { messageOf } from '@drydock/base/errors';
import { textField, textsField, volumeField, type GoObject } from './decoder.ts';
import { defaultDiscoveryDirectories, locatePlugin, type DiscoveryDirectories } from './discovery.ts';
import {
  DriverError,
  NotVolumeDriverError,
  PluginAddressError,
  PluginNotFoundError,
  PluginReplyError,
} from './errors.ts';
import { toGoJson } from './go-json.ts';
import { PluginClient, type CallOptions, type PluginClientOptions } from './plugin-client.ts';
import { defaultRetryDelaysMs, retry, type PluginClientEvent } from './retry.ts';
import { activateMethod, type PluginVolume, type VolumeDriverMethod, type VolumeOptions } from './wire.ts';

export interface ConnectOptions extends PluginClientOptions, CallOptions {
  /** Default: the directories that Docker looks into. */
  readonly directories?: DiscoveryDirectories;
}

/**
 * Finds the driver, connects and activates it. Dispose of the client to close its connection.
 * @throws PluginNotFoundError and PluginAddressError after the whole retry schedule, NotVolumeDriverError, and what
 *   `PluginClient.call` throws
 */
export async function connectVolumeDriver(driver: string, options: ConnectOptions): Promise<VolumeDriverClient> {
  const { signal, directories = defaultDiscoveryDirectories, retryDelaysMs = defaultRetryDelaysMs, onEvent } = options;
  const address = await retry(async () => await locatePlugin(driver, directories), {
    delaysMs: retryDelaysMs,
    signal,
    isWorthRetry: (error) => error instanceof PluginNotFoundError || error instanceof PluginAddressError,
    onRetry: (delayMs) => onEvent?.({ kind: 'locate-retry', driver, delayMs }),
  });
  const client = new VolumeDriverClient(new PluginClient(address, options), onEvent);
  try {
    await client.activate({ signal });
  } catch (error) {
    client[Symbol.dispose]();
    throw error;
  }
  return client;
}

/** The VolumeDriver calls of one plugin. Each throws DriverError when the driver refuses, and as `PluginClient.call`. */
export class VolumeDriverClient implements Disposable {
  readonly #plugin: PluginClient;
  readonly #onEvent: ((event: PluginClientEvent) => void) | undefined;

  constructor(plugin: PluginClient, onEvent?: (event: PluginClientEvent) => void) {
    this.#plugin = plugin;
    this.#onEvent = onEvent;
  }

  /** The handshake; its body is empty. */
  async activate(options: CallOptions): Promise<void> {
    const answer = await this.#plugin.call(activateMethod, '', options);
    const implemented = this.#decode(activateMethod, () => textsField(answer, 'Implements'));
    if (!implemented.includes('VolumeDriver')) throw new NotVolumeDriverError();
  }

  async create(name: string, driverOptions: VolumeOptions, options: CallOptions): Promise<void> {
    const sorted = Object.fromEntries(Object.entries(driverOptions).sort(([a], [b]) => (a < b ? -1 : 1)));
    await this.#call('VolumeDriver.Create', { Name: name, Opts: sorted }, options);
  }

  /** The mountpoint as the driver gave it: it may be empty, relative or missing. */
  async mount(name: string, options: CallOptions): Promise<string> {
    return await this.#mountpointOf('VolumeDriver.Mount', name, options);
  }

  async unmount(name: string, options: CallOptions): Promise<void> {
    await this.#call('VolumeDriver.Unmount', { Name: name }, options);
  }

  /** The mountpoint; `''` while not mounted. */
  async path(name: string, options: CallOptions): Promise<string> {
    return await this.#mountpointOf('VolumeDriver.Path', name, options);
  }

  /** The volume; undefined when the driver answers neither one nor an error. */
  async get(name: string, options: CallOptions): Promise<PluginVolume | undefined> {
    const answer = await this.#call('VolumeDriver.Get', { Name: name }, options);
    return this.#decode('VolumeDriver.Get', () => volumeField(answer, 'Volume'));
  }

  [Symbol.dispose](): void {
    this.#plugin[Symbol.dispose]();
  }

  async #mountpointOf(
    method: 'VolumeDriver.Mount' | 'VolumeDriver.Path',
    name: string,
    options: CallOptions,
  ): Promise<string> {
    const answer = await this.#call(method, { Name: name }, options);
    return this.#decode(method, () => textField(answer, 'Mountpoint'));
  }

  async #call(method: VolumeDriverMethod, request: object, options: CallOptions): Promise<GoObject> {
    const answer = await this.#plugin.call(method, `${toGoJson(request)}\n`, options);
    const refusal = this.#decode(method, () => textField(answer, 'Err'));
    if (refusal !== '') throw new DriverError(refusal);
    return answer;
  }

  #decode<T>(method: string, read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof PluginReplyError) {
        this.#onEvent?.({ kind: 'bad-reply', method, reason: messageOf(error) });
      }
      throw error;
    }
  }
}

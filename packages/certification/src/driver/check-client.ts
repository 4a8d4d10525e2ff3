/** The commands of one client as a check gives them: each is a new process of that client would be, from Activate on. */
import { systemClock, type ClockPort } from '@drydock/base/ports';
import {
  callSequences,
  connectVolumeDriver,
  type ClientName,
  type DiscoveryDirectories,
  type PluginVolume,
  type VolumeDriverClient,
  type VolumeOptions,
} from '@drydock/volume-plugin';
import { CheckFailedError, driverFault } from '../run/outcome.ts';
import { mountInProcesses } from './client-processes.ts';

export interface CheckClientOptions {
  readonly name: ClientName;
  /** Where the relay is found as the plugin `driver`. */
  readonly directories: DiscoveryDirectories;
  /** Of each call of a command. */
  readonly callTimeoutMs: number;
  readonly signal: AbortSignal;
  /** 64 hex digits. */
  readonly newMountId: () => string;
  /** Options of a Create for a volume. */
  readonly optionsFor: (volume: string) => VolumeOptions;
  /** Told before a command goes out; keeps books, and refuses names that are not the run's. */
  readonly onCommand: (command: 'create' | 'mount' | 'other', volume: string, mountId?: string) => Promise<void>;
}

/** The plugin's name in the relay's directory. */
export const RELAY_PLUGIN = 'driver';

/**
 * dvdcli waits 1, 2, 4 and 8 s before it gives up on a driver that is not there, or that hung up on it; whoever starts
 * the driver here waits for its socket, so that much patience would only make a broken driver's checks long.
 */
const SLEEP_MS_MAX = 250;
const hurriedClock: ClockPort = {
  now: () => systemClock.now(),
  sleep: async (ms, options) => await systemClock.sleep(Math.min(ms, SLEEP_MS_MAX), options),
};

export class CheckClient {
  readonly name: ClientName;
  readonly #options: CheckClientOptions;
  /** Ids of mounts of the engine that were not unmounted yet, the latest last. */
  readonly #mountIds = new Map<string, string[]>();

  constructor(options: CheckClientOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** The mountpoint as the driver gave it. `options`: default those of the manifest. */
  async mount(
    volume: string,
    given: { readonly options?: VolumeOptions; readonly mountId?: string } = {},
  ): Promise<string> {
    const { optionsFor, newMountId, onCommand } = this.#options;
    const mountId = this.name === 'engine' ? (given.mountId ?? newMountId()) : undefined;
    await onCommand('mount', volume, mountId);
    const options = given.options ?? optionsFor(volume);
    const mountpoint = await this.#run(
      async (driver, signal) => await callSequences[this.name].mount(driver, volume, options, withId(signal, mountId)),
    );
    if (mountId !== undefined) this.#mountIds.set(volume, [...(this.#mountIds.get(volume) ?? []), mountId]);
    return mountpoint;
  }

  /** The engine's: with the id of the latest mount unless told otherwise. */
  async unmount(volume: string, given: { readonly mountId?: string } = {}): Promise<void> {
    await this.#options.onCommand('other', volume);
    const ids = this.#mountIds.get(volume) ?? [];
    const mountId = this.name === 'engine' ? (given.mountId ?? ids.at(-1) ?? this.#options.newMountId()) : undefined;
    await this.#run(
      async (driver, signal) => await callSequences[this.name].unmount(driver, volume, withId(signal, mountId)),
    );
    this.#mountIds.set(
      volume,
      ids.filter((id) => id !== mountId),
    );
  }

  /** Mounts in a process per list, all at one moment, each list in its order; gives the mountpoints of each. */
  async mountInProcesses(lists: readonly (readonly string[])[]): Promise<readonly (readonly string[])[]> {
    const { optionsFor, newMountId, onCommand, directories, callTimeoutMs, signal } = this.#options;
    const jobs = [];
    for (const volumes of lists) {
      const mounts = [];
      for (const volume of volumes) {
        const mountId = this.name === 'engine' ? newMountId() : undefined;
        await onCommand('mount', volume, mountId);
        if (mountId !== undefined) this.#mountIds.set(volume, [...(this.#mountIds.get(volume) ?? []), mountId]);
        mounts.push({ volume, options: optionsFor(volume), ...(mountId === undefined ? {} : { mountId }) });
      }
      jobs.push({ client: this.name, plugin: RELAY_PLUGIN, directories, mounts, callTimeoutMs });
    }
    return await mountInProcesses(jobs, signal);
  }

  async create(volume: string, options: VolumeOptions = this.#options.optionsFor(volume)): Promise<void> {
    await this.#options.onCommand('create', volume);
    await this.#run(
      async (driver, signal) => await callSequences[this.name].create(driver, volume, options, { signal }),
    );
  }

  async remove(volume: string): Promise<void> {
    await this.#options.onCommand('other', volume);
    await this.#run(async (driver, signal) => await callSequences[this.name].remove(driver, volume, { signal }));
  }

  /** `''` while not mounted. */
  async path(volume: string): Promise<string> {
    await this.#options.onCommand('create', volume); // 0.1 creates it
    return await this.#run(async (driver, signal) => await callSequences[this.name].path(driver, volume, { signal }));
  }

  async get(volume: string): Promise<PluginVolume> {
    await this.#options.onCommand('other', volume);
    return await this.#run(async (driver, signal) => await callSequences[this.name].get(driver, volume, { signal }));
  }

  async list(): Promise<readonly PluginVolume[]> {
    return await this.#run(async (driver, signal) => await callSequences[this.name].list(driver, { signal }));
  }

  /** What the driver said when it refused. @throws CheckFailedError when it did not; the harness's own errors */
  async refusal(command: Promise<unknown>, what: string): Promise<string> {
    let got: unknown;
    try {
      got = await command;
    } catch (error) {
      const fault = driverFault(error);
      if (fault === undefined) throw error;
      return fault.got;
    }
    throw new CheckFailedError({
      expected: `${what} to be refused`,
      got: got === undefined ? 'success' : `success: ${JSON.stringify(got)}`,
    });
  }

  /** Runs the calls of one command, as one process of the client does. */
  async #run<T>(calls: (driver: VolumeDriverClient, signal: AbortSignal) => Promise<T>): Promise<T> {
    const { directories, signal, callTimeoutMs } = this.#options;
    using driver = await connectVolumeDriver(RELAY_PLUGIN, {
      client: this.name,
      directories,
      signal,
      callTimeoutMs,
      clock: hurriedClock,
    });
    return await calls(driver, signal);
  }
}

function withId(signal: AbortSignal, mountId: string | undefined): { signal: AbortSignal; mountId?: string } {
  return { signal, ...(mountId === undefined ? {} : { mountId }) };
}

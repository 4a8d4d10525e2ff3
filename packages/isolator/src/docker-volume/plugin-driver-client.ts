import { DomainError, messageOf } from '@drydock/base/errors';
import { formatDurationMs } from '@drydock/base/gflags';
import {
  callSequences,
  connectVolumeDriver,
  PluginConnectionLostError,
  PluginReplyError,
  PluginStatusError,
  PluginTimeoutError,
  VolumeUnavailableError,
  type ConnectOptions,
  type VolumeDriverClient,
} from '@drydock/volume-plugin';
import { DriverCallError, type DriverCallOutcome, type DriverClient } from './driver-client.ts';
import { INSPECT_TIMEOUT_MS, MOUNT_TIMEOUT_MS, UNMOUNT_TIMEOUT_MS } from './driver-limits.ts';
import type { DriverOption, VolumeKey } from './volume-key.ts';

export interface PluginDriverClientOptions extends Pick<ConnectOptions, 'directories' | 'clock'> {
  /** Default 120 s. */
  readonly mountTimeoutMs?: number;
  /** Default 10 min. */
  readonly unmountTimeoutMs?: number;
  /** Refuses to mount a volume that the driver does not know, in place of making it. Default false. */
  readonly isCreateExplicit?: boolean;
}

/** Whose calls this client makes: Get first, then Create if need be. */
const calls = callSequences['dvdcli-0.2'];

/**
 * Talks to the driver's plugin directly, in this process, with the calls of dvdcli 0.2: no process per operation. One
 * connection per operation, which ends with it.
 */
export class PluginDriverClient implements DriverClient {
  readonly #options: PluginDriverClientOptions;

  constructor(options: PluginDriverClientOptions = {}) {
    this.#options = options;
  }

  /** Options with one key twice: the last counts, as in dvdcli. Any key and value can be carried. */
  async mount(volume: VolumeKey, options: readonly DriverOption[], o: { signal: AbortSignal }): Promise<string> {
    const driverOptions = Object.fromEntries(options.map(({ key, value }) => [key, value]));
    const { mountTimeoutMs: timeoutMs = MOUNT_TIMEOUT_MS, isCreateExplicit: explicitCreate = false } = this.#options;
    return await this.#call('mount', volume, { timeoutMs, signal: o.signal }, async (driver, signal) => {
      const mountpoint = await calls.mount(driver, volume.name, driverOptions, { signal, explicitCreate });
      if (mountpoint === '')
        throw new PluginReplyError('expected a mountpoint in the answer to Mount, got an empty one');
      return mountpoint;
    });
  }

  async unmount(volume: VolumeKey, o: { signal: AbortSignal }): Promise<void> {
    const timeoutMs = this.#options.unmountTimeoutMs ?? UNMOUNT_TIMEOUT_MS;
    await this.#call('unmount', volume, { timeoutMs, signal: o.signal }, async (driver, signal) => {
      try {
        await calls.unmount(driver, volume.name, { signal });
      } catch (error) {
        // A driver that has no Get (convoy before 0.5) could otherwise be mounted and never unmounted.
        if (!isUnknownCall(error)) throw error;
        await driver.unmount(volume.name, { signal });
      }
    });
  }

  async inspect(volume: VolumeKey, o: { signal: AbortSignal }): Promise<{ readonly mountpoint?: string } | 'unknown'> {
    const signal = AbortSignal.any([o.signal, AbortSignal.timeout(INSPECT_TIMEOUT_MS)]);
    try {
      using driver = await this.#connect(volume, signal);
      const mountpoint = await calls.path(driver, volume.name, { signal });
      return mountpoint === '' ? {} : { mountpoint };
    } catch (error) {
      if (error instanceof DomainError || signal.aborted) return 'unknown';
      throw error;
    }
  }

  async #call<T>(
    call: 'mount' | 'unmount',
    volume: VolumeKey,
    limits: { readonly timeoutMs: number; readonly signal: AbortSignal },
    work: (driver: VolumeDriverClient, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { timeoutMs } = limits;
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = AbortSignal.any([limits.signal, timeout]);
    let isReached = false;
    try {
      using driver = await this.#connect(volume, signal);
      isReached = true;
      return await work(driver, signal);
    } catch (error) {
      const fail = (outcome: DriverCallOutcome, message: string): DriverCallError =>
        new DriverCallError({ call, volume, outcome, message }, { cause: error });
      if (limits.signal.aborted) throw fail('unclear', `'${call}' was discarded`);
      if (timeout.aborted) throw fail('unclear', `'${call}' timed out in ${formatDurationMs(timeoutMs)}`);
      if (!(error instanceof DomainError)) throw error;
      const what = isReached
        ? `Failed to ${call} volume '${volume.name}' through volume driver '${volume.driver}'`
        : `Failed to look up volume driver '${volume.driver}' to ${call} volume '${volume.name}'`;
      throw fail(isReached ? outcomeOf(error) : 'never-reached', `${what}: ${messageOf(error).trim()}`);
    }
  }

  async #connect(volume: VolumeKey, signal: AbortSignal): Promise<VolumeDriverClient> {
    const { directories, clock } = this.#options;
    return await connectVolumeDriver(volume.driver, {
      signal,
      client: 'dvdcli-0.2',
      ...(directories === undefined ? {} : { directories }),
      ...(clock === undefined ? {} : { clock }),
    });
  }
}

/** What a call that failed in this way may have done at the driver. */
function outcomeOf(error: DomainError): DriverCallOutcome {
  // Looking for the volume, or making it, changes no mount.
  if (error instanceof VolumeUnavailableError) return 'rejected';
  const isUnclear =
    error instanceof PluginConnectionLostError ||
    error instanceof PluginReplyError ||
    error instanceof PluginTimeoutError;
  return isUnclear ? 'unclear' : 'rejected';
}

function isUnknownCall(error: unknown): boolean {
  return (
    error instanceof VolumeUnavailableError && error.cause instanceof PluginStatusError && error.cause.status === 404
  );
}

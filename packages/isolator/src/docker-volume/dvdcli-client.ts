import { formatDurationMs } from '@drydock/base/gflags';
import { SpawnFailedError, run, type RunResult } from '@drydock/base/subprocess';
import { DriverCallError, type DriverCallOutcome, type DriverClient } from './driver-client.ts';
import type { DriverOption, VolumeKey } from './volume-key.ts';

/** @see src/slave/containerizer/mesos/isolators/docker/volume/constants.hpp */
const MOUNT_TIMEOUT_MS = 120_000;
const UNMOUNT_TIMEOUT_MS = 600_000;
const INSPECT_TIMEOUT_MS = 60_000;

export interface DvdcliClientOptions {
  /** Absolute path of dvdcli. */
  readonly dvdcli: string;
  /** Default 120 s. */
  readonly mountTimeoutMs?: number;
  /** Default 10 min. */
  readonly unmountTimeoutMs?: number;
  /** Default: the agent's environment, as upstream. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Calls `dvdcli` once per operation; a call that is over its limit is ended with SIGKILL, whole process group.
 * @see src/slave/containerizer/mesos/isolators/docker/volume/driver.cpp
 */
export class DvdcliClient implements DriverClient {
  readonly #dvdcli: string;
  readonly #mountTimeoutMs: number;
  readonly #unmountTimeoutMs: number;
  readonly #env: Readonly<Record<string, string>> | undefined;

  constructor(options: DvdcliClientOptions) {
    this.#dvdcli = options.dvdcli;
    this.#mountTimeoutMs = options.mountTimeoutMs ?? MOUNT_TIMEOUT_MS;
    this.#unmountTimeoutMs = options.unmountTimeoutMs ?? UNMOUNT_TIMEOUT_MS;
    this.#env = options.env;
  }

  async mount(volume: VolumeKey, options: readonly DriverOption[], o: { signal: AbortSignal }): Promise<string> {
    for (const option of options) assertTransportable(volume, option);
    const argv = options.map(({ key, value }) => `--volumeopts=${key}=${value}`);
    const stdout = await this.#call('mount', volume, argv, this.#mountTimeoutMs, o.signal);
    return stdout.trim();
  }

  async unmount(volume: VolumeKey, o: { signal: AbortSignal }): Promise<void> {
    await this.#call('unmount', volume, [], this.#unmountTimeoutMs, o.signal);
  }

  async inspect(volume: VolumeKey, o: { signal: AbortSignal }): Promise<{ readonly mountpoint?: string } | 'unknown'> {
    const result = await this.#run('path', volume, [], INSPECT_TIMEOUT_MS, o.signal);
    if (result instanceof SpawnFailedError) return 'unknown';
    if (result.exitCode !== 0 || result.isTimedOut || result.isCanceled) return 'unknown';
    const mountpoint = result.stdout.trim();
    return mountpoint === '' ? {} : { mountpoint };
  }

  async #call(
    call: 'mount' | 'unmount',
    volume: VolumeKey,
    more: readonly string[],
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<string> {
    const result = await this.#run(call, volume, more, timeoutMs, signal);
    if (result instanceof SpawnFailedError) {
      const { message } = result;
      throw new DriverCallError({ call, volume, outcome: 'never-reached', message }, { cause: result });
    }
    if (result.isTimedOut) {
      const message = `'${call}' timed out in ${formatDurationMs(timeoutMs)}`;
      throw new DriverCallError({ call, volume, outcome: 'unclear', message });
    }
    if (result.isCanceled) {
      throw new DriverCallError({ call, volume, outcome: 'unclear', message: `'${call}' was discarded` });
    }
    if (result.exitCode !== 0) {
      const message = `Unexpected termination of the subprocess: ${result.stderr.trim() || endOf(result)}`;
      throw new DriverCallError({ call, volume, outcome: outcomeOf(result), message });
    }
    return result.stdout;
  }

  async #run(
    command: string,
    volume: VolumeKey,
    more: readonly string[],
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<RunResult | SpawnFailedError> {
    const argv = [`--volumedriver=${volume.driver}`, `--volumename=${volume.name}`, ...more];
    try {
      return await run([this.#dvdcli, command, ...argv], {
        signal,
        timeoutMs,
        killAfterMs: 0,
        ...(this.#env === undefined ? {} : { env: this.#env }),
      });
    } catch (error) {
      if (error instanceof SpawnFailedError) return error;
      throw error;
    }
  }
}

/**
 * DEVIATION: dvdcli splits `--volumeopts` at commas and at the first `=`, so upstream silently hands such an option to
 * the driver in pieces; here the mount is refused.
 */
function assertTransportable(volume: VolumeKey, { key, value }: DriverOption): void {
  const problem =
    key === '' || key.includes('=')
      ? `its key ${JSON.stringify(key)} must not be empty or hold '='`
      : `${key}${value}`.includes(',')
        ? `${JSON.stringify(`${key}=${value}`)} must not hold ','`
        : undefined;
  if (problem === undefined) return;
  const message = `Cannot pass a driver option of volume '${volume.name}' to dvdcli: ${problem}`;
  throw new DriverCallError({ call: 'mount', volume, outcome: 'rejected', message });
}

/** @see apps/dvdcli: a look-up comes before any volume call and says so */
function outcomeOf(result: RunResult): DriverCallOutcome {
  // A dvdcli that a signal ended did not say what the driver did.
  if (result.exitCode === undefined) return 'unclear';
  return result.stderr.includes('Error looking up volume plugin') ? 'never-reached' : 'rejected';
}

function endOf(result: RunResult): string {
  return result.signal === undefined ? `exited with status ${result.exitCode}` : `terminated with ${result.signal}`;
}

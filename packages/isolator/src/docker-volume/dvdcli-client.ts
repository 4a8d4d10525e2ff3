import { formatDurationMs } from '@drydock/base/gflags';
import { SpawnFailedError, run, type RunResult } from '@drydock/base/subprocess';
import { DriverCallError, type DriverCallOutcome, type DriverClient } from './driver-client.ts';
import { INSPECT_TIMEOUT_MS, MOUNT_TIMEOUT_MS, UNMOUNT_TIMEOUT_MS } from './driver-limits.ts';
import type { DriverOption, VolumeKey } from './volume-key.ts';

const VERSION_TIMEOUT_MS = 10_000;

export interface DvdcliClientOptions {
  /** Absolute path of dvdcli. */
  readonly dvdcli: string;
  /** Default 120 s. */
  readonly mountTimeoutMs?: number;
  /** Default 10 min. */
  readonly unmountTimeoutMs?: number;
  /** Refuses to mount a volume that the driver does not know, in place of making it; needs dvdcli 0.2. Default false. */
  readonly isCreateExplicit?: boolean;
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
  readonly #isCreateExplicit: boolean;
  readonly #env: Readonly<Record<string, string>> | undefined;
  /** Found out once, when it is first needed. */
  #isVersion02: Promise<boolean> | undefined;

  constructor(options: DvdcliClientOptions) {
    this.#dvdcli = options.dvdcli;
    this.#mountTimeoutMs = options.mountTimeoutMs ?? MOUNT_TIMEOUT_MS;
    this.#unmountTimeoutMs = options.unmountTimeoutMs ?? UNMOUNT_TIMEOUT_MS;
    this.#isCreateExplicit = options.isCreateExplicit ?? false;
    this.#env = options.env;
  }

  /** Whether this dvdcli has `--explicitcreate`, and a `path` that looks without making what is not there: 0.2 has both. */
  async isVersion02(): Promise<boolean> {
    this.#isVersion02 ??= this.#askVersion();
    return await this.#isVersion02;
  }

  async mount(volume: VolumeKey, options: readonly DriverOption[], o: { signal: AbortSignal }): Promise<string> {
    for (const option of options) assertTransportable(volume, option);
    const argv = options.map(({ key, value }) => `--volumeopts=${key}=${value}`);
    if (this.#isCreateExplicit) argv.push('--explicitcreate=true');
    const stdout = await this.#call('mount', volume, argv, this.#mountTimeoutMs, o.signal);
    return stdout.trim();
  }

  async unmount(volume: VolumeKey, o: { signal: AbortSignal }): Promise<void> {
    await this.#call('unmount', volume, [], this.#unmountTimeoutMs, o.signal);
  }

  /** With dvdcli 0.1, or one that does not tell its version, always `unknown`: its `path` creates the volume. */
  async inspect(volume: VolumeKey, o: { signal: AbortSignal }): Promise<{ readonly mountpoint?: string } | 'unknown'> {
    if (!(await this.isVersion02())) return 'unknown';
    const result = await this.#run('path', volume, [], INSPECT_TIMEOUT_MS, o.signal);
    if (result instanceof SpawnFailedError) return 'unknown';
    if (result.exitCode !== 0 || result.isTimedOut || result.isCanceled) return 'unknown';
    const mountpoint = result.stdout.trim();
    return mountpoint === '' ? {} : { mountpoint };
  }

  async #askVersion(): Promise<boolean> {
    const result = await this.#runArgv(['version'], VERSION_TIMEOUT_MS);
    if (result instanceof SpawnFailedError || result.exitCode !== 0) return false;
    const [, major, minor] = /^SemVer: v?(\d+)\.(\d+)\./m.exec(result.stdout) ?? [];
    return major !== undefined && (Number(major) > 0 || Number(minor) >= 2);
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
    const argv = [command, `--volumedriver=${volume.driver}`, `--volumename=${volume.name}`, ...more];
    return await this.#runArgv(argv, timeoutMs, signal);
  }

  async #runArgv(
    argv: readonly string[],
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<RunResult | SpawnFailedError> {
    try {
      return await run([this.#dvdcli, ...argv], {
        timeoutMs,
        killAfterMs: 0,
        // As upstream's: a call that nobody waits for any more must not mount later.
        endsWithParent: true,
        ...(signal === undefined ? {} : { signal }),
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

/**
 * The port to a volume driver. Implementations: `DvdcliClient` (a process per call, as upstream) and `PluginDriverClient`
 * (the plugin protocol, in this process). Both pass `driver-client-contract.suite.ts`.
 *
 * Rules for both: a call ends within the client's own limit; an abort of the signal ends it promptly; what a failed call
 * did at the driver is told by the error's `outcome`.
 */
import { DomainError } from '@drydock/base/errors';
import type { DriverOption, VolumeKey } from './volume-key.ts';

export interface DriverClient {
  /**
   * Mounts the volume on the host and gives the mountpoint as the driver named it (not yet validated). A missing volume
   * is made, unless the client was told not to. Repeating it for a mounted volume gives the same mountpoint.
   * @throws DriverCallError
   */
  mount(volume: VolumeKey, options: readonly DriverOption[], o: { signal: AbortSignal }): Promise<string>;

  /** @throws DriverCallError */
  unmount(volume: VolumeKey, o: { signal: AbortSignal }): Promise<void>;

  /** Where the driver says that the volume is mounted now; never creates it, never throws for a driver's failure. */
  inspect(volume: VolumeKey, o: { signal: AbortSignal }): Promise<{ readonly mountpoint?: string } | 'unknown'>;
}

/**
 * `never-reached`: the driver was not found, so it was not asked. `rejected`: the answer was no, or none came back.
 * `unclear`: it may have happened, or still happen (time-out, abort).
 */
export type DriverCallOutcome = 'never-reached' | 'rejected' | 'unclear';

/** A call to the driver failed; the message is upstream's. @see src/slave/containerizer/mesos/isolators/docker/volume/driver.cpp */
export class DriverCallError extends DomainError<'DRIVER_CALL_FAILED'> {
  readonly code = 'DRIVER_CALL_FAILED';
  readonly call: 'mount' | 'unmount';
  readonly volume: VolumeKey;
  readonly outcome: DriverCallOutcome;

  constructor(
    facts: { call: 'mount' | 'unmount'; volume: VolumeKey; outcome: DriverCallOutcome; message: string },
    options?: ErrorOptions,
  ) {
    super(facts.message, options);
    this.call = facts.call;
    this.volume = facts.volume;
    this.outcome = facts.outcome;
  }
}

/** Where the volumes of a driver are known. A driver's own records are one backing; the others are shared by nodes. */
import { DomainError } from '@drydock/base/errors';
import type { VolumeOptions } from '@drydock/volume-plugin';
import type { VolumeFacts } from '../records/volume-record.ts';

/** A volume as its backing knows it. */
export interface BackingVolume extends VolumeFacts {
  /** Where its data can be reached. A backing without attachments says `here`. */
  readonly attachment: 'here' | 'elsewhere' | 'none';
  /** What Get tells as `Status`. */
  readonly status?: Readonly<Record<string, unknown>>;
}

export interface NewVolume {
  readonly name: string;
  readonly sizeBytes: number;
  readonly options: VolumeOptions;
  /** Where the engine has made its data ready under one already. */
  readonly index?: number;
}

export interface CallOptions {
  readonly signal: AbortSignal;
}

export interface VolumeBacking {
  /** Volumes of that name, the one that a look-up takes first. */
  find(name: string, options: CallOptions): Promise<readonly BackingVolume[]>;
  list(options: CallOptions): Promise<readonly BackingVolume[]>;
  /** Safe to repeat after a failure: what the lost call made is adopted. */
  create(volume: NewVolume, options: CallOptions): Promise<BackingVolume>;
  remove(volume: BackingVolume, options: CallOptions): Promise<void>;
  /**
   * Makes the data reachable on this node; `preempted` when they were taken from another one that may still use them.
   * @throws AttachedElsewhereError, AttachTimeoutError
   */
  attach(
    volume: BackingVolume,
    options: CallOptions & { readonly preempts: boolean },
  ): Promise<'attached' | 'preempted'>;
  detach(volume: BackingVolume, options: CallOptions): Promise<void>;
  /** Whether removal deletes the data, too; otherwise the driver's store does it. */
  readonly ownsData: boolean;
}

/** Another node has the volume, and this one may not take it. */
export class AttachedElsewhereError extends DomainError<'ATTACHED_ELSEWHERE'> {
  readonly code = 'ATTACHED_ELSEWHERE';
}

/** The volume did not come to this node in time. */
export class AttachTimeoutError extends DomainError<'ATTACH_TIMEOUT'> {
  readonly code = 'ATTACH_TIMEOUT';
}

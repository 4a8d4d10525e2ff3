/** What a driver remembers of a volume, and how that is written. */
import { DomainError, messageOf } from '@drydock/base/errors';
import type { VolumeOptions } from '@drydock/volume-plugin';

/** How many use the volume on this node. */
export interface VolumeUses {
  /** As last asked for; a store with real mounts knows better. */
  readonly isMounted: boolean;
  /** Mounts minus Unmounts, as far as the profile counts; may be below zero where the real driver's is. */
  readonly mountCount: number;
  /** Ids of the callers that hold it. */
  readonly ids: readonly string[];
}

export const noUses: VolumeUses = { isMounted: false, mountCount: 0, ids: [] };

/** What a volume is, whoever knows it. */
export interface VolumeFacts {
  readonly name: string;
  readonly uuid: string;
  /** Counts up from 1 per driver; 0 where nobody counts. */
  readonly index: number;
  /** 0 = unlimited. */
  readonly sizeBytes: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** As the Create had them. */
  readonly options: VolumeOptions;
}

export interface VolumeRecord extends VolumeFacts, VolumeUses {}

/** The facts alone of something that has more. */
export function toVolumeFacts({ name, uuid, index, sizeBytes, createdAt, options }: VolumeFacts): VolumeFacts {
  return { name, uuid, index, sizeBytes, createdAt, options };
}

/** A record cannot be read; the driver does not start, so that it forgets no volume. */
export class BrokenRecordError extends DomainError<'BROKEN_VOLUME_RECORD'> {
  readonly code = 'BROKEN_VOLUME_RECORD';
  readonly path: string;

  constructor(path: string, reason: string) {
    super(`Expected ${path} to hold a volume record of version 1 or 2: ${reason}`);
    this.path = path;
  }
}

export function toJsonRecord(record: VolumeRecord): object {
  return { version: 2, ...record };
}

/** @throws BrokenRecordError */
export function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BrokenRecordError(path, messageOf(error));
  }
}

/** Version 1 had no uuid, index, options and counts. @throws BrokenRecordError */
export function parseRecord(path: string, value: unknown): VolumeRecord {
  if (typeof value !== 'object' || value === null) throw new BrokenRecordError(path, 'it is no JSON object');
  const record = { ...value } as Record<string, unknown>; // any object is one
  const { version, name, sizeBytes, createdAt, isMounted } = record;
  const added = { uuid: name, index: 0, options: {}, mountCount: 0, ids: [] };
  const { uuid, index, options, mountCount, ids }: Record<string, unknown> = version === 1 ? added : record;
  if (
    (version !== 1 && version !== 2) ||
    typeof name !== 'string' ||
    typeof sizeBytes !== 'number' ||
    typeof createdAt !== 'number' ||
    typeof isMounted !== 'boolean' ||
    typeof uuid !== 'string' ||
    typeof index !== 'number' ||
    typeof mountCount !== 'number' ||
    !isTextList(ids) ||
    !isTextMap(options)
  ) {
    throw new BrokenRecordError(path, `got ${JSON.stringify(value).slice(0, 200)}`);
  }
  return { name, uuid, index, sizeBytes, createdAt, options, isMounted, mountCount, ids };
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isTextMap(value: unknown): value is VolumeOptions {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((item) => typeof item === 'string')
  );
}

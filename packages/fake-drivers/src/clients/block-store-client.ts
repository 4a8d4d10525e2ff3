/** A block store as a node sees it, whichever API it speaks. */
import type { CallOptions } from '../backing/volume-backing.ts';
import { DomainError } from '@drydock/base/errors';

export interface BlockVolume {
  readonly id: string;
  readonly name: string;
  readonly sizeGib: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly state: 'creating' | 'available' | 'attaching' | 'in-use' | 'detaching' | 'other';
  /** The node that has it attached, or is getting or losing it. */
  readonly node?: string;
  /** What the store tells besides, for Get's `Status`. */
  readonly status: Readonly<Record<string, unknown>>;
}

export interface BlockStoreClient {
  /** Oldest first. */
  list(options: CallOptions): Promise<readonly BlockVolume[]>;
  /** Undefined when there is none. */
  get(id: string, options: CallOptions): Promise<BlockVolume | undefined>;
  /** What an attempt made whose answer was lost is adopted. */
  create(volume: { readonly name: string; readonly sizeGib: number }, options: CallOptions): Promise<BlockVolume>;
  /** One that is gone is fine. */
  delete(id: string, options: CallOptions): Promise<void>;
  attach(id: string, options: CallOptions): Promise<void>;
  /** One that is not attached is fine. */
  detach(id: string, options: CallOptions & { readonly isForced: boolean }): Promise<void>;
  readonly node: string;
}

/** The block store refuses; the message is its own. */
export class BlockStoreRefusalError extends DomainError<'BLOCK_STORE_REFUSAL'> {
  readonly code = 'BLOCK_STORE_REFUSAL';
  /** In the API's words: `VolumeInUse`, `badRequest` ... */
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(`${reason}: ${message}`);
    this.reason = reason;
  }
}

/** Undefined in place of a refusal for one of the reasons. */
export async function unlessRefused<T>(reasons: readonly string[], operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (error instanceof BlockStoreRefusalError && reasons.includes(error.reason)) return undefined;
    throw error;
  }
}

/** Where a driver keeps the data of its volumes. The engine never runs two operations on one place at a time. */
import { assertNever } from '@drydock/base/errors';
import type { StoreKind } from '../profile.ts';
import { createBindStore } from './bind-store.ts';
import { createDirectoryStore } from './directory-store.ts';
import { createExt4LoopStore } from './ext4-loop-store.ts';
import { createGlusterStore, type GlusterStoreOptions } from './gluster-store.ts';
import { createTmpfsStore } from './tmpfs-store.ts';

/** A volume as a store sees it. */
export interface StoredVolume {
  /** Which data; a path of one or more parts below the driver's data. */
  readonly key: string;
  /** Where it is mounted; absolute. */
  readonly place: string;
  /** 0 = unlimited. */
  readonly sizeBytes: number;
}

/** Whether a volume is mounted. A store without mounts of its own gives `recorded` back. */
export type MountLook = (volume: StoredVolume, options: { readonly recorded: boolean }) => boolean;

export interface VolumeStore {
  /** Where the mounted volume is found; a store that mounts nothing has its own idea. */
  mountpointOf(volume: StoredVolume): string;
  /** Makes the data ready; data that are there already are taken over. */
  create(volume: StoredVolume): Promise<void>;
  /** Deletes the data of a volume that is not mounted; none is fine. */
  destroy(volume: StoredVolume): Promise<void>;
  /** Mounts it unless it is. */
  mount(volume: StoredVolume): Promise<void>;
  /** Unmounts it if it is mounted. */
  unmount(volume: StoredVolume): Promise<void>;
  /** Looks once; what it gives tells of any volume whether it was mounted then. */
  look(): Promise<MountLook>;
  /** Puts a copy in the place of the data: a mount of them that another node still has no longer reaches them. */
  fence(volume: StoredVolume): Promise<void>;
  /** Undoes every mount below the store's directories, also those of a driver that was killed. */
  unmountAll(): Promise<void>;
}

/** Directories of a store; both are real paths without links and exist. */
export interface StoreDirectories {
  /** Holds the data; several nodes may share it. */
  readonly data: string;
  /** Mountpoints of this node are below it. */
  readonly mounts: string;
}

export function createVolumeStore(
  kind: StoreKind,
  directories: StoreDirectories,
  gluster: GlusterStoreOptions = {},
): VolumeStore {
  switch (kind) {
    case 'directory':
      return createDirectoryStore(directories);
    case 'bind':
      return createBindStore(directories);
    case 'ext4-on-loop':
      return createExt4LoopStore(directories);
    case 'tmpfs':
      return createTmpfsStore(directories);
    case 'glusterfs':
      return createGlusterStore(directories, gluster);
    default:
      return assertNever(kind);
  }
}

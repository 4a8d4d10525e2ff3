/**
 * The local store of images: `<store>/{staging, layers/<diff id>/{rootfs, whiteouts.json}, storedImages}`.
 *
 * A layer counts when its directory is in `layers`, where it comes by one rename; an image counts when `storedImages`
 * names it. What an interrupted pull leaves is in `staging`, which is emptied at the start.
 * DEVIATION: `storedImages` is JSON here, and layers are named by digest instead of by the archive's ids, so that two
 * archives cannot give one id two contents. An image whose archive was replaced is pulled again; upstream takes what it
 * stored once under that name.
 * @see src/slave/containerizer/mesos/provisioner/docker/paths.hpp
 */
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@drydock/base/atomic-file';
import { messageOf, systemCodeOf } from '@drydock/base/errors';
import { KeyedSequencer } from '@drydock/base/keyed-sequencer';
import type { Logger } from '@drydock/base/log';
import type { ImageRuntimeConfig } from '@drydock/isolator';
import { readArchiveMembers, type ArchiveMembers } from './archive-members.ts';
import { ImageError } from './image-error.ts';
import { findImage, type ArchivedLayer } from './image-layout.ts';
import { unpackLayer } from './layer-unpacker.ts';

export interface StoredImage {
  readonly name: string;
  /** Identifies the archive that the image came from. */
  readonly stamp: string;
  readonly config: ImageRuntimeConfig;
  /** Diff ids, the lowest layer first. */
  readonly layerIds: readonly string[];
}

export interface ImageStoreOptions {
  readonly directory: string;
  /** Directory of `<name>.tar` archives, or the URL of a registry, which is not supported. */
  readonly registry: string;
  readonly logger: Logger;
}

/** A layer is unpacked in minutes, or not at all. */
const PULL_MS_MAX = 10 * 60_000;

export class ImageStore {
  readonly #options: ImageStoreOptions;
  readonly #images = new Map<string, StoredImage>();
  /** One pull of an image at a time; who comes later finds it stored. */
  readonly #pulls = new KeyedSequencer<string>();
  /** One write of `storedImages` at a time. */
  readonly #saves = new KeyedSequencer<'images'>();

  private constructor(options: ImageStoreOptions) {
    this.#options = options;
  }

  /** Opens the store and removes what an interrupted run left in it. */
  static async open(options: ImageStoreOptions): Promise<ImageStore> {
    const store = new ImageStore(options);
    await rm(join(options.directory, 'staging'), { recursive: true, force: true });
    await mkdir(join(options.directory, 'staging'), { recursive: true, mode: 0o700 });
    await mkdir(join(options.directory, 'layers'), { recursive: true, mode: 0o700 });
    await store.#load();
    return store;
  }

  /** Directory of one layer, with `rootfs` and `whiteouts.json`. */
  layerDirectory(layerId: string): string {
    return join(this.#options.directory, 'layers', layerId);
  }

  /**
   * The image, pulled first when it is not stored, when its archive has changed, or when `isCached` is false.
   * @throws ImageError; the signal's reason when it aborts
   */
  async get(name: string, options: { isCached: boolean; signal: AbortSignal }): Promise<StoredImage> {
    const { registry } = this.#options;
    if (!registry.startsWith('/')) {
      throw new ImageError(
        `Failed to pull image '${name}' from '${registry}': expected --docker_registry to be the absolute path of a directory of image archives`,
      );
    }
    if (
      name === '' ||
      name.split('/').some((part) => part === '' || part === '.' || part === '..') ||
      name.includes('\0')
    ) {
      throw new ImageError(`Failed to parse docker image '${name}': not the name of an image`);
    }
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(PULL_MS_MAX)]);
    return await this.#pulls.run(
      name,
      async () => {
        const archive = join(registry, `${name}.tar`);
        const stamp = await stampOf(archive, name);
        const stored = this.#images.get(name);
        if (options.isCached && stored?.stamp === stamp) return stored;
        return await this.#pull(name, archive, stamp, signal);
      },
      { signal },
    );
  }

  async #pull(name: string, archive: string, stamp: string, signal: AbortSignal): Promise<StoredImage> {
    const staging = await mkdtemp(join(this.#options.directory, 'staging', 'pull-'));
    try {
      await mkdir(join(staging, 'members'));
      const members = await readArchiveMembers(archive, join(staging, 'members'), { signal });
      const { config, layers } = await findImage(members, name);
      const layerIds: string[] = [];
      for (const layer of layers) layerIds.push(await this.#storeLayer(members, layer, staging, signal));
      const image: StoredImage = { name, stamp, config, layerIds };
      this.#images.set(name, image);
      await this.#save();
      this.#options.logger.info('Stored an image', { image: name, layerCount: layerIds.length });
      return image;
    } catch (error) {
      // A stream that was aborted says only that it was; the signal says why.
      signal.throwIfAborted();
      throw error;
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  }

  async #storeLayer(
    members: ArchiveMembers,
    layer: ArchivedLayer,
    staging: string,
    signal: AbortSignal,
  ): Promise<string> {
    const { member, diffId } = layer;
    if (diffId !== undefined && !/^[0-9a-f]{64}$/.test(diffId)) {
      throw new ImageError(`Expected the digest of '${member}' to be a sha256, got '${diffId}'`);
    }
    if (diffId !== undefined && (await exists(this.layerDirectory(diffId)))) return diffId;
    const directory = await mkdtemp(join(staging, 'layer-'));
    const rootfs = join(directory, 'rootfs');
    await mkdir(rootfs, { mode: 0o755 });
    const unpacked = await unpackLayer(members.stream(member), rootfs, { signal });
    if (diffId !== undefined && diffId !== unpacked.diffId) {
      throw new ImageError(
        `The digest of '${member}' does not match: expected sha256:${diffId}, got sha256:${unpacked.diffId}`,
      );
    }
    if (unpacked.skipped.length > 0) {
      this.#options.logger.warning('Left out device nodes and other special files of an image layer', {
        layer: unpacked.diffId,
        paths: unpacked.skipped.slice(0, 20),
      });
    }
    await writeFile(join(directory, 'whiteouts.json'), JSON.stringify(unpacked.whiteouts));
    try {
      await rename(directory, this.layerDirectory(unpacked.diffId));
    } catch (error) {
      // Another image with the same layer was quicker.
      if (systemCodeOf(error) !== 'ENOTEMPTY' && systemCodeOf(error) !== 'EEXIST') throw error;
    }
    return unpacked.diffId;
  }

  async #save(): Promise<void> {
    await this.#saves.run('images', async () => {
      const images = [...this.#images.values()];
      await writeFileAtomic(join(this.#options.directory, 'storedImages'), JSON.stringify({ version: 1, images }));
    });
  }

  async #load(): Promise<void> {
    const path = join(this.#options.directory, 'storedImages');
    try {
      // Written by this class, version 1; anything else fails the checks below and is pulled again.
      const document = JSON.parse(await readFile(path, 'utf8')) as { version?: number; images?: StoredImage[] };
      if (document.version !== 1) throw new ImageError(`Expected version 1, got ${document.version}`);
      for (const image of document.images ?? []) {
        const present = await Promise.all(image.layerIds.map(async (id) => await exists(this.layerDirectory(id))));
        if (present.every(Boolean)) this.#images.set(image.name, image);
      }
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return;
      this.#options.logger.warning('Ignoring the list of stored images', { path, reason: messageOf(error) });
    }
  }
}

async function stampOf(archive: string, name: string): Promise<string> {
  try {
    const { size, mtimeNs, ino } = await stat(archive, { bigint: true });
    return `${archive} ${ino} ${size} ${mtimeNs}`;
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT' && systemCodeOf(error) !== 'ENOTDIR') throw error;
    throw new ImageError(`Failed to find archive for image '${name}' at '${archive}'`, { cause: error });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

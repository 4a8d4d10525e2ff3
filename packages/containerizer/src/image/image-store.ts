/**
 * The local store of images: `<store>/{staging, layers/<diff id>, storedImages}`.
 *
 * An image counts when `storedImages` names it and its layers are there. What an interrupted pull leaves is in `staging`,
 * which is emptied at the start.
 * DEVIATION: `storedImages` is JSON here, and layers are named by digest instead of by the archive's ids, so that two
 * archives cannot give one id two contents.
 * @see src/slave/containerizer/mesos/provisioner/docker/paths.hpp
 */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@drydock/base/atomic-file';
import { messageOf, systemCodeOf } from '@drydock/base/errors';
import { KeyedSequencer } from '@drydock/base/keyed-sequencer';
import type { Logger } from '@drydock/base/log';
import { ImageError } from './image-error.ts';
import { LayerStore } from './layer-store.ts';
import type { PulledImage, Puller } from './puller.ts';

export interface StoredImage extends PulledImage {
  readonly name: string;
}

export interface ImageStoreOptions {
  readonly directory: string;
  readonly puller: Puller;
  readonly logger: Logger;
  /** For one pull and those of the same image before it. Default 10 min. */
  readonly pullMsMax?: number;
}

export class ImageStore {
  readonly #options: ImageStoreOptions;
  readonly #layers: LayerStore;
  readonly #images = new Map<string, StoredImage>();
  /** One pull of an image at a time; who comes later finds it stored. */
  readonly #pulls = new KeyedSequencer<string>();
  /** One write of `storedImages` at a time. */
  readonly #saves = new KeyedSequencer<'images'>();

  private constructor(options: ImageStoreOptions) {
    this.#options = options;
    this.#layers = new LayerStore(options);
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
    return this.#layers.directoryOf(layerId);
  }

  /**
   * The image, pulled first when it is not stored, when what is stored is of another source, or when `isCached` is false.
   * @throws ImageError; the signal's reason when it aborts
   */
  async get(name: string, options: { isCached: boolean; signal: AbortSignal }): Promise<StoredImage> {
    const { pullMsMax = 10 * 60_000 } = this.#options;
    const timeout = AbortSignal.timeout(pullMsMax);
    const signal = AbortSignal.any([options.signal, timeout]);
    try {
      const get = async (): Promise<StoredImage> =>
        (options.isCached ? await this.#current(name) : undefined) ?? (await this.#pull(name, signal));
      return await this.#pulls.run(name, get, { signal });
    } catch (error) {
      if (error !== timeout.reason || !timeout.aborted) throw error;
      throw new ImageError(`Failed to pull image '${name}': it is not there after ${pullMsMax} ms`, { cause: error });
    }
  }

  /** What is stored under a name, if that is what the name means. */
  async #current(name: string): Promise<StoredImage | undefined> {
    const stored = this.#images.get(name);
    return stored !== undefined && (await this.#options.puller.isCurrent(name, stored.stamp)) ? stored : undefined;
  }

  async #pull(name: string, signal: AbortSignal): Promise<StoredImage> {
    const { puller, logger } = this.#options;
    const directory = await mkdtemp(join(this.#options.directory, 'staging', 'pull-'));
    await using layers = this.#layers.beginPull();
    try {
      const pulled = await puller.pull(name, { directory, layers, signal });
      await layers.publish({ signal });
      const image: StoredImage = { name, ...pulled };
      this.#images.set(name, image);
      await this.#save();
      logger.info('Stored an image', { image: name, layerCount: image.layerIds.length });
      return image;
    } catch (error) {
      // A stream that was aborted says only that it was; the signal says why.
      signal.throwIfAborted();
      throw error;
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
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
        const present = await Promise.all(image.layerIds.map(async (id) => await this.#layers.has(id)));
        if (present.every(Boolean)) this.#images.set(image.name, image);
      }
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return;
      this.#options.logger.warning('Ignoring the list of stored images', { path, reason: messageOf(error) });
    }
  }
}

/**
 * The layers of all images: `<store>/layers/<diff id>/{rootfs, whiteouts.json}`.
 *
 * A layer is unpacked in `<store>/staging`, checked, made durable and moved to `layers` by one rename when its whole image
 * has been pulled: what a failed pull or a killed agent leaves is in `staging` only. Pulls that need the same layer at the
 * same time share it.
 */
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { systemCodeOf } from '@drydock/base/errors';
import { KeyedSequencer } from '@drydock/base/keyed-sequencer';
import type { Logger } from '@drydock/base/log';
import { systemFiles } from '@drydock/base/ports';
import { runOrThrow } from '@drydock/base/subprocess';
import { ImageError } from './image-error.ts';
import { unpackLayer } from './layer-unpacker.ts';

export interface LayerSource {
  /** In messages. */
  readonly name: string;
  /** Digest of the uncompressed tar, in hex. */
  readonly diffId: string;
  /** The layer's tar, which may be compressed; only called when the layer is not there yet. */
  readonly open: () => Readable | Promise<Readable>;
}

/** The layers of one pull; disposing removes those that are neither published nor of another pull. */
export interface LayerPull extends AsyncDisposable {
  /** Resolves when the layer is in the store or staged. @throws ImageError when it is not what its digest says */
  stage(layer: LayerSource, options: { signal: AbortSignal }): Promise<void>;
  /** Puts everything that was staged into the store, durably. */
  publish(options: { signal: AbortSignal }): Promise<void>;
}

/** To write what is unpacked to the disk. */
const SYNC_MS_MAX = 5 * 60_000;

export class LayerStore {
  readonly #directory: string;
  readonly #logger: Logger;
  /** The pulls that need a staged layer. */
  readonly #claims = new Map<string, Set<LayerPull>>();
  /** Who comes later for a layer finds it staged. */
  readonly #turns = new KeyedSequencer<string>();

  constructor(options: { readonly directory: string; readonly logger: Logger }) {
    this.#directory = options.directory;
    this.#logger = options.logger;
  }

  /** Directory of one layer, with `rootfs` and `whiteouts.json`. */
  directoryOf(diffId: string): string {
    return join(this.#directory, 'layers', diffId);
  }

  async has(diffId: string): Promise<boolean> {
    return await exists(this.directoryOf(diffId));
  }

  beginPull(): LayerPull {
    const claimed = new Set<string>();
    const pull: LayerPull = {
      stage: async (layer, { signal }) => {
        if (!/^[0-9a-f]{64}$/.test(layer.diffId)) {
          throw new ImageError(`Expected the digest of '${layer.name}' to be a sha256, got '${layer.diffId}'`);
        }
        if (await this.has(layer.diffId)) return;
        claimed.add(layer.diffId);
        this.#claim(layer.diffId, pull);
        await this.#turns.run(layer.diffId, async () => await this.#stage(layer, signal), { signal });
      },
      publish: async ({ signal }) => await this.#publish([...claimed], signal),
      [Symbol.asyncDispose]: async () => {
        await Promise.all([...claimed].map(async (diffId) => await this.#release(diffId, pull)));
      },
    };
    return pull;
  }

  #claim(diffId: string, pull: LayerPull): void {
    const claims = this.#claims.get(diffId) ?? new Set();
    this.#claims.set(diffId, claims.add(pull));
  }

  async #release(diffId: string, pull: LayerPull): Promise<void> {
    this.#claims.get(diffId)?.delete(pull);
    await this.#turns.run(diffId, async () => {
      if (this.#claims.get(diffId)?.size !== 0) return;
      this.#claims.delete(diffId);
      await rm(this.#stagedDirectoryOf(diffId), { recursive: true, force: true });
    });
  }

  async #stage({ name, diffId, open }: LayerSource, signal: AbortSignal): Promise<void> {
    const staged = this.#stagedDirectoryOf(diffId);
    if ((await exists(staged)) || (await this.has(diffId))) return;
    const directory = await mkdtemp(join(this.#directory, 'staging', 'unpack-'));
    try {
      const rootfs = join(directory, 'rootfs');
      await mkdir(rootfs, { mode: 0o755 });
      const unpacked = await unpackLayer(await open(), rootfs, { signal });
      if (unpacked.diffId !== diffId) {
        throw new ImageError(
          `The digest of '${name}' does not match: expected sha256:${diffId}, got sha256:${unpacked.diffId}`,
        );
      }
      if (unpacked.skipped.length > 0) {
        this.#logger.warning('Left out device nodes and other special files of an image layer', {
          layer: diffId,
          paths: unpacked.skipped.slice(0, 20),
        });
      }
      await writeFile(join(directory, 'whiteouts.json'), JSON.stringify(unpacked.whiteouts));
      await rename(directory, staged);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  async #publish(diffIds: readonly string[], signal: AbortSignal): Promise<void> {
    if (diffIds.length === 0) return;
    // One call for the file system: an fsync for each of some ten thousand files takes minutes.
    await runOrThrow(['sync', '-f', this.#directory], { signal, timeoutMs: SYNC_MS_MAX });
    for (const diffId of diffIds) {
      try {
        await rename(this.#stagedDirectoryOf(diffId), this.directoryOf(diffId));
      } catch (error) {
        // Another pull that shares the layer was quicker.
        if (systemCodeOf(error) !== 'ENOENT' || !(await this.has(diffId))) throw error;
      }
    }
    await systemFiles.syncDirectory(join(this.#directory, 'layers'));
  }

  #stagedDirectoryOf(diffId: string): string {
    return join(this.#directory, 'staging', `layer-${diffId}`);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

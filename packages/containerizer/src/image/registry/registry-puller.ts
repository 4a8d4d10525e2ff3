/**
 * Takes images from registries. An image that is stored is not asked for again, whatever its tag means by now, unless the
 * task wants it so (`cached: false`): as upstream.
 *
 * DEVIATION: upstream reads schema 1, schema 2 with gzip, and trusts what it gets; here schema 1 is refused, manifest lists,
 * OCI documents and zstd are read, and every digest and size is checked.
 * @see src/slave/containerizer/mesos/provisioner/docker/registry_puller.cpp
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@drydock/base/errors';
import pLimit from 'p-limit';
import { parseImageConfig, type ImageConfig } from '../image-config.ts';
import { ImageError } from '../image-error.ts';
import { asRecord } from '../loose-json.ts';
import { platformText, selectPlatform, thisPlatform } from '../platform.ts';
import type { Puller, PulledImage, PullOptions } from '../puller.ts';
import type { DockerCredentials } from './docker-config.ts';
import { locateImage, type ImageLocation } from './image-location.ts';
import { MANIFESTS_ACCEPTED, parseDescriptor, parseManifest, type Descriptor, type Manifest } from './manifest.ts';
import { PullFailedError } from './pull-failed-error.ts';
import { RegistryClient } from './registry-client.ts';
import { RegistryError } from './registry-error.ts';

export interface RegistryPullerOptions {
  /** Scheme, host and port of the registry of names without one. */
  readonly origin: string;
  readonly credentials: DockerCredentials;
  /** `--fetcher_stall_timeout`. */
  readonly stallMsMax: number;
  /** Of one request. Default 5. */
  readonly attemptsMax?: number;
  /** Default 500. */
  readonly retryDelayMs?: number;
}

const MANIFEST_BYTES_MAX = 4 * 1024 * 1024;
/** Of one image. */
const DOWNLOADS_MAX = 3;

interface ImageManifest {
  readonly manifest: Extract<Manifest, { kind: 'image' }>;
  /** Of what the name meant, an index or a manifest; in hex. */
  readonly digest: string;
}

export class RegistryPuller implements Puller {
  readonly #origin: string;
  readonly #client: RegistryClient;

  constructor(options: RegistryPullerOptions) {
    this.#origin = options.origin;
    this.#client = new RegistryClient(options);
  }

  async isCurrent(name: string, stamp: string): Promise<boolean> {
    const location = locateImage(name, this.#origin);
    const prefix = stampOf(location, location.digest ?? '');
    return location.digest === undefined ? stamp.startsWith(prefix) : stamp === prefix;
  }

  async pull(name: string, options: PullOptions): Promise<PulledImage> {
    const { signal } = options;
    const location = locateImage(name, this.#origin);
    try {
      const { manifest, digest } = await this.#manifestOf(location, signal);
      const { config, diffIds } = await this.#configOf(location, manifest, signal);
      await this.#stageLayers(location, manifest.layers, diffIds, options);
      return { stamp: stampOf(location, digest), config, layerIds: diffIds };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RegistryError || error instanceof ImageError)) throw error;
      const failure = error instanceof RegistryError ? error.failure : 'damaged';
      const facts = { image: name, registry: location.origin, failure };
      throw new PullFailedError(facts, messageOf(error), { cause: error });
    }
  }

  async #manifestOf(location: ImageLocation, signal: AbortSignal): Promise<ImageManifest> {
    const { manifest, digest } = await this.#getManifest(location, location.reference, location.digest, signal);
    if (manifest.kind === 'image') return { manifest, digest };
    const chosen = selectPlatform(manifest.manifests);
    if (chosen === undefined) {
      const found = manifest.manifests.map(({ platform }) => platformText(asRecord(platform))).join(', ');
      const wanted = `linux/${thisPlatform().architecture}`;
      throw new RegistryError('unsupported', `the image has no manifest for ${wanted}, it has: ${found || 'none'}`);
    }
    const { digest: own } = parseDescriptor(chosen, 'a manifest', MANIFEST_BYTES_MAX);
    const { manifest: image } = await this.#getManifest(location, `sha256:${own}`, own, signal);
    if (image.kind !== 'image') throw new RegistryError('unsupported', 'the image is an index within an index');
    return { manifest: image, digest };
  }

  /** @throws RegistryError, for example when it is not what its digest says; `expected` is in hex */
  async #getManifest(
    location: ImageLocation,
    reference: string,
    expected: string | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly manifest: Manifest; readonly digest: string }> {
    const { body, contentType, claimedDigest } = await this.#client.document(location, {
      path: `manifests/${reference}`,
      what: 'get the manifest',
      accept: MANIFESTS_ACCEPTED,
      bytesMax: MANIFEST_BYTES_MAX,
      signal,
    });
    const digest = createHash('sha256').update(body).digest('hex');
    const promised = expected ?? /^sha256:([0-9a-f]{64})$/.exec(claimedDigest ?? '')?.[1];
    if (promised !== undefined && promised !== digest) {
      const why = `The digest of the manifest does not match: expected sha256:${promised}, got sha256:${digest}`;
      throw new RegistryError('damaged', why);
    }
    return { manifest: parseManifest(body, contentType), digest };
  }

  async #configOf(
    location: ImageLocation,
    { config, layers }: ImageManifest['manifest'],
    signal: AbortSignal,
  ): Promise<ImageConfig> {
    const name = `sha256:${config.digest}`;
    const what = 'get the configuration';
    const { body } = await this.#client.document(location, {
      path: `blobs/${name}`,
      what,
      bytesMax: config.sizeBytes,
      signal,
    });
    const digest = createHash('sha256').update(body).digest('hex');
    if (digest !== config.digest) {
      throw new RegistryError('damaged', `The digest of '${name}' does not match: got sha256:${digest}`);
    }
    let document: unknown;
    try {
      document = JSON.parse(body.toString('utf8'));
    } catch (error) {
      throw new RegistryError('damaged', `Failed to read '${name}': ${messageOf(error)}`, { cause: error });
    }
    return parseImageConfig(document, name, layers.length);
  }

  /** Some at a time; the first failure ends the others. */
  async #stageLayers(
    location: ImageLocation,
    blobs: readonly Descriptor[],
    diffIds: readonly string[],
    options: PullOptions,
  ): Promise<void> {
    const failed = new AbortController();
    const signal = AbortSignal.any([options.signal, failed.signal]);
    const limit = pLimit(DOWNLOADS_MAX);
    const stages = blobs.map(async (blob, index) => {
      const path = join(options.directory, `layer-${index}`);
      const open = async (): Promise<ReturnType<typeof createReadStream>> => {
        await this.#client.download(location, blob, path, { signal });
        return createReadStream(path);
      };
      const source = { name: `sha256:${blob.digest}`, diffId: diffIds[index] ?? '', open };
      await limit(async () => {
        signal.throwIfAborted();
        await options.layers.stage(source, { signal });
        await rm(path, { force: true });
      });
    });
    const outcomes = await Promise.allSettled(
      stages.map(async (stage) => {
        try {
          await stage;
        } catch (error) {
          failed.abort(error);
          throw error;
        }
      }),
    );
    const isFailed = outcomes.some(({ status }) => status === 'rejected');
    // The others failed because the first one did.
    if (isFailed) throw failed.signal.reason;
  }
}

/** Without a digest, what the stamps of all images of the repository begin with. */
function stampOf({ origin, repository }: ImageLocation, digest: string): string {
  return `${origin}/${repository}@sha256:${digest}`;
}

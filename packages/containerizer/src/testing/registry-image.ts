/** Images as a registry has them, and a registry that has them, for msw. */
import { HttpResponse, http, type HttpHandler } from 'msw';
import { sha256 } from './image-archive.ts';

export interface RegistryDocument {
  readonly body: Buffer;
  readonly type: string;
}

export interface RegistryImage {
  readonly manifest: RegistryDocument;
  /** By digest in hex. */
  readonly blobs: ReadonlyMap<string, Buffer>;
}

export interface RegistryLayer {
  readonly tar: Buffer;
  /** Makes the bytes of the blob; default: the tar itself. */
  readonly compress?: (tar: Buffer) => Buffer;
  /** Instead of the true one. */
  readonly claimedSizeBytes?: number;
  /** Instead of the true one, of the blob. */
  readonly claimedDigest?: string;
  /** Instead of the true one, of the tar. */
  readonly claimedDiffId?: string;
}

export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const TYPES: Readonly<Record<string, { readonly config: string; readonly layer: string }>> = {
  [DOCKER_MANIFEST]: {
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
  [OCI_MANIFEST]: {
    config: 'application/vnd.oci.image.config.v1+json',
    layer: 'application/vnd.oci.image.layer.v1.tar+zstd',
  },
};

export function registryImage(
  layers: readonly RegistryLayer[],
  options: { readonly type?: string; readonly config?: Readonly<Record<string, unknown>> } = {},
): RegistryImage {
  const { type = DOCKER_MANIFEST, config = {} } = options;
  const diffIds = layers.map(({ tar, claimedDiffId }) => `sha256:${claimedDiffId ?? sha256(tar)}`);
  const document = Buffer.from(JSON.stringify({ config, rootfs: { type: 'layers', diff_ids: diffIds } }));
  const blobs = new Map<string, Buffer>([[sha256(document), document]]);
  const described = layers.map(({ tar, compress, claimedSizeBytes, claimedDigest }) => {
    const blob = compress?.(tar) ?? tar;
    const digest = claimedDigest ?? sha256(blob);
    blobs.set(digest, blob);
    return { mediaType: TYPES[type]?.layer, digest: `sha256:${digest}`, size: claimedSizeBytes ?? blob.length };
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: type,
    config: { mediaType: TYPES[type]?.config, digest: `sha256:${sha256(document)}`, size: document.length },
    layers: described,
  };
  return { manifest: { body: Buffer.from(JSON.stringify(manifest)), type }, blobs };
}

/** One manifest for each platform. */
export function registryIndex(
  images: Readonly<Record<string, RegistryImage>>,
  type = 'application/vnd.oci.image.index.v1+json',
): RegistryDocument {
  const manifests = Object.entries(images).map(([platform, { manifest }]) => {
    const [os, architecture, variant] = platform.split('/');
    return {
      mediaType: manifest.type,
      digest: `sha256:${sha256(manifest.body)}`,
      size: manifest.body.length,
      platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
    };
  });
  return { body: Buffer.from(JSON.stringify({ schemaVersion: 2, manifests })), type };
}

export interface ReceivedRequest {
  /** After `/v2/`. */
  readonly path: string;
  readonly headers: Headers;
}

/** What a registry has, and what it was asked. */
export class RegistryContent {
  readonly requests: ReceivedRequest[] = [];
  readonly #documents = new Map<string, RegistryDocument>();

  /** Names an image, also by its digest. */
  add(repository: string, tag: string, { manifest, blobs }: RegistryImage): this {
    this.addManifest(repository, tag, manifest);
    for (const [digest, body] of blobs) {
      this.#documents.set(`${repository}/blobs/sha256:${digest}`, { body, type: 'application/octet-stream' });
    }
    return this;
  }

  addManifest(repository: string, tag: string, manifest: RegistryDocument): this {
    this.#documents.set(`${repository}/manifests/${tag}`, manifest);
    this.#documents.set(`${repository}/manifests/sha256:${sha256(manifest.body)}`, manifest);
    return this;
  }

  get paths(): readonly string[] {
    return this.requests.map(({ path }) => path);
  }

  answer(request: Request): Response {
    const path = new URL(request.url).pathname.slice('/v2/'.length);
    this.requests.push({ path, headers: request.headers });
    const document = this.#documents.get(path);
    if (document === undefined) {
      const code = path.includes('/manifests/') ? 'MANIFEST_UNKNOWN' : 'BLOB_UNKNOWN';
      return HttpResponse.json({ errors: [{ code, message: 'it is not known' }] }, { status: 404 });
    }
    return new HttpResponse(new Uint8Array(document.body), { headers: { 'Content-Type': document.type } });
  }

  /** Serves it without questions. */
  handler(origin: string): HttpHandler {
    return http.get(`${origin}/v2/*`, ({ request }) => this.answer(request));
  }
}

/** For msw, in whose paths a colon begins the name of a parameter. */
export function blobUrl(origin: string, repository: string, blob: Buffer): string {
  return `${origin}/v2/${repository}/blobs/sha256\\:${sha256(blob)}`;
}

/**
 * Manifests: what a registry has under a tag or digest.
 * @see https://github.com/opencontainers/image-spec/blob/main/manifest.md
 * @see https://distribution.github.io/distribution/spec/manifest-v2-2/
 */
import { asList, asRecord, asText } from '../loose-json.ts';
import { RegistryError } from './registry-error.ts';

/** A blob or manifest of a registry. */
export interface Descriptor {
  readonly mediaType: string;
  /** sha256 in hex. */
  readonly digest: string;
  readonly sizeBytes: number;
}

export type Manifest =
  /** One manifest for each platform: descriptors with a `platform`. */
  | { readonly kind: 'index'; readonly manifests: readonly Readonly<Record<string, unknown>>[] }
  /** The lowest layer first. */
  | { readonly kind: 'image'; readonly config: Descriptor; readonly layers: readonly Descriptor[] };

const DOCKER = 'application/vnd.docker';
const OCI = 'application/vnd.oci.image';
const IMAGE_TYPES: readonly string[] = [`${DOCKER}.distribution.manifest.v2+json`, `${OCI}.manifest.v1+json`];
const INDEX_TYPES: readonly string[] = [`${DOCKER}.distribution.manifest.list.v2+json`, `${OCI}.index.v1+json`];
const CONFIG_TYPES: readonly string[] = [`${DOCKER}.container.image.v1+json`, `${OCI}.config.v1+json`];
const LAYER_TYPES: readonly string[] = [
  `${DOCKER}.image.rootfs.diff.tar.gzip`,
  `${DOCKER}.image.rootfs.diff.tar.zstd`,
  `${DOCKER}.image.rootfs.diff.tar`,
  `${OCI}.layer.v1.tar+gzip`,
  `${OCI}.layer.v1.tar+zstd`,
  `${OCI}.layer.v1.tar`,
];
/** Types that say nothing; the document says then what it is. */
const VAGUE_TYPES: readonly string[] = ['', 'application/json', 'application/octet-stream', 'text/plain'];

export const MANIFESTS_ACCEPTED: string = [...IMAGE_TYPES, ...INDEX_TYPES].join(', ');

const CONFIG_BYTES_MAX = 8 * 1024 * 1024;
/** Compressed; a registry that declares more does not mean well. */
const LAYER_BYTES_MAX = 16 * 1024 ** 3;

/** @throws RegistryError in upstream's words where it has any */
export function parseManifest(body: Buffer, contentType: string): Manifest {
  let document: Readonly<Record<string, unknown>>;
  try {
    document = asRecord(JSON.parse(body.toString('utf8')));
  } catch (error) {
    throw new RegistryError('damaged', 'Failed to parse the image manifest: it is not JSON', { cause: error });
  }
  const type = typeOf(document, contentType);
  if (INDEX_TYPES.includes(type)) {
    assertNothingOf(document, ['layers', 'config', 'fsLayers'], type);
    return { kind: 'index', manifests: asList(document['manifests']).map(asRecord) };
  }
  if (IMAGE_TYPES.includes(type)) {
    assertNothingOf(document, ['manifests', 'fsLayers'], type);
    const config = parseDescriptor(document['config'], 'the configuration', CONFIG_BYTES_MAX);
    assertKnown(config, CONFIG_TYPES, 'what it has is no container image: a configuration');
    const layers = asList(document['layers']).map((layer) => parseDescriptor(layer, 'a layer', LAYER_BYTES_MAX));
    for (const layer of layers) assertKnown(layer, LAYER_TYPES, 'the image has a layer');
    return { kind: 'image', config, layers };
  }
  const remedy = type.includes('.manifest.v1+')
    ? 'schema 1 has no digests of its content; push the image again with Docker 1.10 or later'
    : `expected one of ${MANIFESTS_ACCEPTED}`;
  throw new RegistryError('unsupported', `Unsupported manifest MIME type: ${type}; ${remedy}`);
}

/** @throws RegistryError when it is none of sha256 with a size of at most `bytesMax` */
export function parseDescriptor(value: unknown, what: string, bytesMax: number): Descriptor {
  const { mediaType, digest, size } = asRecord(value);
  const hex = /^sha256:([0-9a-f]{64})$/.exec(asText(digest) ?? '')?.[1];
  if (hex === undefined) {
    throw new RegistryError(
      'unsupported',
      `Failed to parse the image manifest: expected the digest of ${what} to be a sha256, got '${String(digest)}'`,
    );
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0 || size > bytesMax) {
    throw new RegistryError(
      'unsupported',
      `Failed to parse the image manifest: expected ${what} of at most ${bytesMax} bytes, got ${String(size)}`,
    );
  }
  return { mediaType: asText(mediaType) ?? '', digest: hex, sizeBytes: size };
}

/** The header and the document must not say different things: one digest could mean two images. */
function typeOf(document: Readonly<Record<string, unknown>>, contentType: string): string {
  const [sent = ''] = contentType.split(';').map((part) => part.trim().toLowerCase());
  const own = asText(document['mediaType']);
  if (VAGUE_TYPES.includes(sent)) {
    if (own !== undefined) return own;
    return document['schemaVersion'] === 1 ? `${DOCKER}.distribution.manifest.v1+json` : sent;
  }
  if (own !== undefined && own !== sent) {
    throw new RegistryError('damaged', `The manifest was sent as '${sent}' and says that it is '${own}'`);
  }
  return sent;
}

function assertNothingOf(document: Readonly<Record<string, unknown>>, names: readonly string[], type: string): void {
  const found = names.find((name) => document[name] !== undefined);
  if (found !== undefined) throw new RegistryError('damaged', `The manifest of type '${type}' has '${found}'`);
}

function assertKnown({ mediaType }: Descriptor, types: readonly string[], what: string): void {
  if (!types.includes(mediaType)) {
    throw new RegistryError('unsupported', `${what} of type '${mediaType}', expected one of ${types.join(', ')}`);
  }
}

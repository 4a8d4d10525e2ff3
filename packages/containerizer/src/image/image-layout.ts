/**
 * Finds an image among the members of an archive: the layout that `docker save` writes today (`manifest.json`, with or
 * without OCI blobs), the OCI layout (`index.json`), and the classic one (`repositories`, `<layer>/json`, `<layer>/layer.tar`).
 *
 * DEVIATION: upstream reads the classic layout only, which `docker save` no longer writes.
 * @see https://github.com/moby/moby/blob/master/image/spec/v1.2.md
 */
import type { ImageRuntimeConfig } from '@drydock/isolator';
import type { ArchiveMembers } from './archive-members.ts';
import { ImageError } from './image-error.ts';
import { LAYERS_MAX, parseImageConfig, toRuntimeConfig } from './image-config.ts';
import { isSameImage, parseImageReference } from './image-reference.ts';
import { asList, asRecord, strings } from './loose-json.ts';
import { selectPlatform, thisPlatform } from './platform.ts';

export interface ArchivedLayer {
  /** Name of the member that holds the layer's tar. */
  readonly member: string;
  /** Digest of the uncompressed tar, where the layout gives it. */
  readonly diffId?: string;
}

export interface ArchivedImage {
  readonly config: ImageRuntimeConfig;
  /** The lowest first. */
  readonly layers: readonly ArchivedLayer[];
}

/** @throws ImageError in upstream's words where it has any */
export async function findImage(members: ArchiveMembers, name: string): Promise<ArchivedImage> {
  if (members.has('manifest.json')) return await fromManifest(members, name);
  if (members.has('index.json')) return await fromIndex(members, name);
  return await fromRepositories(members, name);
}

async function fromManifest(members: ArchiveMembers, name: string): Promise<ArchivedImage> {
  const { repository, tag } = parseImageReference(name);
  const images = asList(await members.json('manifest.json')).map(asRecord);
  const image = images.find(({ RepoTags }) => strings(RepoTags).some((it) => isSameImage(it, `${repository}:${tag}`)));
  if (image === undefined) throw new ImageError(`Repository '${repository}:${tag}' does not exist in 'manifest.json'`);
  const { Config: configName } = image;
  if (typeof configName !== 'string') throw new ImageError("Failed to read 'manifest.json': an image has no 'Config'");
  return await fromConfiguration(members, configName, strings(image['Layers']));
}

/** The top index names images by annotation; an entry may be an index of its own with one manifest per architecture. */
async function fromIndex(members: ArchiveMembers, name: string): Promise<ArchivedImage> {
  const { repository, tag } = parseImageReference(name);
  const entries = asList(asRecord(await members.json('index.json'))['manifests']).map(asRecord);
  const named = entries.find(({ annotations }) => {
    const { 'io.containerd.image.name': fullName, 'org.opencontainers.image.ref.name': shortName } =
      asRecord(annotations);
    if (typeof fullName === 'string') return isSameImage(fullName, `${repository}:${tag}`);
    // By the specification this may be the tag alone.
    return typeof shortName === 'string' && (shortName === tag || isSameImage(shortName, `${repository}:${tag}`));
  });
  if (named === undefined) throw new ImageError(`Repository '${repository}:${tag}' does not exist in 'index.json'`);
  const document = asRecord(await members.json(blobName(named)));
  const platforms = asList(document['manifests']).map(asRecord);
  const ours = selectPlatform(platforms);
  if (platforms.length > 0 && ours === undefined) {
    throw new ImageError(`The image '${repository}:${tag}' has no manifest for linux/${thisPlatform().architecture}`);
  }
  const manifest = ours === undefined ? document : asRecord(await members.json(blobName(ours)));
  const layers = asList(manifest['layers']).map((layer) => blobName(asRecord(layer)));
  return await fromConfiguration(members, blobName(asRecord(manifest['config'])), layers);
}

/** Member that an OCI descriptor refers to. */
function blobName({ digest }: Record<string, unknown>): string {
  const hex = typeof digest === 'string' ? /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1] : undefined;
  if (hex === undefined) throw new ImageError(`Expected the digest of a blob to be a sha256, got '${String(digest)}'`);
  return `blobs/sha256/${hex}`;
}

async function fromConfiguration(
  members: ArchiveMembers,
  configName: string,
  names: readonly string[],
): Promise<ArchivedImage> {
  const document = await members.json(configName);
  const { config, diffIds } = parseImageConfig(document, configName, names.length);
  const layers = names.map((member, index) => ({ member, diffId: diffIds[index] ?? '' }));
  const missing = layers.find(({ member }) => !members.has(member));
  if (missing !== undefined) throw new ImageError(`Layer id '${missing.member}' is not found`);
  return { config, layers };
}

async function fromRepositories(members: ArchiveMembers, name: string): Promise<ArchivedImage> {
  const { repository, tag } = parseImageReference(name);
  if (!members.has('repositories')) throw new ImageError("Failed to read 'repositories': No such file or directory");
  const repositories = asRecord(await members.json('repositories'));
  const found = Object.entries(repositories).find(([it]) => isSameImage(`${it}:${tag}`, `${repository}:${tag}`));
  if (found === undefined) throw new ImageError(`Repository '${repository}' does not exist in 'repositories'`);
  const top = asRecord(found[1])[tag];
  if (typeof top !== 'string') throw new ImageError(`Tag '${tag}' of '${repository}' does not exist in 'repositories'`);
  const layers: ArchivedLayer[] = [];
  let config: ImageRuntimeConfig | undefined;
  for (let id: unknown = top; typeof id === 'string' && id !== '';) {
    if (!members.has(`${id}/layer.tar`) || !members.has(`${id}/json`))
      throw new ImageError(`Layer id '${id}' is not found`);
    if (layers.length === LAYERS_MAX) throw new ImageError(`The image has more than ${LAYERS_MAX} layers`);
    const manifest = asRecord(await members.json(`${id}/json`));
    config ??= toRuntimeConfig(manifest['config']);
    layers.unshift({ member: `${id}/layer.tar` });
    id = manifest['parent'];
  }
  return { config: config ?? toRuntimeConfig(undefined), layers };
}

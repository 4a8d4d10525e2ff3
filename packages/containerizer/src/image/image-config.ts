/**
 * The configuration document of an image: how its process is started, and the digests of its layers.
 * @see https://github.com/opencontainers/image-spec/blob/main/config.md
 */
import type { ImageRuntimeConfig } from '@drydock/isolator';
import { ImageError } from './image-error.ts';
import { asRecord, asText, strings } from './loose-json.ts';

export interface ImageConfig {
  readonly config: ImageRuntimeConfig;
  /** Digests of the uncompressed layers in hex, the lowest first. */
  readonly diffIds: readonly string[];
}

/** One more and the kernel's page of mount options is full. */
export const LAYERS_MAX = 127;

/** @throws ImageError when it does not describe `layerCount` layers; `name` is the document's in messages */
export function parseImageConfig(document: unknown, name: string, layerCount: number): ImageConfig {
  if (layerCount > LAYERS_MAX) {
    throw new ImageError(`The image has ${layerCount} layers, at most ${LAYERS_MAX} are possible`);
  }
  const { rootfs, config } = asRecord(document);
  const diffIds = strings(asRecord(rootfs)['diff_ids']).map((diffId) => diffId.replace(/^sha256:/, ''));
  if (diffIds.length !== layerCount) {
    throw new ImageError(`Failed to read '${name}': expected ${layerCount} diff_ids, got ${diffIds.length}`);
  }
  return { config: toRuntimeConfig(config), diffIds };
}

export function toRuntimeConfig(value: unknown): ImageRuntimeConfig {
  const { Entrypoint, Cmd, Env, WorkingDir, User } = asRecord(value);
  const [workingDirectory, user] = [asText(WorkingDir), asText(User)];
  return {
    entrypoint: strings(Entrypoint),
    cmd: strings(Cmd),
    env: strings(Env),
    ...(workingDirectory === undefined ? {} : { workingDirectory }),
    ...(user === undefined ? {} : { user }),
  };
}

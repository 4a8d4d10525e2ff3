import type { ImageRuntimeConfig } from '@drydock/isolator';
import type { LayerPull } from './layer-store.ts';

export interface PulledImage {
  /** Says where the image came from, and of which content it is. */
  readonly stamp: string;
  readonly config: ImageRuntimeConfig;
  /** Diff ids, the lowest layer first; all of them were staged. */
  readonly layerIds: readonly string[];
}

export interface PullOptions {
  /** An empty directory of the pull's own, removed after it. */
  readonly directory: string;
  /** Takes the layers; those that the store has already are not asked for. */
  readonly layers: LayerPull;
  readonly signal: AbortSignal;
}

/**
 * Where images come from: a directory of archives, or registries.
 * @see src/slave/containerizer/mesos/provisioner/docker/puller.hpp
 */
export interface Puller {
  /**
   * Whether a stored image with this stamp is what `name` means here.
   * @throws ImageError when nothing can have that name
   */
  isCurrent(name: string, stamp: string): Promise<boolean>;
  /** @throws ImageError; the signal's reason when it aborts */
  pull(name: string, options: PullOptions): Promise<PulledImage>;
}

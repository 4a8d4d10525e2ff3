/**
 * Gives a container the root file system of its image: an overlay, which the shim mounts in the container's own mount
 * namespace, or a copy where the machine cannot mount overlays. Everything of a container is below
 * `<work_dir>/provisioner/containers/<id>`.
 * @see src/slave/containerizer/mesos/provisioner/paths.hpp
 */
import { randomUUID } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, systemCodeOf } from '@drydock/base/errors';
import { run, runOrThrow } from '@drydock/base/subprocess';
import type { ImageRuntimeConfig } from '@drydock/isolator';
import type { Image } from '@drydock/mesos';
import { LaunchFailedError } from '../errors.ts';
import type { ImageStore } from '../image/image-store.ts';
import type { OverlayMount } from '../launcher/launcher.ts';
import { createWhiteoutMask, readWhiteouts } from './whiteout-mask.ts';

export type ProvisionerBackend = 'overlay' | 'copy';

export interface ProvisionedRoot {
  /** Host path of the container's `/`. */
  readonly rootfs: string;
  readonly image: ImageRuntimeConfig;
  /** Set iff `rootfs` is empty until the shim mounts this. */
  readonly overlay?: OverlayMount;
}

const COPY_MS_MAX = 10 * 60_000;

export class Provisioner {
  /** Holds `containers/<id>` for every container with a root file system of its own. */
  readonly directory: string;
  readonly #containersDirectory: string;
  readonly #store: ImageStore;
  readonly #backend: ProvisionerBackend;

  constructor(options: { readonly workDir: string; readonly store: ImageStore; readonly backend: ProvisionerBackend }) {
    this.directory = join(options.workDir, 'provisioner');
    this.#containersDirectory = join(this.directory, 'containers');
    this.#store = options.store;
    this.#backend = options.backend;
  }

  /** @throws ImageError, LaunchFailedError; the signal's reason when it aborts */
  async provision(containerPath: string, image: Image, options: { signal: AbortSignal }): Promise<ProvisionedRoot> {
    if (image.type !== 'DOCKER' || image.docker === undefined) {
      throw new LaunchFailedError(`Unsupported container image type: ${image.type}`);
    }
    const { signal } = options;
    const stored = await this.#store.get(image.docker.name, { isCached: image.cached !== false, signal });
    const id = randomUUID();
    const container = join(this.#containersDirectory, containerPath);
    const backend = join(container, 'backends', this.#backend);
    const rootfs = join(backend, 'rootfses', id);
    await mkdir(rootfs, { recursive: true, mode: 0o755 });
    const layers = stored.layerIds.map((layerId) => this.#store.layerDirectory(layerId));
    await writeFile(join(container, 'layers'), JSON.stringify(layers));
    if (this.#backend === 'copy') {
      for (const layer of layers) await copyLayer(layer, rootfs, signal);
      return { rootfs, image: stored.config };
    }
    const overlay = await prepareOverlay(layers, join(backend, 'scratch', id), rootfs, signal);
    return { rootfs, image: stored.config, overlay };
  }

  /** Removes everything of a container; a missing one is fine. */
  async destroy(containerPath: string): Promise<void> {
    await rm(join(this.#containersDirectory, containerPath), { recursive: true, force: true });
  }
}

/** Short relative names, because the kernel takes at most one page of mount options, and no escaping is needed. */
async function prepareOverlay(
  layers: readonly string[],
  scratch: string,
  target: string,
  signal: AbortSignal,
): Promise<OverlayMount> {
  const linksDirectory = join(scratch, 'links');
  for (const name of ['upperdir', 'workdir', 'links']) {
    await mkdir(join(scratch, name), { recursive: true, mode: 0o755 });
  }
  const lowers = await lowerDirectories(layers, join(scratch, 'masks'), signal);
  // An image without layers still needs a lower directory.
  if (lowers.length === 0) lowers.push(linksDirectory);
  for (const [index, lower] of lowers.entries()) await symlink(lower, join(linksDirectory, String(index)));
  const lowerdir = lowers.map((_, index) => String(index)).join(':');
  return { linksDirectory, target, options: `lowerdir=${lowerdir},upperdir=../upperdir,workdir=../workdir` };
}

/** The layers' root directories and the masks between them, the topmost first as overlayfs wants them. */
async function lowerDirectories(layers: readonly string[], masks: string, signal: AbortSignal): Promise<string[]> {
  const lowers: string[] = [];
  for (const [index, layer] of layers.entries()) {
    const mask = join(masks, String(index));
    const whiteouts = await readWhiteouts(layer);
    if (await createWhiteoutMask(mask, whiteouts, lowers, { signal })) lowers.unshift(mask);
    lowers.unshift(join(layer, 'rootfs'));
  }
  return lowers;
}

async function copyLayer(layer: string, rootfs: string, signal: AbortSignal): Promise<void> {
  const source = join(layer, 'rootfs');
  const { removed, opaque } = await readWhiteouts(layer);
  for (const path of removed) await removeBeneath(rootfs, path);
  for (const path of opaque) {
    for (const name of path === '' ? await readdir(rootfs) : ['']) await removeBeneath(rootfs, join(path, name));
  }
  await removeConflicts(source, rootfs);
  await runOrThrow(['cp', '-a', '--no-target-directory', '--', source, rootfs], { signal, timeoutMs: COPY_MS_MAX });
}

/** Removes a name without following a link on the way to it: what is behind one is not of this path. */
async function removeBeneath(rootfs: string, path: string): Promise<void> {
  let current = rootfs;
  const names = path.split('/').filter((name) => name !== '');
  for (const [index, name] of names.entries()) {
    current = join(current, name);
    const isLast = index === names.length - 1;
    if (isLast) await rm(current, { recursive: true, force: true });
    else if (!(await isDirectory(current))) return;
  }
}

/** Where the layer has a directory and the root has not, or the reverse, the layer's wins. */
async function removeConflicts(source: string, target: string): Promise<void> {
  for (const entry of await readdir(source, { withFileTypes: true })) {
    const [from, to] = [join(source, entry.name), join(target, entry.name)];
    const isThereDirectory = await isDirectory(to);
    if (isThereDirectory === undefined) continue;
    if (entry.isDirectory() && isThereDirectory) await removeConflicts(from, to);
    else await rm(to, { recursive: true, force: true });
  }
}

async function isDirectory(path: string): Promise<boolean | undefined> {
  try {
    return (await lstat(path)).isDirectory();
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Why overlays of the store's layers cannot be mounted below `workDir`, or undefined when they can: mounts one in a
 * mount namespace of its own.
 */
export async function probeOverlay(workDir: string, storeDirectory: string): Promise<string | undefined> {
  const upper = join(workDir, 'overlay-probe');
  const lower = await mkdtemp(join(storeDirectory, 'staging', 'overlay-probe-'));
  try {
    // An agent that was killed while it tried may have left it; the other directory is emptied at each start.
    await rm(upper, { recursive: true, force: true });
    for (const name of ['upper', 'work', 'merged']) await mkdir(join(upper, name), { recursive: true });
    await symlink(lower, join(upper, 'lower'));
    const script = 'cd "$1" && exec mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged';
    const result = await run(['unshare', '--mount', '--propagation', 'slave', 'sh', '-c', script, 'sh', upper], {
      timeoutMs: 10_000,
    });
    return result.exitCode === 0 ? undefined : result.stderr.trim() || `mount ended with ${result.exitCode}`;
  } catch (error) {
    return messageOf(error);
  } finally {
    await rm(upper, { recursive: true, force: true });
    await rm(lower, { recursive: true, force: true });
  }
}

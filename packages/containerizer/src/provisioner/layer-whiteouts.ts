import { readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCodeOf } from '@drydock/base/errors';
import { runOrThrow } from '@drydock/base/subprocess';
import type { Whiteouts } from '../image/layer-unpacker.ts';

const TOOL_MS_MAX = 60_000;

/** What a stored layer removes. */
export async function readWhiteouts(layerDirectory: string): Promise<Whiteouts> {
  // Written by the store beside the layer, and only there.
  return JSON.parse(await readFile(join(layerDirectory, 'whiteouts.json'), 'utf8')) as Whiteouts;
}

/**
 * Puts a layer's whiteouts into its directory in the form that overlayfs reads: a character device 0/0 for a name that is
 * gone, `trusted.overlay.opaque` on a directory whose earlier content is. Idempotent; the marker is written last.
 */
export async function ensureOverlayWhiteouts(layerDirectory: string, options: { signal: AbortSignal }): Promise<void> {
  const { removed, opaque } = await readWhiteouts(layerDirectory);
  if (removed.length + opaque.length === 0) return;
  const marker = join(layerDirectory, 'overlay-whiteouts');
  if (await isThere(marker)) return;
  const limits = { signal: options.signal, timeoutMs: TOOL_MS_MAX };
  const rootfs = join(layerDirectory, 'rootfs');
  await runOrThrow(['mkdir', '-p', '--', ...removed.map((path) => dirname(join(rootfs, path))), rootfs], limits);
  for (const path of removed) {
    if (!(await isThere(join(rootfs, path)))) await runOrThrow(['mknod', join(rootfs, path), 'c', '0', '0'], limits);
  }
  for (const path of opaque) {
    await runOrThrow(['mkdir', '-p', '--', join(rootfs, path)], limits);
    await runOrThrow(['setfattr', '-n', 'trusted.overlay.opaque', '-v', 'y', join(rootfs, path)], limits);
  }
  await writeFile(marker, '');
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

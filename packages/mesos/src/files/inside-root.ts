/**
 * Opens what a task may have written, without ever leaving its directory: links are followed, but the place that they
 * lead to has to be below the root, and what is opened is what was looked at. Whoever owns the directory may exchange a
 * file for a link, a FIFO or a device at any moment between two of our steps.
 */
import type { Stats } from 'node:fs';
import { constants, open, readlink, realpath, type FileHandle } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { systemCodeOf } from '@drydock/base/errors';

/** `O_PATH`, which Node does not name: a descriptor that names a file without opening it, so that nothing happens. */
const O_PATH = 0o10_000_000;

/** A file or directory below a root, held by a descriptor that can only be looked at. */
export interface HeldPath extends AsyncDisposable {
  /** On the host, without links. */
  readonly realPath: string;
  readonly stats: Stats;
  /** Leads to exactly what is held, whatever happens to the names; good until it is disposed. */
  readonly descriptorPath: string;
  /** Opens the held file for reading. */
  openForReading(): Promise<FileHandle>;
}

/** Holds `rest` below `root`; undefined when there is no such thing, or it is somewhere else. */
export async function holdInsideRoot(root: string, rest: string): Promise<HeldPath | undefined> {
  if (rest.includes('\0')) return undefined;
  await using stack = new AsyncDisposableStack();
  try {
    const realRoot = await realpath(root);
    const realPath = await realpath(join(realRoot, rest));
    if (!isInside(realRoot, realPath)) return undefined;
    const handle = stack.use(await open(realPath, O_PATH | constants.O_NOFOLLOW));
    const descriptorPath = `/proc/self/fd/${handle.fd}`;
    const stats = await handle.stat();
    // A part of the path was exchanged for a link after it was resolved, or the last one was.
    if ((await readlink(descriptorPath)) !== realPath || stats.isSymbolicLink()) return undefined;
    const kept = stack.move();
    return {
      realPath,
      stats,
      descriptorPath,
      openForReading: async () => await open(descriptorPath, constants.O_RDONLY),
      [Symbol.asyncDispose]: async () => await kept.disposeAsync(),
    };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isInside(realRoot: string, realPath: string): boolean {
  return realPath === realRoot || realPath.startsWith(realRoot.endsWith(sep) ? realRoot : realRoot + sep);
}

/** Nothing of that name is there, or no longer. */
function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes(systemCodeOf(error) ?? '');
}

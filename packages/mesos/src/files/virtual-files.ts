/**
 * Directories and files of the host under virtual names (a sandbox under its path and under `/frameworks/.../runs/latest`),
 * for `/files/*`, LIST_FILES and READ_FILE. Nothing outside what is attached can be read.
 * @see src/files/files.cpp
 */
import { lstat, readdir, type FileHandle } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import { systemCodeOf } from '@drydock/base/errors';
import { HttpError } from '../http/reply.ts';
import { holdInsideRoot, type HeldPath } from './inside-root.ts';

/** One answer of a read is at most 16 pages. */
const READ_BYTES_MAX = 16 * 4_096;
const LISTED_AT_ONCE = 64;

/** One entry of a directory; times in milliseconds since the epoch. */
export interface DirectoryEntry {
  readonly path: string;
  readonly nlink: number;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /** Kind and permissions, as `st_mode`. */
  readonly mode: number;
  readonly uid: string;
  readonly gid: string;
}

/** The attached paths of one process. */
export class VirtualFiles {
  readonly #roots = new Map<string, string>();

  /** Shows `hostPath` (file or directory) as `virtualPath`; replaces what was there. */
  attach(virtualPath: string, hostPath: string): void {
    this.#roots.set(normalize(virtualPath), hostPath);
  }

  /** Forgets `virtualPath`; safe when it is not attached. */
  detach(virtualPath: string): void {
    this.#roots.delete(normalize(virtualPath));
  }

  /** Host paths by virtual path. */
  get attached(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#roots);
  }

  /**
   * What is in a directory, sorted by name; nothing for a file.
   * @throws HttpError 404
   */
  async list(virtualPath: string): Promise<readonly DirectoryEntry[]> {
    await using held = await this.#hold(virtualPath);
    if (!held.stats.isDirectory()) return [];
    const names = (await readdir(held.descriptorPath)).toSorted();
    const entries: DirectoryEntry[] = [];
    // A task may have made any number of files.
    for (let at = 0; at < names.length; at += LISTED_AT_ONCE) {
      const some = await Promise.all(
        names
          .slice(at, at + LISTED_AT_ONCE)
          .map(async (name) => await entryOf(join(held.descriptorPath, name), posix.join(virtualPath, name))),
      );
      entries.push(...some.filter((entry) => entry !== undefined));
    }
    return entries;
  }

  /**
   * At most 16 pages of a file from `offset` on, and how large the file is. Without `length` as much as that.
   * @throws HttpError 400 for what is no file, 404
   */
  async read(
    virtualPath: string,
    part: { readonly offset: number; readonly length?: number | undefined },
  ): Promise<{ readonly sizeBytes: number; readonly data: Buffer }> {
    await using file = await this.#openFile(virtualPath, 'read');
    const { size } = await file.stat();
    const wanted = Math.min(part.length ?? READ_BYTES_MAX, size - part.offset, READ_BYTES_MAX);
    if (wanted <= 0) return { sizeBytes: size, data: Buffer.alloc(0) };
    const { buffer, bytesRead } = await file.read(Buffer.alloc(wanted), 0, wanted, part.offset);
    return { sizeBytes: size, data: buffer.subarray(0, bytesRead) };
  }

  /**
   * Opens a file for whoever takes all of it, and closes it.
   * @throws HttpError 400 for what is no file, 404
   */
  async open(virtualPath: string): Promise<FileHandle> {
    return await this.#openFile(virtualPath, 'download');
  }

  async #openFile(virtualPath: string, verb: 'read' | 'download'): Promise<FileHandle> {
    await using held = await this.#hold(virtualPath);
    if (held.stats.isDirectory()) throw new HttpError(400, `Cannot ${verb} a directory.\n`);
    // DEVIATION: upstream opens whatever is there: it hangs on a FIFO, and opening a device may set it in motion.
    if (!held.stats.isFile()) throw new HttpError(400, `Cannot ${verb} what is not a regular file.\n`);
    return await held.openForReading();
  }

  /** @throws HttpError 404 when nothing is attached there or it leads outside */
  async #hold(virtualPath: string): Promise<HeldPath> {
    const path = normalize(virtualPath);
    for (let prefix = path; ; prefix = posix.dirname(prefix)) {
      const root = this.#roots.get(prefix);
      if (root !== undefined) {
        const held = await holdInsideRoot(root, path.slice(prefix.length));
        if (held !== undefined) return held;
        throw new HttpError(404, '');
      }
      if (prefix === '/' || prefix === '.') throw new HttpError(404, '');
    }
  }
}

/** A name for a downloaded file that no header or shell misunderstands. */
export function downloadName(virtualPath: string): string {
  return basename(virtualPath).replaceAll(/[^\w.-]/g, '_');
}

// DEVIATION: upstream shows of a link what it leads to; here it is a link: where it leads to may not be shown.
async function entryOf(hostPath: string, virtualPath: string): Promise<DirectoryEntry | undefined> {
  try {
    const entry = await lstat(hostPath);
    return {
      path: virtualPath,
      nlink: entry.nlink,
      sizeBytes: entry.size,
      mtimeMs: entry.mtimeMs,
      mode: entry.mode,
      // DEVIATION: upstream shows names; numbers need no look-up in a user database.
      uid: entry.uid === 0 ? 'root' : String(entry.uid),
      gid: entry.gid === 0 ? 'root' : String(entry.gid),
    };
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined; // Removed since the directory was read.
    throw error;
  }
}

/** `..` is resolved before anything is looked up; no trailing slash. */
function normalize(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

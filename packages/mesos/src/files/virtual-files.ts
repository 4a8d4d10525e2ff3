/**
 * `/files/browse`, `/files/read` and `/files/download`: directories and files of the host under virtual names (a
 * sandbox under its path and under `/frameworks/.../runs/latest`). Nothing outside what is attached can be read: a path
 * must be inside the attached root after every link has been followed.
 * @see src/files/files.cpp
 */
import type { Stats } from 'node:fs';
import { constants, lstat, open, readdir, readlink, realpath, stat, type FileHandle } from 'node:fs/promises';
import { basename, join, posix, sep } from 'node:path';
import { systemCodeOf } from '@drydock/base/errors';
import { HttpError, bytesReply, jsonReply, type HttpReply } from '../http/reply.ts';
import type { HttpRequest, HttpRoute } from '../http/service.ts';

/** One answer of `/files/read` is at most 16 pages. */
const READ_BYTES_MAX = 16 * 4_096;
/** A download is answered from memory, so it is bounded. */
const DOWNLOAD_BYTES_MAX = 256 * 1024 * 1024;
const EXPECTING_PATH = "Expecting 'path=value' in query.\n";

/** One entry of `/files/browse`. */
export interface BrowseEntry {
  readonly path: string;
  readonly nlink: number;
  readonly size: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
  /** As `ls -l` shows it: `-rw-r--r--`. */
  readonly mode: string;
  readonly uid: string;
  readonly gid: string;
}

/** The attached paths of one process; `routes` go into its HTTP service. */
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

  get routes(): readonly HttpRoute[] {
    return [
      { method: 'GET', path: '/files/browse', handle: async (request) => await this.#browse(request) },
      { method: 'GET', path: '/files/read', handle: async (request) => await this.#read(request) },
      { method: 'GET', path: '/files/download', handle: async (request) => await this.#download(request) },
    ];
  }

  async #browse(request: HttpRequest): Promise<HttpReply> {
    const virtualPath = pathOf(request);
    const hostPath = await this.#resolve(virtualPath);
    if (!(await statReal(hostPath)).isDirectory()) throw new HttpError(400, 'Cannot browse a file.\n');
    await using directory = await openReal(hostPath, constants.O_DIRECTORY);
    const entries: BrowseEntry[] = [];
    for (const name of (await readdir(pathOfDescriptor(directory))).toSorted()) {
      const entry = await browseEntry(join(pathOfDescriptor(directory), name), posix.join(virtualPath, name));
      if (entry !== undefined) entries.push(entry);
    }
    return jsonReply(entries);
  }

  async #read(request: HttpRequest): Promise<HttpReply> {
    const hostPath = await this.#resolve(pathOf(request));
    const offset = integerOf(request, 'offset') ?? -1;
    const length = integerOf(request, 'length') ?? -1;
    if (offset < -1) throw new HttpError(400, `Negative offset provided: ${offset}.\n`);
    if (length < -1) throw new HttpError(400, `Negative length provided: ${length}.\n`);
    await using file = await openFile(hostPath);
    const { size } = await file.stat();
    if (offset === -1) return jsonReply({ offset: size, data: '' });
    const wanted = Math.min(length === -1 ? size - offset : length, size - offset, READ_BYTES_MAX);
    if (wanted <= 0) return jsonReply({ offset, data: '' });
    const { buffer, bytesRead } = await file.read(Buffer.alloc(wanted), 0, wanted, offset);
    return jsonReply({ offset, data: buffer.toString('utf8', 0, bytesRead) });
  }

  async #download(request: HttpRequest): Promise<HttpReply> {
    const hostPath = await this.#resolve(pathOf(request));
    await using file = await openFile(hostPath);
    const { size } = await file.stat();
    if (size > DOWNLOAD_BYTES_MAX) {
      throw new HttpError(413, `Expecting a file of at most ${DOWNLOAD_BYTES_MAX} bytes, got ${size}.\n`);
    }
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, 0);
    const name = basename(hostPath).replaceAll(/[^\w.-]/g, '_');
    return bytesReply(buffer.subarray(0, bytesRead), {
      'Content-Type': 'application/octet-stream',
      'Content-Disposition': `attachment; filename=${name}`,
    });
  }

  /** The real host path. @throws HttpError 404 when nothing is attached there or it leads outside */
  async #resolve(virtualPath: string): Promise<string> {
    const path = normalize(virtualPath);
    for (let prefix = path; ; prefix = posix.dirname(prefix)) {
      const root = this.#roots.get(prefix);
      if (root !== undefined) return await resolveInside(root, path.slice(prefix.length));
      if (prefix === '/' || prefix === '.') throw new HttpError(404, '');
    }
  }
}

async function resolveInside(root: string, rest: string): Promise<string> {
  if (rest.includes('\0')) throw new HttpError(404, '');
  try {
    const realRoot = await realpath(root);
    const real = await realpath(join(realRoot, rest));
    if (real === realRoot || real.startsWith(realRoot.endsWith(sep) ? realRoot : realRoot + sep)) return real;
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  throw new HttpError(404, '');
}

/** Nothing of that name is there, or no longer. */
function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes(systemCodeOf(error) ?? '');
}

/** @throws HttpError 400 when it is no regular file */
async function openFile(hostPath: string): Promise<FileHandle> {
  const kind = await statReal(hostPath);
  if (kind.isDirectory()) throw new HttpError(400, 'Cannot read a directory.\n');
  if (!kind.isFile()) throw new HttpError(400, 'Cannot read what is not a regular file.\n');
  return await openReal(hostPath, constants.O_RDONLY);
}

async function statReal(realPath: string): Promise<Stats> {
  try {
    return await stat(realPath);
  } catch (error) {
    throw isGone(error) ? new HttpError(404, '') : error;
  }
}

/**
 * Opens a real path and makes sure that this is what was opened: the task that owns the sandbox may exchange a directory
 * or file for a link (or a FIFO, which would block) at any time.
 */
async function openReal(realPath: string, flags: number): Promise<FileHandle> {
  const file = await open(realPath, flags | constants.O_NONBLOCK | constants.O_NOFOLLOW).catch((error: unknown) => {
    throw isGone(error) ? new HttpError(404, '') : error;
  });
  try {
    if ((await readlink(pathOfDescriptor(file))) === realPath) return file;
    throw new HttpError(404, '');
  } catch (error) {
    await file.close();
    throw error;
  }
}

const pathOfDescriptor = (file: FileHandle): string => `/proc/self/fd/${file.fd}`;

async function browseEntry(hostPath: string, virtualPath: string): Promise<BrowseEntry | undefined> {
  try {
    const entry = await lstat(hostPath);
    return {
      path: virtualPath,
      nlink: entry.nlink,
      size: entry.size,
      mtime: Math.floor(entry.mtimeMs / 1_000),
      mode: modeText(entry.mode),
      // DEVIATION: upstream shows names; numbers need no look-up in a user database.
      uid: entry.uid === 0 ? 'root' : String(entry.uid),
      gid: entry.gid === 0 ? 'root' : String(entry.gid),
    };
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined; // Removed since the directory was read.
    throw error;
  }
}

const KINDS: Readonly<Record<number, string>> = {
  0o040000: 'd',
  0o120000: 'l',
  0o020000: 'c',
  0o060000: 'b',
  0o010000: 'p',
  0o140000: 's',
};

function modeText(mode: number): string {
  const letters = 'rwxrwxrwx'.split('').map((letter, index) => ((mode & (0o400 >> index)) === 0 ? '-' : letter));
  return (KINDS[mode & 0o170000] ?? '-') + letters.join('');
}

function pathOf(request: HttpRequest): string {
  const path = request.query.get('path');
  if (path === null || path === '') throw new HttpError(400, EXPECTING_PATH);
  return path;
}

function integerOf(request: HttpRequest, name: string): number | undefined {
  const text = request.query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d{1,15}$/.test(text))
    throw new HttpError(400, `Failed to parse ${name}: Failed to convert '${text}' to number.\n`);
  return Number(text);
}

/** `..` is resolved before anything is looked up; no trailing slash. */
function normalize(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

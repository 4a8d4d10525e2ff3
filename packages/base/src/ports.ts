/**
 * Effect ports: what code that a simulation drives may do to the world. Production passes the system twins below; tests
 * and the simulation pass their own.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { systemCodeOf } from './errors.ts';

/** File operations, one effect each; every path is absolute. Errors are Node's system errors (`code` ENOENT, ...). */
export interface FileSystemPort {
  /** `mkdir -p`; an existing directory is fine. */
  ensureDirectory(path: string, options?: { mode?: number }): Promise<void>;
  /** Creates `path` with `data` and fsyncs it; fails if it exists. */
  createSynced(path: string, data: string | Uint8Array, options?: { mode?: number }): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** fsync of the directory itself, which makes a rename or a creation in it durable. */
  syncDirectory(path: string): Promise<void>;
  readText(path: string): Promise<string>;
  /** Entry names, sorted. */
  list(path: string): Promise<string[]>;
  /** `rm -rf`; a missing path is fine. */
  remove(path: string): Promise<void>;
  /** What `path` is after following links, or undefined when it does not exist. */
  kindOf(path: string): Promise<'directory' | 'file' | 'other' | undefined>;
  /** `path` without links; fails when it does not exist. */
  realPath(path: string): Promise<string>;
  /** Gives the directory `path` itself to an owner; fails when `path` is a link. */
  setOwner(path: string, owner: { readonly uid: number; readonly gid: number }): Promise<void>;
}

export interface ClockPort {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, options?: { signal?: AbortSignal }): Promise<void>;
}

export interface RandomPort {
  /** `byteCount` random bytes in hex. */
  hex(byteCount: number): string;
}

export const systemClock: ClockPort = {
  now: () => Date.now(),
  sleep: async (ms, options) => {
    await delay(ms, undefined, options?.signal === undefined ? {} : { signal: options.signal });
  },
};

export const systemRandom: RandomPort = { hex: (byteCount) => randomBytes(byteCount).toString('hex') };

export const systemFiles: FileSystemPort = {
  async ensureDirectory(path, options) {
    await mkdir(path, { recursive: true, ...(options?.mode === undefined ? {} : { mode: options.mode }) });
  },
  async createSynced(path, data, options) {
    await using file = await open(path, 'wx', options?.mode ?? 0o644);
    await file.writeFile(data);
    await file.sync();
  },
  async rename(from, to) {
    await rename(from, to);
  },
  async syncDirectory(path) {
    await using directory = await open(path, 'r');
    await directory.sync();
  },
  async readText(path) {
    return await readFile(path, 'utf8');
  },
  async list(path) {
    return (await readdir(path)).sort();
  },
  async remove(path) {
    await rm(path, { recursive: true, force: true });
  },
  async kindOf(path) {
    try {
      const entry = await stat(path);
      return entry.isDirectory() ? 'directory' : entry.isFile() ? 'file' : 'other';
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'ENOTDIR') return undefined;
      throw error;
    }
  },
  async realPath(path) {
    return await realpath(path);
  },
  async setOwner(path, { uid, gid }) {
    await using directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    await directory.chown(uid, gid);
  },
};

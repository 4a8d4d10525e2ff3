/**
 * Unpacks one layer into its own directory. Whatever the archive holds, nothing outside that directory is written, read
 * or linked: `..` in a name is refused, absolute names and links are resolved as if the directory were `/`, and no
 * existing link is ever written through.
 *
 * Whiteouts (`.wh.name`, `.wh..wh..opq`) are collected, not unpacked: each backend has its own form of them. Names,
 * owners, modes, hard links and times are kept.
 * DEVIATION: device nodes and fifos are left out, and so are extended attributes (file capabilities).
 */
import { createHash, type Hash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { chmod, lchown, link, lstat, lutimes, mkdir, readlink, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { systemCodeOf } from '@drydock/base/errors';
import { readIdMapping, type IdMapping } from '../launcher/id-mapping.ts';
import { ImageError } from './image-error.ts';
import { forEachTarEntry, type TarEntry } from './tar-entries.ts';

/** What a layer removes from the layers below it; paths relative to the layer's root. */
export interface Whiteouts {
  /** Names that are gone. */
  readonly removed: readonly string[];
  /** Directories whose earlier content is gone. */
  readonly opaque: readonly string[];
}

export interface UnpackedLayer {
  readonly whiteouts: Whiteouts;
  /** `sha256` of the uncompressed tar, as `rootfs.diff_ids` has it. */
  readonly diffId: string;
  /** Entries that were left out. */
  readonly skipped: readonly string[];
}

export interface UnpackOptions {
  readonly signal: AbortSignal;
  /** Of the uncompressed tar; default 32 GiB, more than any image of use has, and less than fills a disk by surprise. */
  readonly tarBytesMax?: number;
}

const LINKS_MAX = 40;
const TAR_BYTES_MAX = 32 * 1024 ** 3;

/** @throws ImageError when the layer is damaged, too large or tries to leave its directory */
export async function unpackLayer(source: Readable, directory: string, options: UnpackOptions): Promise<UnpackedLayer> {
  const writer = new LayerWriter(directory, await readIdMapping());
  const hash = createHash('sha256');
  const meter = meterOf(hash, options.tarBytesMax);
  // The digest is that of the uncompressed tar, padding included, so the bytes are counted before they are parsed.
  const plain = await decompressed(source);
  const feeding = pipeline(plain, meter, { signal: options.signal });
  const [fed, parsed] = await Promise.allSettled([
    feeding,
    forEachTarEntry(meter, async (entry, signal) => await writer.write(entry, signal), options),
  ]);
  if (fed.status === 'rejected' && fed.reason instanceof ImageError) throw fed.reason;
  if (parsed.status === 'rejected') throw parsed.reason;
  if (fed.status === 'rejected') throw new ImageError('The layer is damaged', { cause: fed.reason });
  const { whiteouts, skipped } = await writer.finish();
  return { whiteouts, skipped, diffId: hash.digest('hex') };
}

/** Digest of a layer's uncompressed tar, in hex. @throws ImageError when the layer is damaged or too large */
export async function readDiffId(source: Readable, options: UnpackOptions): Promise<string> {
  const hash = createHash('sha256');
  const meter = meterOf(hash, options.tarBytesMax);
  try {
    await pipeline(await decompressed(source), meter.resume(), { signal: options.signal });
  } catch (error) {
    options.signal.throwIfAborted();
    throw error instanceof ImageError ? error : new ImageError('The layer is damaged', { cause: error });
  }
  return hash.digest('hex');
}

/** Passes on what it hashes, and fails where it is too much. */
function meterOf(hash: Hash, bytesMax = TAR_BYTES_MAX): Transform {
  let byteCount = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      byteCount += chunk.length;
      hash.update(chunk);
      if (byteCount > bytesMax) done(new ImageError(`The layer has more than ${bytesMax} bytes when uncompressed`));
      else done(null, chunk);
    },
  });
}

/** The bytes themselves, or their content when they start as gzip or zstd does. */
async function decompressed(source: Readable): Promise<Readable> {
  const chunks: AsyncIterator<unknown> = source[Symbol.asyncIterator]();
  const first = await chunks.next();
  const start = Buffer.isBuffer(first.value) ? first.value.toString('hex', 0, 4) : '';
  const whole = Readable.from(
    (async function* () {
      for (let next = first; next.done !== true; next = await chunks.next()) yield next.value;
    })(),
    { objectMode: false },
  );
  const plain = start.startsWith('1f8b') ? createGunzip() : start === '28b52ffd' ? createZstdDecompress() : undefined;
  if (plain === undefined) return whole;
  pipeline(whole, plain).catch((error: unknown) => plain.destroy(error instanceof Error ? error : undefined));
  return plain;
}

class LayerWriter {
  readonly #root: string;
  readonly #ids: IdMapping;
  readonly #removed = new Set<string>();
  readonly #opaque = new Set<string>();
  readonly #skipped: string[] = [];
  /** Set last, because every entry made in a directory changes its time. */
  readonly #directoryTimes = new Map<string, Date>();

  constructor(root: string, ids: IdMapping) {
    this.#root = root;
    this.#ids = ids;
  }

  async write(entry: TarEntry, signal: AbortSignal): Promise<void> {
    const names = namesOf(entry.path);
    const name = names.at(-1);
    if (name === undefined) {
      if (entry.type === 'Directory') await this.#setAttributes(this.#root, entry);
      return;
    }
    const parent = await this.#resolve(names.slice(0, -1));
    if (name.startsWith('.wh.')) {
      this.#whiteOut(this.#relative(parent), name);
      return;
    }
    const path = join(parent, name);
    await mkdir(parent, { recursive: true });
    if (entry.type === 'Directory') {
      await this.#writeDirectory(path, entry);
      return;
    }
    if (entry.type === 'Other') {
      this.#skipped.push(entry.path);
      return;
    }
    // A hard link to itself would remove its own target.
    if (entry.type === 'Link') {
      const target = await this.#existing(entry.linkTarget, entry.path);
      if (target === path) return;
      await rm(path, { recursive: true, force: true });
      await link(target, path);
      return;
    }
    await rm(path, { recursive: true, force: true });
    if (entry.type === 'SymbolicLink') {
      await symlink(entry.linkTarget, path);
      await this.#setOwner(path, entry);
      await lutimes(path, entry.modifiedAt, entry.modifiedAt);
      return;
    }
    await pipeline(entry.body(), createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal });
    await this.#setAttributes(path, entry);
    await lutimes(path, entry.modifiedAt, entry.modifiedAt);
  }

  async finish(): Promise<{ whiteouts: Whiteouts; skipped: readonly string[] }> {
    for (const [path, at] of this.#directoryTimes) {
      if ((await kindOf(path)) === 'directory') await lutimes(path, at, at);
    }
    const removed: string[] = [];
    for (const path of this.#removed) {
      // The layer brings the name itself: a file hides the old one anyway, a directory must start empty.
      const kind = await kindOf(join(this.#root, path));
      if (kind === undefined) removed.push(path);
      else if (kind === 'directory') this.#opaque.add(path);
    }
    return { whiteouts: { removed, opaque: [...this.#opaque] }, skipped: this.#skipped };
  }

  #whiteOut(directory: string, name: string): void {
    if (name === '.wh..wh..opq') this.#opaque.add(directory);
    // Other names that start twice are AUFS's own book-keeping.
    else if (!name.startsWith('.wh..wh.')) {
      const removed = name.slice('.wh.'.length);
      if (removed === '' || removed === '.' || removed === '..') {
        throw new ImageError(`The layer removes '${removed}', which is not a name`);
      }
      this.#removed.add(join(directory, removed));
    }
  }

  async #writeDirectory(path: string, entry: TarEntry): Promise<void> {
    const kind = await kindOf(path);
    if (kind !== undefined && kind !== 'directory') await rm(path);
    if (kind !== 'directory') await mkdir(path);
    await this.#setAttributes(path, entry);
    this.#directoryTimes.set(path, entry.modifiedAt);
  }

  /** Where an ordinary user's mapping lacks an owner, the file stays that user's. */
  async #setOwner(path: string, { uid, gid }: TarEntry): Promise<void> {
    if (this.#ids.hasUid(uid) && this.#ids.hasGid(gid)) await lchown(path, uid, gid);
  }

  async #setAttributes(path: string, entry: TarEntry): Promise<void> {
    await this.#setOwner(path, entry);
    // After chown, which clears setuid and setgid. Never a link: it was made just now, or is a directory.
    await chmod(path, entry.mode);
  }

  async #existing(target: string, from: string): Promise<string> {
    const names = namesOf(target);
    const path = join(await this.#resolve(names.slice(0, -1)), names.at(-1) ?? '');
    const kind = await kindOf(path);
    if (kind === undefined || kind === 'directory') {
      throw new ImageError(`The layer links '${from}' to '${target}', which is not a file in it`);
    }
    return path;
  }

  /** Follows links as a process whose root is the layer would. The result may not exist yet; no part of it is a link. */
  async #resolve(names: readonly string[]): Promise<string> {
    const rest = [...names];
    const done: string[] = [];
    let linkCount = 0;
    for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
      if (name === '..') {
        done.pop();
        continue;
      }
      const path = join(this.#root, ...done, name);
      const kind = await kindOf(path);
      if (kind === 'link') {
        linkCount += 1;
        if (linkCount > LINKS_MAX)
          throw new ImageError(`Too many links on the way to '${names.join('/')}' in the layer`);
        const target = await readlink(path);
        if (target.startsWith('/')) done.length = 0;
        rest.unshift(...target.split('/').filter((part) => part !== '' && part !== '.'));
        continue;
      }
      if (kind === 'other') throw new ImageError(`The layer puts '${names.join('/')}' below a file`);
      done.push(name);
    }
    return join(this.#root, ...done);
  }

  #relative(path: string): string {
    return path.slice(this.#root.length + 1);
  }
}

/** Parts of a name in a layer. @throws ImageError for `..` and for names that no file can have */
function namesOf(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  if (names.includes('..')) throw new ImageError(`The layer has an entry '${path}' that leaves the layer`);
  if (path.includes('\0')) throw new ImageError('The layer has an entry with a NUL in its name');
  return names;
}

async function kindOf(path: string): Promise<'directory' | 'link' | 'other' | undefined> {
  try {
    const entry = await lstat(path);
    return entry.isDirectory() ? 'directory' : entry.isSymbolicLink() ? 'link' : 'other';
  } catch (error) {
    // ENOTDIR: the directory that it was in has become a file.
    if (systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/**
 * Unpacks the outer tar of an image archive into flat files named by number, so that no name in an archive ever becomes
 * a path on the host. Everything streams; the archive may be compressed.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '@drydock/base/errors';
import { ImageError } from './image-error.ts';
import { forEachTarEntry } from './tar-entries.ts';

/** JSON documents in archives are a few KiB; a larger one is not what it says. */
const DOCUMENT_BYTES_MAX = 8 * 1024 * 1024;

interface Member {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** The members of one archive by their normalised names. */
export class ArchiveMembers {
  readonly #files: ReadonlyMap<string, Member>;
  /** Member name -> member name. */
  readonly #links: ReadonlyMap<string, string>;

  constructor(files: ReadonlyMap<string, Member>, links: ReadonlyMap<string, string>) {
    this.#files = files;
    this.#links = links;
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  /** Bytes of a member. @throws ImageError when it is missing, or not what the digest in its name says */
  stream(name: string): Readable {
    return createReadStream(this.#get(name).path);
  }

  /** A JSON document. @throws ImageError when it is missing, too large, not JSON, or not what its digest says */
  async json(name: string): Promise<unknown> {
    const member = this.#get(name);
    if (member.sizeBytes > DOCUMENT_BYTES_MAX) {
      throw new ImageError(
        `Failed to read '${name}': expected at most ${DOCUMENT_BYTES_MAX} bytes, got ${member.sizeBytes}`,
      );
    }
    try {
      return JSON.parse(await readFile(member.path, 'utf8'));
    } catch (error) {
      throw new ImageError(`Failed to read '${name}': ${messageOf(error)}`, { cause: error });
    }
  }

  #get(name: string): Member {
    const member = this.#find(name);
    if (member === undefined) throw new ImageError(`'${name}' is not in the image archive`);
    const digest = /^(?:blobs\/sha256\/([0-9a-f]{64})|([0-9a-f]{64})\.json)$/.exec(name);
    const expected = digest?.[1] ?? digest?.[2];
    if (expected !== undefined && expected !== member.sha256) {
      throw new ImageError(
        `The digest of '${name}' does not match: expected sha256:${expected}, got sha256:${member.sha256}`,
      );
    }
    return member;
  }

  #find(name: string): Member | undefined {
    let current = name;
    for (let hop = 0; hop < 8; hop += 1) {
      const file = this.#files.get(current);
      if (file !== undefined) return file;
      const next = this.#links.get(current);
      if (next === undefined) return undefined;
      current = next;
    }
    return undefined;
  }
}

/** Unpacks `archivePath` into `directory`, which exists and is the caller's to remove. */
export async function readArchiveMembers(
  archivePath: string,
  directory: string,
  options: { signal: AbortSignal },
): Promise<ArchiveMembers> {
  const files = new Map<string, Member>();
  const links = new Map<string, string>();
  await forEachTarEntry(
    createReadStream(archivePath),
    async (entry, signal) => {
      const name = memberName(entry.path);
      if (name === undefined) return;
      if (entry.type === 'File') {
        const path = join(directory, String(files.size));
        const hash = createHash('sha256');
        const meter = new Transform({
          transform(chunk: Buffer, _encoding, done) {
            hash.update(chunk);
            done(null, chunk);
          },
        });
        await pipeline(entry.body(), meter, createWriteStream(path, { flags: 'wx' }), { signal });
        files.set(name, { path, sizeBytes: entry.sizeBytes, sha256: hash.digest('hex') });
      } else if (entry.type === 'SymbolicLink' || entry.type === 'Link') {
        // Docker writes a layer that occurs twice as a link to the first.
        const base = entry.type === 'Link' ? '.' : posix.dirname(name);
        const target = memberName(posix.join(base, entry.linkTarget));
        if (target !== undefined) links.set(name, target);
      }
    },
    options,
  );
  return new ArchiveMembers(files, links);
}

/** `./a/b` -> `a/b`; undefined for a name that leaves the archive: nothing can refer to it. */
function memberName(path: string): string | undefined {
  const name = posix.normalize(path).replace(/\/$/, '');
  return name === '..' || name.startsWith('../') || name.startsWith('/') ? undefined : name;
}

/**
 * Durable replacement of a file.
 *
 * Guarantees: a reader sees the whole old or the whole new content; when the call resolves, the new content survives a
 * power loss (file and directory are fsynced). A temporary file that a crash leaves behind is named
 * `.<name>.<hex>.tmp` and belongs to nobody: `isTemporaryFile` recognises it.
 * Not guaranteed: an order between two concurrent writers of one path.
 */
import { basename, dirname, join } from 'node:path';
import { systemFiles, systemRandom, type FileSystemPort, type RandomPort } from './ports.ts';

export interface AtomicWriteOptions {
  /** Default 0o644. */
  readonly mode?: number;
  readonly files?: FileSystemPort;
  readonly random?: RandomPort;
}

/** Replaces `path` with `data`. The directory must exist. On failure the temporary file is removed. */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  options: AtomicWriteOptions = {},
): Promise<void> {
  const { files = systemFiles, random = systemRandom, mode } = options;
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path)}.${random.hex(6)}.tmp`);
  try {
    await files.createSynced(temporary, data, mode === undefined ? {} : { mode });
    await files.rename(temporary, path);
  } catch (error) {
    await files.remove(temporary);
    throw error;
  }
  await files.syncDirectory(directory);
}

/** Whether `name` (no directory) is a left-over of an interrupted `writeFileAtomic`. */
export function isTemporaryFile(name: string): boolean {
  return /^\..+\.[0-9a-f]{12}\.tmp$/.test(name);
}

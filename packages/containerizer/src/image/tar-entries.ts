import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Parser, type ReadEntry } from 'tar';
import { messageOf } from '@drydock/base/errors';
import { ImageError } from './image-error.ts';

/** One entry of a tar stream; the paths are as the archive has them, whatever they hold. */
export interface TarEntry {
  readonly path: string;
  readonly type: 'File' | 'Directory' | 'SymbolicLink' | 'Link' | 'Other';
  /** Of a link; empty for the rest. */
  readonly linkTarget: string;
  readonly sizeBytes: number;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modifiedAt: Date;
  /** Bytes of a file; what is not read is skipped. */
  body(): Readable;
}

const TYPES: Readonly<Record<string, TarEntry['type']>> = {
  File: 'File',
  OldFile: 'File',
  ContiguousFile: 'File',
  Directory: 'Directory',
  GNUDumpDir: 'Directory',
  SymbolicLink: 'SymbolicLink',
  Link: 'Link',
};

/**
 * Hands over the entries of a tar stream one after the other; the stream waits for `handle`, whose
 * signal aborts when the rest of the stream cannot come. gzip and zstd are recognised
 * by their first bytes.
 * @throws ImageError when it is not a whole tar archive; else what `handle` or the source throws
 */
export async function forEachTarEntry(
  source: Readable,
  handle: (entry: TarEntry, signal: AbortSignal) => Promise<void>,
  options: { signal: AbortSignal },
): Promise<void> {
  const parser = new Parser({ maxDecompressionRatio: Number.POSITIVE_INFINITY });
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const failures: Error[] = [];
  const fail = (error: unknown): void => {
    failures.push(error instanceof Error ? error : new Error(String(error)));
    failed.abort();
  };
  let tail: Promise<void> = Promise.resolve();
  parser.on('entry', (entry: ReadEntry) => {
    tail = tail
      .then(async () => {
        if (failures.length > 0) return;
        await handle(toTarEntry(entry), signal);
      })
      .catch(fail)
      .finally(() => {
        if (!entry.emittedEnd) entry.resume();
      });
  });
  parser.on('warn', (code: string, message: string | Error) => {
    if (code !== 'TAR_ENTRY_INFO') fail(new ImageError(`The archive is damaged: ${messageOf(message)}`));
  });
  try {
    await pipeline(
      source,
      // Node's pipeline wants one of its own streams at the end; the parser is a stream of another make.
      async (chunks: AsyncIterable<Buffer>) => {
        const ended = new Promise<void>((resolve, reject) => {
          parser.on('end', resolve);
          parser.on('error', reject);
        });
        // Handled below; a rejection while chunks still flow must not crash.
        ended.catch(fail);
        for await (const chunk of chunks) {
          if (failures.length > 0) break;
          if (!parser.write(chunk)) await drained(parser, failed.signal);
        }
        if (failures.length > 0) return;
        parser.end();
        await Promise.race([ended, aborted(failed.signal)]);
      },
      { signal: options.signal },
    );
  } catch (error) {
    fail(error);
  }
  await tail;
  const [first] = failures;
  if (first !== undefined) throw first;
}

async function drained(parser: Parser, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    parser.once('drain', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
}

async function aborted(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function toTarEntry(entry: ReadEntry): TarEntry {
  return {
    path: entry.path,
    type: TYPES[entry.type] ?? 'Other',
    linkTarget: entry.linkpath ?? '',
    sizeBytes: entry.size,
    mode: (entry.mode ?? 0o755) & 0o7777,
    uid: entry.uid ?? 0,
    gid: entry.gid ?? 0,
    modifiedAt: entry.mtime ?? new Date(0),
    body: () => Readable.from(entry, { objectMode: false }),
  };
}

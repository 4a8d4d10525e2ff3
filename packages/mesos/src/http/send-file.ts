/** An open file as an answer: read as fast as the peer takes it, never kept whole. */
import { once } from 'node:events';
import type { FileHandle } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';

const CHUNK_BYTES = 64 * 1024;

export interface SendFileOptions {
  /** Closed in the end, however that comes. */
  readonly file: FileHandle;
  /** How much of the file is sent; what is appended meanwhile is not. */
  readonly sizeBytes: number;
  readonly headers: Readonly<Record<string, string>>;
  /** For how long the peer may read nothing before the connection is cut. */
  readonly stallMs: number;
}

/** Resolves when everything is handed over or the peer is gone. A file that is cut off meanwhile cuts the connection. */
export async function sendFile(response: ServerResponse, options: SendFileOptions): Promise<void> {
  await using file = options.file;
  const { sizeBytes, headers, stallMs } = options;
  if (response.destroyed) return;
  response.writeHead(200, { ...headers, 'Content-Length': sizeBytes });
  response.setTimeout(stallMs, () => response.destroy());
  for (let offset = 0; offset < sizeBytes;) {
    const wanted = Math.min(CHUNK_BYTES, sizeBytes - offset);
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, offset);
    if (response.destroyed) return;
    if (bytesRead === 0) {
      response.destroy();
      return;
    }
    offset += bytesRead;
    if (!response.write(buffer.subarray(0, bytesRead))) await drainedOrClosed(response);
  }
  response.end();
}

async function drainedOrClosed(response: ServerResponse): Promise<void> {
  const settled = new AbortController();
  const { signal } = settled;
  try {
    await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
  } finally {
    settled.abort();
  }
}

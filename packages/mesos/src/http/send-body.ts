/** Answers of known length: compressed for those who ask, and given up on when nobody reads them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const compress = promisify(gzip);

/** Shorter answers are sent as they are. @see 3rdparty/libprocess/src/http_proxy.cpp GZIP_MINIMUM_BODY_LENGTH */
const COMPRESSED_BYTES_MIN = 1024;

export interface SendBodyOptions {
  readonly status: number;
  readonly body: string | Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /** For how long the peer may read nothing before the connection is cut. */
  readonly stallMs: number;
}

/** Resolves when the answer is handed over, which is before the peer has read it. */
export async function sendBody(
  message: IncomingMessage,
  response: ServerResponse,
  options: SendBodyOptions,
): Promise<void> {
  const { status, body, headers, stallMs } = options;
  let bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const encoded: Record<string, string> = {};
  if (status === 200 && bytes.byteLength >= COMPRESSED_BYTES_MIN && acceptsGzip(message)) {
    bytes = await compress(bytes);
    Object.assign(encoded, { 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding' });
  }
  if (response.destroyed) return;
  response.writeHead(status, { ...headers, ...encoded, 'Content-Length': bytes.byteLength });
  response.end(bytes);
  // The time runs only while nothing is read. After the last byte it is the one of an idle connection.
  if (!response.writableFinished) response.setTimeout(stallMs, () => response.destroy());
}

/** @see 3rdparty/libprocess/src/http.cpp Request::acceptsEncoding */
function acceptsGzip({ headers }: IncomingMessage): boolean {
  const accepted = String(headers['accept-encoding'] ?? '').toLowerCase();
  const qualities = new Map(
    accepted.split(',').map((part) => {
      const [name = '', ...parameters] = part.split(';').map((text) => text.trim());
      const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
      return [name, quality === undefined ? 1 : Number(quality)];
    }),
  );
  return (qualities.get('gzip') ?? qualities.get('*') ?? 0) > 0;
}

/** What a peer gets whose bytes are no HTTP request, or none that came in time. */
import { STATUS_CODES } from 'node:http';
import { finished, type Duplex } from 'node:stream';
import { systemCodeOf } from '@drydock/base/errors';

/** By the code of Node's parser; anything else is 400. */
const STATUSES: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

export interface RefuseConnectionOptions {
  /** An earlier answer is on its way: another one would only garble it. */
  readonly isAnswering: boolean;
  /** For how long the peer may go on sending. */
  readonly ms: number;
}

/** Answers and ends the connection; what the peer still sends is dropped, so that it reads the answer and no reset. */
export async function refuseConnection(error: Error, socket: Duplex, options: RefuseConnectionOptions): Promise<void> {
  if (!socket.writable || options.isAnswering || systemCodeOf(error) === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = STATUSES[systemCodeOf(error) ?? ''] ?? 400;
  socket.on('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, options.ms);
  finished(socket, () => resolve());
  socket.resume();
  await done;
  clearTimeout(timer);
  socket.destroy();
}

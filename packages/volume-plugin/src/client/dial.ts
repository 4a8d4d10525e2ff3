/** Connects to a plugin: a unix socket, TCP or TLS. */
import { connect, isIP, type Socket } from 'node:net';
import { messageOf, systemCodeOf } from '@drydock/base/errors';
import type { PluginAddress } from '../discovery/plugin-address.ts';
import type { PluginTls } from '../discovery/plugin-tls.ts';
import { PluginTlsError, PluginUnreachableError } from '../errors.ts';

/**
 * A connected socket; with TLS, after its handshake. `where` begins the messages of errors.
 * @throws PluginUnreachableError, PluginTlsError (a key or certificate that cannot be used), the signal's reason
 */
export async function dial(address: PluginAddress, where: string, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = open(address, () => resolve(socket));
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  // Stays: an idle socket that breaks must not become an uncaught error.
  socket.on('error', (error) => {
    const at = address.kind === 'unix' ? `unix ${address.socketPath}` : `tcp ${address.host}:${address.port}`;
    reject(new PluginUnreachableError(`${where}: dial ${at}: connect: ${reasonOf(error)}`, { cause: error }));
  });
  // A peer that hangs up in the handshake does not always make an error of it.
  socket.once('close', () => reject(new PluginUnreachableError(`${where}: EOF`)));
  try {
    return await promise;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function open(address: PluginAddress, onConnect: () => void): Socket {
  if (address.kind === 'unix') return connect({ path: address.socketPath }, onConnect);
  const { host, port, tls } = address;
  return tls === undefined ? connect({ host, port }, onConnect) : openTls({ host, port, tls }, onConnect);
}

/** `node:tls` is loaded here, and only here: no start-up pays for it that does not use it. */
function openTls(to: { host: string; port: number; tls: PluginTls }, onConnect: () => void): Socket {
  const { host, port, tls } = to;
  const { isVerifying, ca, cert, key } = tls;
  try {
    return process.getBuiltinModule('node:tls').connect(
      {
        host,
        port,
        rejectUnauthorized: isVerifying,
        minVersion: 'TLSv1.2',
        ...(isIP(host) === 0 ? { servername: host } : {}),
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
      },
      onConnect,
    );
  } catch (error) {
    throw new PluginTlsError(`Could not load X509 key pair: ${messageOf(error)}`, { cause: error });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  ECONNRESET: 'connection reset by peer',
  EPIPE: 'broken pipe',
};

/** A system error as Go words it. */
export function reasonOf(error: Error): string {
  return REASONS[systemCodeOf(error) ?? ''] ?? messageOf(error);
}

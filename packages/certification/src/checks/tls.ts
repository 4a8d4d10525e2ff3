/** Who a plugin with TLS talks to. */
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { dial, type PluginAddress } from '@drydock/volume-plugin';
import { driverFault } from '../run/outcome.ts';
import { HttpMessageReader, type HttpMessage } from '../wire/http-message.ts';

type TlsAddress = Extract<PluginAddress, { readonly kind: 'tcp' }>;

const ANSWER_MS_MAX = 10_000;
const REQUEST = 'POST /Plugin.Activate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n';

/** A certificate and its key that no driver's CA has signed; they protect nothing. */
export async function strangersCertificate(): Promise<{ readonly cert: string; readonly key: string }> {
  const fixture = async (name: string): Promise<string> =>
    await readFile(new URL(`../../../../fixtures/tls/${name}`, import.meta.url), 'utf8');
  return { cert: await fixture('other-client.pem'), key: await fixture('other-client.key') };
}

/** How the plugin answers an activation over this address: its status line, or undefined when it does not talk. */
export async function activationOver(address: TlsAddress, signal: AbortSignal): Promise<string | undefined> {
  let socket: Socket;
  const bound = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS_MAX)]);
  try {
    socket = await dial(address, 'certify', bound);
  } catch (error) {
    if (driverFault(error) === undefined) throw error;
    return undefined; // refused in the handshake
  }
  const { promise, resolve } = Promise.withResolvers<HttpMessage | undefined>();
  const reader = new HttpMessageReader({ isReply: true });
  socket.on('data', (bytes: Buffer) => {
    const [message] = reader.push(bytes);
    if (message !== undefined) resolve(message);
  });
  // TLS 1.3 tells a client that it is refused only after its handshake.
  socket.on('close', () => resolve(undefined)).on('error', () => resolve(undefined));
  bound.addEventListener('abort', () => resolve(undefined), { once: true });
  socket.write(REQUEST);
  try {
    const answer = await promise;
    signal.throwIfAborted();
    return answer?.startLine;
  } finally {
    socket.destroy();
  }
}

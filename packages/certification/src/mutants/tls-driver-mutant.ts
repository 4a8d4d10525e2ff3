/** A fake driver behind TLS, announced by a .json spec. */
import { readFile, writeFile } from 'node:fs/promises';
import type { ServerOptions } from 'node:https';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FAKE_NAME, fakeDriver } from './fake-driver-mutant.ts';
import type { MutantPlaces, StartedMutant } from './mutant.ts';
import { startTlsSocket } from './tampered-socket.ts';

const FIXTURES = fileURLToPath(new URL('../../../../fixtures/tls', import.meta.url));

/** @param clients how it asks for certificates of clients */
export function tlsDriver(
  clients: Pick<ServerOptions, 'requestCert' | 'rejectUnauthorized'>,
): (places: MutantPlaces) => Promise<StartedMutant> {
  return async (places) => {
    await using stack = new AsyncDisposableStack();
    const socketPath = join(places.directory, 'plain.sock');
    const { manifest } = stack.use(
      await fakeDriver({ manifest: { capabilities: { tls: true } } })({ ...places, socketPath }),
    );
    const pem = async (name: string): Promise<string> => await readFile(join(FIXTURES, name), 'utf8');
    const tls = { key: await pem('server.key'), cert: await pem('server.pem'), ca: await pem('ca.pem'), ...clients };
    const { port } = stack.use(await startTlsSocket({ behind: socketPath, tls }));
    const spec = {
      Name: FAKE_NAME,
      Addr: `https://127.0.0.1:${port}`,
      TLSConfig: {
        CAFile: join(FIXTURES, 'ca.pem'),
        CertFile: join(FIXTURES, 'client.pem'),
        KeyFile: join(FIXTURES, 'client.key'),
      },
    };
    await writeFile(join(places.discovery.specs[0] ?? places.directory, `${FAKE_NAME}.json`), JSON.stringify(spec));
    const started = stack.move();
    return { manifest, [Symbol.asyncDispose]: async () => await started.disposeAsync() };
  };
}

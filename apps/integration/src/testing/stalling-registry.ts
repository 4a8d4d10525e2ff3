/** A registry whose image begins to come and never ends. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StallingRegistry extends AsyncDisposable {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  /** How many downloads of the layer have begun. */
  readonly startedCount: () => number;
  /** How many of them are under way. */
  readonly openCount: () => number;
}

const LAYER_BYTES = 10 * 1024 * 1024;

export async function startStallingRegistry(): Promise<StallingRegistry> {
  const layer = `sha256:${'a'.repeat(64)}`;
  const configuration = JSON.stringify({ rootfs: { type: 'layers', diff_ids: [`sha256:${'b'.repeat(64)}`] } });
  const configurationDigest = `sha256:${createHash('sha256').update(configuration).digest('hex')}`;
  const type = 'application/vnd.oci.image';
  const manifest = JSON.stringify({
    schemaVersion: 2,
    config: { mediaType: `${type}.config.v1+json`, digest: configurationDigest, size: configuration.length },
    layers: [{ mediaType: `${type}.layer.v1.tar`, digest: layer, size: LAYER_BYTES }],
  });
  let startedCount = 0;
  const open = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    if (request.url?.includes('/manifests/') === true) {
      response.setHeader('Content-Type', `${type}.manifest.v1+json`).end(manifest);
    } else if (request.url?.endsWith(configurationDigest) === true) {
      response.end(configuration);
    } else {
      startedCount += 1;
      open.add(response);
      response.on('close', () => open.delete(response));
      response.setHeader('Content-Length', LAYER_BYTES).write('begin');
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // It listens on TCP.
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    startedCount: () => startedCount,
    openCount: () => open.size,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

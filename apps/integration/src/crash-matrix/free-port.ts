import { createServer } from 'node:net';
import { once } from 'node:events';
import { randomInt } from 'node:crypto';
import { systemCodeOf } from '@drydock/base/errors';

/** Below the ports that the kernel gives away by itself, so that one stays free while nobody listens. */
const [PORT_MIN, PORT_MAX] = [12_000, 32_000];

const given = new Set<number>();

/** A port of the loopback device that nobody uses now, and hardly anybody will; gives none twice. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORT_MIN, PORT_MAX);
    if (given.has(port)) continue;
    const server = createServer();
    try {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      given.add(port);
      return port;
    } catch (error) {
      if (systemCodeOf(error) !== 'EADDRINUSE') throw error;
    } finally {
      server.close();
    }
  }
}

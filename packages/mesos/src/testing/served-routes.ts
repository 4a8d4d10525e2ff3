/** A service with routes of the test, and raw connections to it; all of it ends with the test. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import { startHttpService, type HttpRoute, type HttpServiceOptions, type StartedHttpService } from '../http/service.ts';

const running: StartedHttpService[] = [];
const sockets: Socket[] = [];

/** Call once per test file: ends what its tests started. */
export function endServicesAfterEach(): void {
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const service of running.splice(0)) await service.stop({ graceMs: 0 });
  });
}

export async function serve(
  routes: readonly HttpRoute[],
  options: Partial<HttpServiceOptions> = {},
): Promise<StartedHttpService> {
  const service = await startHttpService({ port: 0, prefix: 'slave(1)', routes, ...options });
  running.push(service);
  return service;
}

export function urlOf(service: StartedHttpService, path: string): string {
  return `http://127.0.0.1:${service.port}${path}`;
}

/** A connection on which `head` was sent. */
export async function open(service: StartedHttpService, head: string): Promise<Socket> {
  const socket = connect(service.port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  if (head !== '') socket.write(head);
  return socket;
}

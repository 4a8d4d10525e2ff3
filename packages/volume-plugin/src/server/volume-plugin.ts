/** A whole volume plugin: handlers in, a socket that speaks the protocol out. */
import { createPluginRouter, type VolumeDriverHandlers } from './plugin-router.ts';
import type { ReplyStyleName } from './reply-style.ts';
import { startUnixHttpServer, type StartedUnixHttpServer, type UnixHttpServerOptions } from './unix-http-server.ts';

export interface VolumePluginOptions extends Omit<UnixHttpServerOptions, 'handle'> {
  readonly handlers: VolumeDriverHandlers;
  /** Default `sdk`: errors have status 500, as plugins written with go-plugins-helpers. */
  readonly style?: ReplyStyleName;
}

/**
 * Serves the plugin until it is stopped. A Docker engine and dvdcli find it when `socketPath` is
 * `/run/docker/plugins/<driver>.sock`.
 * @throws SocketInUseError
 */
export async function startVolumePlugin(options: VolumePluginOptions): Promise<StartedUnixHttpServer> {
  const { handlers, style = 'sdk', ...server } = options;
  const router = createPluginRouter({ handlers, style });
  return await startUnixHttpServer({
    ...server,
    handle: async (request) => (await router.route(request)) ?? router.notFound(request),
  });
}

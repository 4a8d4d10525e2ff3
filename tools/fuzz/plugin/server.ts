/**
 * The plugin that `npm run fuzz -- plugin` feeds: a process of its own, so that a crash is seen as one and its memory can
 * be measured. `node tools/fuzz/plugin/server.ts SOCKET`; ends when its stdin does.
 */
import { startVolumePlugin } from '@drydock/volume-plugin/server';

/** No handler refuses, so status 500 means that something broke. */
const named = ({ Name }: { readonly Name: string }): string => {
  // What a call without a name would do to a driver is what the router is there to prevent.
  if (typeof Name !== 'string' || Name === '') process.exit(3);
  return Name;
};

const socketPath = process.argv[2] ?? '';
const plugin = await startVolumePlugin({
  socketPath,
  bodyBytesMax: 64 * 1024,
  requestMs: 2_000,
  drainMs: 100,
  handlers: {
    create: async (request) => void named(request),
    remove: async (request) => void named(request),
    mount: async (request) => `/mnt/${named(request)}`,
    unmount: async (request) => void named(request),
    path: async (request) => `/mnt/${named(request)}`,
    get: async (request) => ({ Name: named(request) }),
    list: async () => [],
    capabilities: async () => ({ Scope: 'local' }),
  },
});
console.log('ready');
process.stdin.resume().on('end', () => void plugin.stop().then(() => process.exit(0)));

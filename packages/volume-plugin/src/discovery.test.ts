import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { locatePlugin, type DiscoveryDirectories } from './discovery.ts';
import { PluginAddressError, PluginNotFoundError } from './errors.ts';

interface Place extends AsyncDisposable {
  readonly directories: DiscoveryDirectories;
  put(file: string, content: string): Promise<void>;
  /** A file `*.sock` becomes a listening socket. */
  listen(file: string): Promise<string>;
}

async function aPlace(): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), 'discovery-'));
  const servers: (() => Promise<void>)[] = [];
  const pathOf = async (file: string): Promise<string> => {
    await mkdir(dirname(join(root, file)), { recursive: true });
    return join(root, file);
  };
  return {
    directories: { sockets: join(root, 'run'), specs: [join(root, 'etc'), join(root, 'usr')] },
    put: async (file, content) => await writeFile(await pathOf(file), content),
    async listen(file) {
      const path = await pathOf(file);
      const server = createServer();
      const { promise, resolve } = Promise.withResolvers<void>();
      server.listen({ path }, resolve);
      await promise;
      servers.push(async () => {
        const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();
        server.close(() => onClosed());
        await closed;
      });
      return path;
    },
    async [Symbol.asyncDispose]() {
      for (const close of servers) await close();
      await rm(root, { recursive: true });
    },
  };
}

describe('locatePlugin', () => {
  const specs = [
    'etc/d.spec',
    'etc/d/d.spec',
    'etc/d.json',
    'etc/d/d.json',
    'usr/d.spec',
    'usr/d/d.spec',
    'usr/d.json',
    'usr/d/d.json',
  ];

  it.each(specs.map((file, index) => [file, specs.slice(index)]))(
    'takes %s before all that come later',
    async (file, files) => {
      await using place = await aPlace();
      for (const path of files) {
        const address = `unix:///${path}`;
        await place.put(
          path,
          path.endsWith('.json') ? JSON.stringify({ Name: 'other', Addr: address }) : `${address}\n`,
        );
      }
      expect(await locatePlugin('d', place.directories)).toEqual({ kind: 'unix', socketPath: `/${file}` });
    },
  );

  it('takes a socket before specs, the flat one first', async () => {
    await using place = await aPlace();
    await place.put('etc/d.spec', 'unix:///spec');
    const nested = await place.listen('run/d/d.sock');
    expect(await locatePlugin('d', place.directories)).toEqual({ kind: 'unix', socketPath: nested });
    const flat = await place.listen('run/d.sock');
    expect(await locatePlugin('d', place.directories)).toEqual({ kind: 'unix', socketPath: flat });
  });

  it('passes over a file named .sock that is no socket', async () => {
    await using place = await aPlace();
    await place.put('run/d.sock', '');
    await place.put('usr/d.spec', 'unix:///spec');
    expect(await locatePlugin('d', place.directories)).toEqual({ kind: 'unix', socketPath: '/spec' });
  });

  it.each(['unknown', 'a/b', '..', '../usr/d', ''])('does not find %j', async (driver) => {
    await using place = await aPlace();
    await place.put('usr/d.spec', 'unix:///spec');
    await expect(locatePlugin(driver, place.directories)).rejects.toThrow(PluginNotFoundError);
  });

  it.each([
    ['a spec without a scheme', 'etc/d.spec', '/run/d.sock', 'Unknown protocol'],
    ['a .json that is no JSON', 'etc/d.json', 'x', 'to hold a JSON object'],
    ['a .json with TLS', 'etc/d.json', '{"Addr":"tcp://h:1","TLSConfig":{}}', 'TLS to plugins is not supported'],
  ])('refuses %s', async (_title, file, content, message) => {
    await using place = await aPlace();
    await place.put(file, content);
    const located = locatePlugin('d', place.directories);
    await expect(located).rejects.toThrow(PluginAddressError);
    await expect(located).rejects.toThrow(message);
  });
});

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { locatePlugin, type DiscoveryDirectories } from './locate-plugin.ts';
import { PluginAddressError, PluginNotFoundError } from '../errors.ts';

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
    ['a .json that is no JSON', 'etc/d.json', 'x', 'to hold a plugin spec'],
    ['a .json with TLS but no https', 'etc/d.json', '{"Addr":"tcp://h:1","TLSConfig":{}}', 'beside TLSConfig'],
    [
      'an address that is no text',
      'etc/d.json',
      '{"Addr":1}',
      'cannot unmarshal number into Go struct field Plugin.Addr',
    ],
  ])('refuses %s', async (_title, file, content, message) => {
    await using place = await aPlace();
    await place.put(file, content);
    const located = locatePlugin('d', place.directories);
    await expect(located).rejects.toThrow(PluginAddressError);
    await expect(located).rejects.toThrow(message);
  });

  it('reads what TLSConfig names, keys in any case', async () => {
    await using place = await aPlace();
    const { sockets } = place.directories;
    await place.put(
      'etc/d.json',
      JSON.stringify({
        addr: 'https://h:1',
        tlsconfig: { CAFile: join(sockets, 'ca'), certfile: join(sockets, 'cert'), KeyFile: join(sockets, 'key') },
      }),
    );
    for (const name of ['ca', 'cert', 'key']) await place.put(`run/${name}`, `the ${name}`);
    expect(await locatePlugin('d', place.directories)).toMatchObject({
      authority: 'h:1',
      tls: { isVerifying: true, ca: 'the ca', cert: 'the cert', key: 'the key' },
    });
  });

  it.each([
    ['without CAFile', {}],
    ['with InsecureSkipVerify', { CAFile: '/nowhere', InsecureSkipVerify: true }],
  ])('does not verify the plugin %s', async (_title, TLSConfig) => {
    await using place = await aPlace();
    await place.put('etc/d.json', JSON.stringify({ Addr: 'https://h:1', TLSConfig }));
    expect(await locatePlugin('d', place.directories)).toMatchObject({ tls: { isVerifying: false } });
  });

  it.each([
    ['a CA file that is not there', { CAFile: '/nowhere/ca' }, 'Could not read CA certificate "/nowhere/ca": ENOENT'],
    [
      'a certificate without a key',
      { CertFile: '/nowhere/cert' },
      'Expected CertFile and KeyFile together, got only CertFile',
    ],
  ])('refuses %s', async (_title, TLSConfig, message) => {
    await using place = await aPlace();
    await place.put('etc/d.json', JSON.stringify({ Addr: 'https://h:1', TLSConfig }));
    const located = locatePlugin('d', place.directories);
    await expect(located).rejects.toMatchObject({ code: 'BAD_PLUGIN_TLS' });
    await expect(located).rejects.toThrow(message);
  });
});

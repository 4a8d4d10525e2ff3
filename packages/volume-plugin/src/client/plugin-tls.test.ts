import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createTcpServer, type Server } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SkippingClock } from '../fake/index.ts';
import type { PluginClientEvent } from './retry.ts';
import { connectVolumeDriver } from './volume-driver-client.ts';

const fixture = (name: string): string => join(import.meta.dirname, '../../../../fixtures/tls', name);
const signal = AbortSignal.timeout(60_000);

let directory: string;
let server: Server | undefined;
let events: PluginClientEvent[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tls-'));
  events = [];
});

afterEach(async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  server?.close(() => resolve());
  server?.closeAllConnections();
  if (server !== undefined) await promise;
  server = undefined;
  await rm(directory, { recursive: true });
});

/** Whom a plugin with TLS spoke to: the common names of the client certificates, in the order of the calls. */
async function startTlsPlugin(): Promise<{ port: number; clients: string[] }> {
  const clients: string[] = [];
  const options = {
    key: await readFile(fixture('server.key')),
    cert: await readFile(fixture('server.pem')),
    ca: await readFile(fixture('ca.pem')),
    requestCert: true,
    rejectUnauthorized: true,
  };
  const plugin = createServer(options, (request, response) => {
    // Of an HTTPS server, every socket is one.
    const { subject } = (request.socket as TLSSocket).getPeerCertificate();
    clients.push(`${request.url} ${String(subject.CN)}`);
    response.end(request.url === '/Plugin.Activate' ? '{"Implements":["VolumeDriver"]}' : '{"Mountpoint":"/m"}');
  });
  server = plugin;
  return { port: await listen(plugin), clients };
}

async function listen(plugin: Server): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  plugin.listen({ port: 0, host: '127.0.0.1' }, resolve);
  await promise;
  return (plugin.address() as AddressInfo).port; // it listens on TCP
}

async function mountThrough(spec: string, text: string): Promise<string> {
  await writeFile(join(directory, spec), text);
  using driver = await connectVolumeDriver('d', {
    signal,
    clock: new SkippingClock(),
    directories: { sockets: join(directory, 'none'), specs: [directory] },
    onEvent: (event) => events.push(event),
  });
  return await driver.mount('v', { signal });
}

const mutual = {
  CAFile: fixture('ca.pem'),
  CertFile: fixture('client.pem'),
  KeyFile: fixture('client.key'),
};

describe('a plugin with TLS that asks for client certificates', () => {
  it('is talked to with the certificate that its .json spec names', async () => {
    const { port, clients } = await startTlsPlugin();
    const spec = JSON.stringify({ Name: 'd', Addr: `https://127.0.0.1:${port}`, TLSConfig: mutual });
    expect(await mountThrough('d.json', spec)).toBe('/m');
    expect(clients).toEqual(['/Plugin.Activate client', '/VolumeDriver.Mount client']);
  });

  it('is verified by name, too', async () => {
    const { port } = await startTlsPlugin();
    const spec = JSON.stringify({ Addr: `https://localhost:${port}`, TLSConfig: mutual });
    expect(await mountThrough('d.json', spec)).toBe('/m');
  });

  it.each([
    ['its CA is another', { ...mutual, CAFile: fixture('other-ca.pem') }, /unable to verify|self-signed|certificate/],
    [
      'the client certificate is of a CA that it does not know',
      { ...mutual, CertFile: fixture('other-client.pem'), KeyFile: fixture('other-client.key') },
      /alert|certificate|ECONNRESET|reset|EOF/,
    ],
    ['there is no client certificate', { CAFile: mutual.CAFile }, /alert|certificate|reset|EOF/],
  ])('is not talked to when %s', async (_title, TLSConfig, message) => {
    const { port, clients } = await startTlsPlugin();
    const spec = JSON.stringify({ Addr: `https://127.0.0.1:${port}`, TLSConfig });
    const mounting = mountThrough('d.json', spec);
    await expect(mounting).rejects.toMatchObject({ code: expect.stringMatching(/UNREACHABLE|LOST/) as string });
    await expect(mounting).rejects.toThrow(message);
    expect(clients).toEqual([]);
    expect(events).toHaveLength(4);
  });

  it('is refused at once when the key does not fit the certificate', async () => {
    const { port } = await startTlsPlugin();
    const TLSConfig = { ...mutual, KeyFile: fixture('other-client.key') };
    const mounting = mountThrough('d.json', JSON.stringify({ Addr: `https://127.0.0.1:${port}`, TLSConfig }));
    await expect(mounting).rejects.toMatchObject({ code: 'BAD_PLUGIN_TLS' });
    expect(events).toEqual([]);
  });
});

describe('a plugin over TCP', () => {
  it('gets Host and the offer of gzip, and may take it', async () => {
    const heads: string[] = [];
    server = createTcpServer((request, response) => {
      heads.push(request.rawHeaders.map((text, index) => `${text}${index % 2 === 0 ? '=' : ';'}`).join(''));
      const body = request.url === '/Plugin.Activate' ? '{"Implements":["VolumeDriver"]}' : '{"Mountpoint":"/m"}';
      response.setHeader('Content-Encoding', 'gzip').end(gzipSync(body));
    });
    const port = await listen(server);
    expect(await mountThrough('d.spec', `tcp://127.0.0.1:${port}\n`)).toBe('/m');
    const common = `Host=127.0.0.1:${port};User-Agent=Go-http-client/1.1;`;
    const accept = 'Accept=application/vnd.docker.plugins.v1.2+json;Accept-Encoding=gzip;';
    expect(heads).toEqual([`${common}Content-Length=0;${accept}`, `${common}Content-Length=13;${accept}`]);
  });

  it.each([
    ['is no gzip', Buffer.from('{"Mountpoint":"/m"}'), 'PLUGIN_CONNECTION_LOST'],
    ['unfolds to more than 4 MiB', gzipSync(Buffer.alloc(5 * 1024 * 1024)), 'BAD_PLUGIN_REPLY'],
  ])('is refused when what it calls gzip %s', async (_title, body, code) => {
    server = createTcpServer((request, response) => {
      if (request.url === '/Plugin.Activate') response.end('{"Implements":["VolumeDriver"]}');
      else response.setHeader('Content-Encoding', 'gzip').end(body);
    });
    const port = await listen(server);
    await expect(mountThrough('d.spec', `http://127.0.0.1:${port}`)).rejects.toMatchObject({ code });
  });
});

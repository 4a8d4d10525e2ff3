/** What Docker's engine and dvdcli take and refuse of an answer, as measured at the real ones. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClientName } from '../client-name.ts';
import { connectVolumeDriver } from '../client/volume-driver-client.ts';
import { SkippingClock, startScriptedPlugin, type ScriptedAnswer } from '../fake/index.ts';
import type { PluginVolume } from '../wire.ts';

const signal = AbortSignal.timeout(60_000);
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'decoding-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function getThrough(client: ClientName, answer: ScriptedAnswer): Promise<PluginVolume | undefined> {
  await using _plugin = await startScriptedPlugin({
    socketPath: join(directory, 'd.sock'),
    answers: { 'VolumeDriver.Get': answer },
  });
  const directories = { sockets: directory, specs: [] };
  using driver = await connectVolumeDriver('d', { signal, client, directories, clock: new SkippingClock() });
  return await driver.get('v', { signal });
}

const clients = ['dvdcli-0.1', 'dvdcli-0.2', 'engine'] as const;
const whole = '{"Volume":{"Name":"v"}}';
const head = (more: string): string => `HTTP/1.1 200 OK\r\n${more}\r\n`;

describe.each(clients)('an answer to Get as %s reads it', (client) => {
  it.each<[string, ScriptedAnswer]>([
    ['keys in lower case', { body: '{"volume":{"name":"v"},"err":""}' }],
    ['unknown keys', { body: '{"Volume":{"Name":"v","X":[1,{}]},"Y":null}' }],
    ['garbage after the first value', { body: `${whole}garbage}` }],
    ['a second value', { body: `${whole}{"Err":"no"}` }],
    ['Err null', { body: '{"Volume":{"Name":"v"},"Err":null}' }],
    ['nested Status', { body: '{"Volume":{"Name":"v","Status":{"a":{"b":[1]}}}}' }],
    ['a time with a zone', { body: '{"Volume":{"Name":"v","CreatedAt":"2026-11-23T09:00:00.5+01:00"}}' }],
    ['a key twice, filled twice', { body: '{"Volume":{"Name":"w"},"volume":{"name":"v"}}' }],
    ['a key twice, null the second time', { body: '{"Volume":{"Name":"v","NAME":null}}' }],
    ['no Content-Type', { raw: `${head(`Content-Length: ${whole.length}\r\n`)}${whole}` }],
    [
      'a wrong Content-Type',
      { raw: `${head(`Content-Type: text/html\r\nContent-Length: ${whole.length}\r\n`)}${whole}` },
    ],
    ['no length', { raw: `${head('')}${whole}`, isLast: true }],
    [
      'a length that the connection does not live up to',
      { raw: `${head('Content-Length: 99\r\n')}${whole}`, isLast: true },
    ],
    ['a length that nobody lives up to', { raw: `${head('Content-Length: 99\r\n')}${whole}` }],
    ['chunks without their end', { raw: `${head('Transfer-Encoding: chunked\r\n')}17\r\n${whole}\r\n`, isLast: true }],
    ['byte after byte', { raw: `${head(`Content-Length: ${whole.length}\r\n`)}${whole}`, pieceBytes: 1 }],
    ['chunks of one byte', { raw: `${head('Transfer-Encoding: chunked\r\n')}${chunked(whole)}`, pieceBytes: 7 }],
  ])('may have %s', async (_title, answer) => {
    expect(await getThrough(client, answer)).toMatchObject({ Name: 'v' });
  });

  it.each<[string, string, string]>([
    ['another name', '{"Volume":{"Name":"other"}}', 'other'],
    ['an empty name', '{"Volume":{"Name":""}}', ''],
    ['no name', '{"Volume":{}}', ''],
  ])('may have %s', async (_title, body, name) => {
    expect(await getThrough(client, { body })).toEqual({ Name: name });
  });

  it.each<[string, ScriptedAnswer, string]>([
    ['a number for Mountpoint', { body: '{"Volume":{"Name":"v","Mountpoint":1}}' }, 'BAD_PLUGIN_REPLY'],
    ['a wrong type beside Err', { body: '{"Volume":{"Name":1},"Err":"no"}' }, 'BAD_PLUGIN_REPLY'],
    ['a list for the volume', { body: '{"Volume":[]}' }, 'BAD_PLUGIN_REPLY'],
    ['an empty body', { body: '' }, 'BAD_PLUGIN_REPLY'],
    ['HTML', { body: '<html></html>' }, 'BAD_PLUGIN_REPLY'],
    ['a byte order mark', { body: `\uFEFF${whole}` }, 'BAD_PLUGIN_REPLY'],
    ['half an object', { body: '{"Volume":{"Name":"v"' }, 'BAD_PLUGIN_REPLY'],
    ['a list', { body: '[]' }, 'BAD_PLUGIN_REPLY'],
    ['status 201', { status: 201, body: whole }, 'PLUGIN_STATUS'],
    ['status 204', { raw: 'HTTP/1.1 204 No Content\r\n\r\n' }, 'PLUGIN_STATUS'],
    ['status 101', { raw: 'HTTP/1.1 101 Switching Protocols\r\n\r\n' }, 'PLUGIN_STATUS'],
    ['interim replies without end', { raw: 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(9) }, 'PLUGIN_CONNECTION_LOST'],
    ['no HTTP', { raw: 'SSH-2.0-x\r\n' }, 'PLUGIN_CONNECTION_LOST'],
    ['more than 4 MiB', { body: ' '.repeat(4 * 1024 * 1024 + 1) }, 'BAD_PLUGIN_REPLY'],
  ])('is an error when it has %s', async (_title, answer, code) => {
    await expect(getThrough(client, answer)).rejects.toMatchObject({ code });
  });

  it.each(['{}', 'null', '{"Volume":null}'])('is no volume when it is %s', async (body) => {
    expect(await getThrough(client, { body })).toBeUndefined();
  });
});

describe('an answer to List', () => {
  it.each(clients)('with null among its volumes is an error for %s', async (client) => {
    await using _plugin = await startScriptedPlugin({
      socketPath: join(directory, 'd.sock'),
      answers: { 'VolumeDriver.List': { body: '{"Volumes":[{"Name":"v"},null]}' } },
    });
    const directories = { sockets: directory, specs: [] };
    using driver = await connectVolumeDriver('d', { signal, client, directories });
    await expect(driver.list({ signal })).rejects.toMatchObject({
      code: 'BAD_PLUGIN_REPLY',
      message: 'expected volumes in Volumes, got null',
    });
  });
});

describe('the scope in an answer to Capabilities', () => {
  it.each([
    ['{"Capabilities":{"Scope":"global"}}', 'global'],
    ['{"capabilities":{"scope":"GLOBAL"}}', 'global'],
    ['{"Capabilities":{"Scope":"local"}}', 'local'],
    ['{"Capabilities":{"Scope":"galactic"}}', 'local'],
    ['{"Capabilities":{}}', 'local'],
    ['{}', 'local'],
  ])('of %s is %s', async (body, Scope) => {
    await using _plugin = await startScriptedPlugin({
      socketPath: join(directory, 'd.sock'),
      answers: { 'VolumeDriver.Capabilities': { body } },
    });
    const directories = { sockets: directory, specs: [] };
    using driver = await connectVolumeDriver('d', { signal, client: 'engine', directories });
    expect(await driver.capabilities({ signal })).toEqual({ Scope });
  });
});

describe('CreatedAt and Status', () => {
  it.each([
    ['an empty CreatedAt', '{"Volume":{"Name":"v","CreatedAt":""}}'],
    ['a CreatedAt that is not RFC 3339', '{"Volume":{"Name":"v","CreatedAt":"Mon Nov 23 00:49:15 2026"}}'],
    ['a number as CreatedAt', '{"Volume":{"Name":"v","CreatedAt":1}}'],
    ['a list as Status', '{"Volume":{"Name":"v","Status":[]}}'],
  ])("are not looked at by dvdcli: it takes %s, which Docker's engine refuses", async (_title, body) => {
    expect(await getThrough('dvdcli-0.1', { body })).toEqual({ Name: 'v' });
    expect(await getThrough('dvdcli-0.2', { body })).toEqual({ Name: 'v' });
    await expect(getThrough('engine', { body })).rejects.toMatchObject({ code: 'BAD_PLUGIN_REPLY' });
  });
});

function chunked(text: string): string {
  return `${text.replaceAll(/./g, '1\r\n$&\r\n')}0\r\n\r\n`;
}

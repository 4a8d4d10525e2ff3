import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@drydock/base/ports';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callSequences } from '../sequences/index.ts';
import { SkippingClock, startScriptedPlugin, type ScriptedPlugin, type ScriptedPluginOptions } from '../fake/index.ts';
import type { PluginClientEvent } from './retry.ts';
import type { CallOptions } from './plugin-client.ts';
import { connectVolumeDriver, type ConnectOptions, type VolumeDriverClient } from './volume-driver-client.ts';

let directory: string;
let plugin: ScriptedPlugin | undefined;
let client: VolumeDriverClient | undefined;
let events: PluginClientEvent[];
let clock: SkippingClock;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'plugin-'));
  events = [];
  clock = new SkippingClock();
});

afterEach(async () => {
  client?.[Symbol.dispose]();
  await plugin?.[Symbol.asyncDispose]();
  client = plugin = undefined;
  await rm(directory, { recursive: true });
});

const signal = AbortSignal.timeout(60_000);

async function connect(answers: ScriptedPluginOptions['answers'] = {}): Promise<VolumeDriverClient> {
  plugin = await startScriptedPlugin({ socketPath: join(directory, 'd.sock'), answers });
  client = await connectTo('d');
  return client;
}

async function connectTo(driver: string, options: Partial<ConnectOptions> = {}): Promise<VolumeDriverClient> {
  return await connectVolumeDriver(driver, {
    signal,
    clock,
    directories: { sockets: directory, specs: [] },
    onEvent: (event) => events.push(event),
    ...options,
  });
}

/** As recorded from dvdcli 0.2.x. */
function golden(method: string, body: string): string {
  return [
    `POST /${method} HTTP/1.1`,
    'Host: ',
    'User-Agent: Go-http-client/1.1',
    `Content-Length: ${body.length}`,
    'Accept: application/vnd.docker.plugins.v1.2+json',
    '',
    body,
  ].join('\r\n');
}

describe('the requests of dvdcli 0.2', () => {
  const calls = callSequences['dvdcli-0.2'];

  it('are byte for byte those of the real one, over one connection', async () => {
    const driver = await connect({ 'VolumeDriver.Mount': { body: '{"Mountpoint":"/m"}' } });
    expect(await calls.mount(driver, 'v', { size: '1G', a: '<b>' }, { signal })).toBe('/m');
    expect(plugin?.requests).toEqual([
      golden('Plugin.Activate', ''),
      golden('VolumeDriver.Get', '{"Name":"v"}\n'),
      golden('VolumeDriver.Create', '{"Name":"v","Opts":{"a":"\\u003cb\\u003e","size":"1G"}}\n'),
      golden('VolumeDriver.Mount', '{"Name":"v"}\n'),
    ]);
    expect(plugin?.connectionCount()).toBe(1);
  });

  const known = { body: '{"Volume":{"Name":"v"}}' };
  const mounted = { body: '{"Volume":{"Name":"v","Mountpoint":"/m"}}' };
  const create = 'Create {"Name":"v","Opts":{}}';
  const get = 'Get {"Name":"v"}';
  const mount = 'Mount {"Name":"v"}';

  it.each([
    ['knows the volume', known, [get, mount]],
    ['refuses Get', { body: '{"Err":"no"}' }, [get, create, mount]],
    ['fails Get', { status: 500, body: '{"Err":"no"}' }, [get, create, mount]],
    ['has no Get', { status: 404, body: 'Handler not found\n' }, [get, create, mount]],
    ['answers Get with junk', { body: '<html>' }, [get, create, mount]],
    ['answers Get with nothing', { body: '{}' }, [get, create, mount]],
    ['answers Get with another name', { body: '{"Volume":{"Name":"w"}}' }, [get, 'Mount {"Name":"w"}']],
    ['answers Get with a volume without a name', { body: '{"volume":{}}' }, [get, 'Mount {"Name":""}']],
  ])('to mount, when the driver %s', async (_title, answer, expected) => {
    const driver = await connect({ 'VolumeDriver.Get': answer });
    await calls.mount(driver, 'v', {}, { signal });
    expect(plugin?.calls()).toEqual(expected);
  });

  it('to mount a volume that has to exist never create it', async () => {
    const driver = await connect({ 'VolumeDriver.Get': { body: '{"Err":"no such thing"}' } });
    const options = { signal, explicitCreate: true };
    await expect(calls.mount(driver, 'v', {}, options)).rejects.toThrow('no such thing');
    expect(plugin?.calls()).toEqual([get]);
  });

  it('to unmount are Get and Unmount', async () => {
    const driver = await connect({ 'VolumeDriver.Get': known });
    await calls.unmount(driver, 'v', { signal });
    expect(plugin?.calls()).toEqual([get, 'Unmount {"Name":"v"}']);
  });

  it('to unmount end with a Get that fails', async () => {
    const driver = await connect();
    await expect(calls.unmount(driver, 'v', { signal })).rejects.toThrow('no such volume');
    expect(plugin?.calls()).toEqual([get]);
  });

  it.each([
    ['unmounted', known, [get, 'Path {"Name":"v"}'], '/p'],
    ['mounted', mounted, [get], '/m'],
  ])('for the path of a volume that is %s', async (_title, answer, expected, path) => {
    const driver = await connect({ 'VolumeDriver.Get': answer, 'VolumeDriver.Path': { body: '{"Mountpoint":"/p"}' } });
    expect(await calls.path(driver, 'v', { signal })).toBe(path);
    expect(plugin?.calls()).toEqual(expected);
  });

  it('stay one when the signal aborts during Get', async () => {
    const driver = await connect({ 'VolumeDriver.Get': 'hang' });
    const abort = new AbortController();
    const mounting = calls.mount(driver, 'v', {}, { signal: abort.signal });
    await expect.poll(() => plugin?.calls()).toEqual([get]);
    abort.abort(new Error('enough'));
    await expect(mounting).rejects.toThrow('enough');
    expect(plugin?.calls()).toEqual([get]);
  });
});

describe('the answer to Mount', () => {
  it.each([
    ['keys in another case', '{"mountPOINT":"/m","err":""}', '/m'],
    ['unknown keys and a null Err', '{"Mountpoint":"/m","Err":null,"X":[1]}', '/m'],
    ['garbage after the object', '{"Mountpoint":"/m"}garbage', '/m'],
    ['no mountpoint', '{}', ''],
    ['null', 'null', ''],
  ])('may have %s', async (_title, body, mountpoint) => {
    const driver = await connect({ 'VolumeDriver.Mount': { body } });
    expect(await driver.mount('v', { signal })).toBe(mountpoint);
  });

  it.each([
    ['Err besides a mountpoint', { body: '{"Mountpoint":"/m","Err":"no"}' }, 'DRIVER_ERROR', 'no'],
    ['status 500 with Err', { status: 500, body: '{"Err":"no"}' }, 'PLUGIN_STATUS', 'VolumeDriver.Mount: no'],
    ['status 500 with text', { status: 500, body: 'no\n' }, 'PLUGIN_STATUS', 'VolumeDriver.Mount: no\n'],
    [
      'status 201',
      { status: 201, body: '{"Mountpoint":"/m"}' },
      'PLUGIN_STATUS',
      'VolumeDriver.Mount: {"Mountpoint":"/m"}',
    ],
    ['no body', { body: '' }, 'BAD_PLUGIN_REPLY', 'EOF'],
    ['half an object', { body: '{"Mount' }, 'BAD_PLUGIN_REPLY', 'unexpected EOF'],
    [
      'a number',
      { body: '{"Mountpoint":1}' },
      'BAD_PLUGIN_REPLY',
      'json: cannot unmarshal number into Go struct field volumeDriverProxyMountResponse.Mountpoint of type string',
    ],
    ['a list', { body: '[]' }, 'BAD_PLUGIN_REPLY', 'cannot unmarshal array'],
  ])('is an error when it is %s', async (_title, answer, code, message) => {
    const driver = await connect({ 'VolumeDriver.Mount': answer });
    const mounting = driver.mount('v', { signal });
    await expect(mounting).rejects.toMatchObject({ code });
    await expect(mounting).rejects.toThrow(message);
  });
});

describe('connectVolumeDriver', () => {
  it('looks again on the schedule, then says that the plugin is not found', async () => {
    await expect(connectTo('x')).rejects.toMatchObject({ code: 'PLUGIN_NOT_FOUND', message: 'plugin not found' });
    expect(events).toEqual(
      [1_000, 2_000, 4_000, 8_000].map((delayMs) => ({ kind: 'locate-retry', driver: 'x', delayMs })),
    );
    expect(clock.sleptMs).toEqual([1_000, 2_000, 4_000, 8_000]);
  });

  it('refuses a plugin that is no volume driver', async () => {
    const connecting = connect({ 'Plugin.Activate': { body: '{"Implements":["NetworkDriver"]}' } });
    await expect(connecting).rejects.toMatchObject({ code: 'NOT_VOLUME_DRIVER' });
  });

  it('ends a look-up whose signal aborts', async () => {
    const abort = new AbortController();
    const connecting = connectTo('x', { signal: abort.signal, clock: systemClock });
    await expect.poll(() => events).toHaveLength(1);
    abort.abort(new Error('enough'));
    await expect(connecting).rejects.toThrow('enough');
  });
});

describe.each([
  ['Plugin.Activate', async (driver, options) => await driver.activate(options)],
  ['VolumeDriver.Create', async (driver, options) => await driver.create('v', {}, options)],
  ['VolumeDriver.Remove', async (driver, options) => await driver.remove('v', options)],
  ['VolumeDriver.Mount', async (driver, options) => await driver.mount('v', options)],
  ['VolumeDriver.Unmount', async (driver, options) => await driver.unmount('v', options)],
  ['VolumeDriver.Path', async (driver, options) => await driver.path('v', options)],
  ['VolumeDriver.Get', async (driver, options) => await driver.get('v', options)],
  ['VolumeDriver.List', async (driver, options) => await driver.list(options)],
  ['VolumeDriver.Capabilities', async (driver, options) => await driver.capabilities(options)],
] as const satisfies readonly (readonly [
  string,
  (driver: VolumeDriverClient, options: CallOptions) => Promise<unknown>,
])[])('%s that is never answered', (method, call) => {
  /** Connects to a driver that is silent from then on. */
  const connectToSilent = async (options: Partial<ConnectOptions> = {}): Promise<VolumeDriverClient> => {
    const answer =
      method === 'Plugin.Activate' ? [{ body: '{"Implements":["VolumeDriver"]}' }, 'hang' as const] : 'hang';
    plugin = await startScriptedPlugin({ socketPath: join(directory, 'd.sock'), answers: { [method]: answer } });
    client = await connectTo('d', options);
    return client;
  };

  it('ends at its limit, also if the caller sets none', async () => {
    const driver = await connectToSilent({ callTimeoutMs: 50 });
    await expect(call(driver, { signal: new AbortController().signal })).rejects.toMatchObject({
      code: 'PLUGIN_TIMEOUT',
      message: `${method}: no answer within 0.05 s`,
    });
    await expect.poll(() => plugin?.openCount()).toBe(0);
  });

  it('ends when its signal aborts, and with it the connection', async () => {
    const driver = await connectToSilent();
    const abort = new AbortController();
    const calling = call(driver, { signal: abort.signal });
    await expect.poll(() => plugin?.requests).toHaveLength(2);
    abort.abort(new Error('enough'));
    await expect(calling).rejects.toThrow('enough');
    await expect.poll(() => plugin?.openCount()).toBe(0);
    expect(plugin?.requests).toHaveLength(2);
  });
});

describe('a connection that is lost', () => {
  it.each(['dvdcli-0.1', 'dvdcli-0.2', 'engine'] as const)(
    'is not made up for by sending a request twice, as %s',
    async (name) => {
      plugin = await startScriptedPlugin({
        socketPath: join(directory, 'd.sock'),
        answers: { 'VolumeDriver.Mount': 'drop' },
      });
      client = await connectTo('d', { client: name });
      await expect(client.mount('v', { signal })).rejects.toMatchObject({ code: 'PLUGIN_CONNECTION_LOST' });
      expect(plugin.calls()).toEqual(['Mount {"Name":"v"}']);
      expect(events).toHaveLength(4);
    },
  );

  it('lets the next call connect again', async () => {
    const driver = await connect({ 'VolumeDriver.Get': 'drop', 'VolumeDriver.Mount': { body: '{"Mountpoint":"/m"}' } });
    expect(await callSequences['dvdcli-0.2'].mount(driver, 'v', {}, { signal })).toBe('/m');
    expect(plugin?.connectionCount()).toBe(2);
  });

  it('is found out by Activate, which is sent again', async () => {
    await connect({ 'Plugin.Activate': ['drop', { body: '{"Implements":["VolumeDriver"]}' }] });
    expect(plugin?.requests).toHaveLength(2);
  });

  it('is told as refused when nobody listens any more', async () => {
    const driver = await connect();
    await plugin?.[Symbol.asyncDispose]();
    plugin = undefined;
    await expect(driver.mount('v', { signal })).rejects.toMatchObject({ code: 'PLUGIN_UNREACHABLE' });
  });
});

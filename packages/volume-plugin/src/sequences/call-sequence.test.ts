import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClientName } from '../client-name.ts';
import { connectVolumeDriver } from '../client/volume-driver-client.ts';
import { SkippingClock, startScriptedPlugin, type ScriptedPlugin, type ScriptedPluginOptions } from '../fake/index.ts';
import type { CallSequence } from './call-sequence.ts';
import { callSequences } from './index.ts';

const signal = AbortSignal.timeout(60_000);
const known = { 'VolumeDriver.Get': { body: '{"Volume":{"Name":"v"}}' } };
const mounted = { 'VolumeDriver.Get': { body: '{"Volume":{"Name":"v","Mountpoint":"/g"}}' } };
const scope = { 'VolumeDriver.Capabilities': { body: '{"Capabilities":{"Scope":"local"}}' } };
const mountId = 'f'.repeat(64);

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sequence-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

type Driver = Parameters<CallSequence['get']>[0];

/** What the plugin was asked, in one line each. */
async function callsOf(
  client: ClientName,
  answers: ScriptedPluginOptions['answers'],
  command: (calls: CallSequence, driver: Driver) => Promise<unknown>,
): Promise<readonly string[]> {
  await using plugin: ScriptedPlugin = await startScriptedPlugin({
    socketPath: join(directory, 'd.sock'),
    answers: { 'VolumeDriver.Mount': { body: '{"Mountpoint":"/m"}' }, ...answers },
  });
  const directories = { sockets: directory, specs: [] };
  using driver = await connectVolumeDriver('d', { signal, client, directories, clock: new SkippingClock() });
  await command(callSequences[client], driver);
  return plugin.calls();
}

const options = { size: '1G' };
const commands = {
  mount: async (calls, driver) => await calls.mount(driver, 'v', options, { signal, mountId }),
  'mount without options': async (calls, driver) => await calls.mount(driver, 'v', {}, { signal, mountId }),
  unmount: async (calls, driver) => await calls.unmount(driver, 'v', { signal, mountId }),
  create: async (calls, driver) => await calls.create(driver, 'v', options, { signal }),
  remove: async (calls, driver) => await calls.remove(driver, 'v', { signal }),
  path: async (calls, driver) => await calls.path(driver, 'v', { signal }),
  get: async (calls, driver) => await calls.get(driver, 'v', { signal }),
  list: async (calls, driver) => await calls.list(driver, { signal }),
} satisfies Record<string, (calls: CallSequence, driver: Driver) => Promise<unknown>>;

const v = '{"Name":"v"}';
const create = 'Create {"Name":"v","Opts":{"size":"1G"}}';
const withId = `{"Name":"v","ID":"${mountId}"}`;

describe('the calls of dvdcli 0.1.0', () => {
  it.each([
    ['mount', [create, `Mount ${v}`]],
    ['mount without options', ['Create {"Name":"v","Opts":{}}', `Mount ${v}`]],
    ['unmount', ['Create {"Name":"v","Opts":null}', `Unmount ${v}`]],
    ['create', [create]],
    ['remove', [`Remove ${v}`]],
    ['path', ['Create {"Name":"v","Opts":null}', `Path ${v}`]],
  ] as const)('to %s', async (command, expected) => {
    expect(await callsOf('dvdcli-0.1', {}, commands[command])).toEqual(expected);
  });
});

describe('the calls of dvdcli 0.2', () => {
  it.each([
    ['mount', known, [`Get ${v}`, `Mount ${v}`]],
    ['mount', {}, [`Get ${v}`, create, `Mount ${v}`]],
    ['unmount', known, [`Get ${v}`, `Unmount ${v}`]],
    ['create', known, [create]],
    ['remove', known, [`Get ${v}`, `Remove ${v}`]],
    ['path', known, [`Get ${v}`, `Path ${v}`]],
    ['path', mounted, [`Get ${v}`]],
    ['get', known, [`Get ${v}`]],
    ['list', {}, ['List {}']],
  ] as const)('to %s', async (command, answers, expected) => {
    expect(await callsOf('dvdcli-0.2', answers, commands[command])).toEqual(expected);
  });
});

describe("the calls of Docker's engine", () => {
  const unknownOnce = [{ body: '{"Err":"none"}' }, { body: '{"Volume":{"Name":"v"}}' }];
  it.each([
    ['mount', { ...scope, ...known }, ['Capabilities {}', `Get ${v}`, `Get ${v}`, `Mount ${withId}`]],
    [
      'mount',
      { ...scope, 'VolumeDriver.Get': unknownOnce },
      ['Capabilities {}', `Get ${v}`, create, `Get ${v}`, `Mount ${withId}`],
    ],
    [
      'mount without options',
      { ...scope, 'VolumeDriver.Get': unknownOnce },
      ['Capabilities {}', `Get ${v}`, 'Create {"Name":"v","Opts":null}', `Get ${v}`, `Mount ${withId}`],
    ],
    ['unmount', known, [`Get ${v}`, `Unmount ${withId}`]],
    ['create', { ...scope, ...known }, ['Capabilities {}', `Get ${v}`]],
    ['create', scope, ['Capabilities {}', `Get ${v}`, create]],
    ['remove', known, [`Get ${v}`, `Get ${v}`, `Remove ${v}`]],
    ['path', mounted, [`Get ${v}`]],
    ['get', known, [`Get ${v}`]],
    ['list', scope, ['List {}', 'Capabilities {}']],
  ] as const)('to %s', async (command, answers, expected) => {
    expect(await callsOf('engine', answers, commands[command])).toEqual(expected);
  });

  it('ask a driver that told its scope once, one without Capabilities before every operation', async () => {
    const twice = async (calls: CallSequence, driver: Driver): Promise<void> => {
      await calls.create(driver, 'v', {}, { signal });
      await calls.create(driver, 'v', {}, { signal });
    };
    const asked = async (answers: ScriptedPluginOptions['answers']): Promise<number> =>
      (await callsOf('engine', { ...known, ...answers }, twice)).filter((call) => call.startsWith('Cap')).length;
    expect(await asked(scope)).toBe(1);
    expect(await asked({ 'VolumeDriver.Capabilities': { status: 404, body: '404 page not found\n' } })).toBe(2);
  });
});

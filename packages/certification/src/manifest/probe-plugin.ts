/** What a plugin tells of itself without anything being made: the start of its manifest. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dial } from '@drydock/volume-plugin';
import { addressText, locateDriver } from '../driver/driver-location.ts';
import { HarnessError } from '../run/outcome.ts';
import { messageOf } from '@drydock/base/errors';
import { BarePlugin, isObject, type BareAnswer } from '../wire/bare-plugin.ts';
import { startRelay } from '../wire/relay.ts';

export interface PluginFacts {
  readonly name: string;
  /** As given, else the driver is looked up. */
  readonly socket?: string;
  readonly address: string;
  readonly isVolumeDriver: boolean;
  readonly scope: 'local' | 'global';
  /** Whether Capabilities told the scope; else it is the default of Docker. */
  readonly tellsScope: boolean;
  readonly hasGet: boolean;
  readonly hasList: boolean;
}

const CALL_MS_MAX = 10_000;

/** Asks Activate, Capabilities, List, and Get of a name that is not there. @throws HarnessError when nobody answers */
export async function probePlugin(options: { readonly name: string; readonly socket?: string }): Promise<PluginFacts> {
  const { address } = await locateDriver(
    { name: options.name, socket: options.socket, discovery: undefined },
    (path) => path,
  );
  const directory = await mkdtemp(join(tmpdir(), 'drydock-certify-'));
  try {
    await using relay = await startRelay({
      socketPath: join(directory, 'driver.sock'),
      dial: async () => await dial(address, 'certify', AbortSignal.timeout(CALL_MS_MAX)),
      onExchange: () => undefined,
    });
    const plugin = new BarePlugin({
      socketPath: relay.socketPath,
      timeoutMs: () => CALL_MS_MAX,
      signal: AbortSignal.timeout(6 * CALL_MS_MAX),
      onCall: async () => undefined,
    });
    const activated = await plugin.call('Plugin.Activate');
    const implemented = activated.json?.['Implements'];
    const capabilities = await plugin.call('VolumeDriver.Capabilities', {});
    const told = isObject(capabilities.json?.['Capabilities']) ? capabilities.json['Capabilities']['Scope'] : undefined;
    return {
      ...options,
      address: addressText(address),
      isVolumeDriver: Array.isArray(implemented) && implemented.includes('VolumeDriver'),
      scope: typeof told === 'string' && told.toLowerCase() === 'global' ? 'global' : 'local',
      tellsScope: typeof told === 'string',
      hasGet: isThere(await plugin.call('VolumeDriver.Get', { Name: 'cert-no-such-volume' })),
      hasList: isThere(await plugin.call('VolumeDriver.List', {})),
    };
  } catch (error) {
    if (error instanceof HarnessError) throw error;
    throw new HarnessError(
      `The plugin ${options.name} at ${addressText(address)} was not understood: ${messageOf(error)}`,
      'see that it runs, and that it answers POST /Plugin.Activate',
      { cause: error },
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function isThere(answer: BareAnswer): boolean {
  return answer.status !== 404 || answer.json !== undefined;
}

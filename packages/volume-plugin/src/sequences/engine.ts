import { assert } from '@drydock/base/errors';
import type { CallOptions } from '../client/plugin-client.ts';
import type { VolumeDriverClient } from '../client/volume-driver-client.ts';
import { PluginStatusError } from '../errors.ts';
import type { VolumeOptions } from '../wire.ts';
import { asUnavailable, getIfKnown, mustGet, type CallSequence } from './call-sequence.ts';

/** Drivers that told their scope, which the engine then does not ask for again. */
const toldScope = new WeakSet<VolumeDriverClient>();

/**
 * Docker Engine 20.10: a container's volume is looked up when the container is made, and again when it starts and ends;
 * each mount has an id of its own, which its unmount repeats. Path is never called: Get tells the mountpoint.
 */
export const engine: CallSequence = {
  async mount(driver, name, driverOptions, { signal, mountId, explicitCreate }) {
    assert(mountId !== undefined, 'the engine mounts under an id');
    if (explicitCreate === true) await mustGet(driver, name, { signal });
    else await ensureVolume(driver, name, driverOptions, { signal });
    const { Name } = await mustGet(driver, name, { signal });
    return await driver.mount(Name, { signal, mountId });
  },
  async unmount(driver, name, { signal, mountId }) {
    assert(mountId !== undefined, 'the engine unmounts under the id of the mount');
    const { Name } = await mustGet(driver, name, { signal });
    await driver.unmount(Name, { signal, mountId });
  },
  async create(driver, name, driverOptions, options) {
    await ensureVolume(driver, name, driverOptions, options);
  },
  async remove(driver, name, options) {
    await mustGet(driver, name, options);
    const { Name } = await mustGet(driver, name, options);
    await asUnavailable(driver.remove(Name, options));
  },
  async path(driver, name, options) {
    return (await mustGet(driver, name, options)).Mountpoint ?? '';
  },
  get: mustGet,
  async list(driver, options) {
    const volumes = await driver.list(options);
    await askScope(driver, options);
    return volumes;
  },
};

/** `docker volume create`: an existing volume is left as it is, whatever options are given. */
async function ensureVolume(
  driver: VolumeDriverClient,
  name: string,
  driverOptions: VolumeOptions,
  options: CallOptions,
): Promise<void> {
  await askScope(driver, options);
  const known = await getIfKnown(driver, name, options);
  const given = Object.keys(driverOptions).length === 0 ? null : driverOptions;
  if (known === undefined) await asUnavailable(driver.create(name, given, options));
}

/** A driver without Capabilities is local, and is asked again before every operation. */
async function askScope(driver: VolumeDriverClient, options: CallOptions): Promise<void> {
  if (toldScope.has(driver)) return;
  try {
    await driver.capabilities(options);
    toldScope.add(driver);
  } catch (error) {
    if (!(error instanceof PluginStatusError)) throw error;
  }
}

import { asUnavailable, getIfKnown, mustGet, type CallSequence } from './call-sequence.ts';

/**
 * dvdcli 0.2.x: Get first. `mount` takes any failure of Get for "not there yet" and creates the volume, unless
 * `explicitCreate` asks for one that exists. Later calls use the name that Get returned.
 */
export const dvdcli02: CallSequence = {
  async mount(driver, name, driverOptions, { signal, explicitCreate }) {
    const look = explicitCreate === true ? mustGet : getIfKnown;
    const known = await look(driver, name, { signal });
    if (known === undefined) await asUnavailable(driver.create(name, driverOptions, { signal }));
    return await driver.mount(known?.Name ?? name, { signal });
  },
  async unmount(driver, name, { signal }) {
    const { Name } = await mustGet(driver, name, { signal });
    await driver.unmount(Name, { signal });
  },
  async create(driver, name, driverOptions, options) {
    await asUnavailable(driver.create(name, driverOptions, options));
  },
  async remove(driver, name, options) {
    const { Name } = await mustGet(driver, name, options);
    await asUnavailable(driver.remove(Name, options));
  },
  async path(driver, name, options) {
    const { Name, Mountpoint } = await mustGet(driver, name, options);
    return Mountpoint ?? (await driver.path(Name, options));
  },
  get: mustGet,
  list: async (driver, options) => await driver.list(options),
};

import { assert } from '@drydock/base/errors';
import { asUnavailable, mustGet, type CallSequence } from './call-sequence.ts';

/**
 * dvdcli 0.1.0: Create before everything, with null options before unmount and path, so that these make a volume that
 * was not there. It never calls Get or List; `get` and `list` are here for callers that want to look all the same.
 */
export const dvdcli01: CallSequence = {
  async mount(driver, name, driverOptions, { signal, explicitCreate }) {
    assert(explicitCreate !== true, 'dvdcli 0.1.0 has no --explicitcreate');
    await asUnavailable(driver.create(name, driverOptions, { signal }));
    return await driver.mount(name, { signal });
  },
  async unmount(driver, name, { signal }) {
    await asUnavailable(driver.create(name, null, { signal }));
    await driver.unmount(name, { signal });
  },
  async create(driver, name, driverOptions, options) {
    await asUnavailable(driver.create(name, driverOptions, options));
  },
  async remove(driver, name, options) {
    await asUnavailable(driver.remove(name, options));
  },
  async path(driver, name, options) {
    await asUnavailable(driver.create(name, null, options));
    return await driver.path(name, options);
  },
  get: mustGet,
  list: async (driver, options) => await driver.list(options),
};

import { decodeErrOnly, decodeRequestWith, SHORT_TIMEOUT_MS, toBody, type Endpoint } from './endpoint.ts';
import type { MountRequest } from './mount.ts';

/** With the `id` of the mount that ends, if that had one. */
export const unmount: Endpoint<MountRequest, undefined> = {
  method: 'VolumeDriver.Unmount',
  engineTimeoutMs: SHORT_TIMEOUT_MS,
  encode: ({ name, id }) => toBody({ Name: name, ...(id === undefined ? {} : { ID: id }) }),
  decode: decodeErrOnly('volumeDriverProxyUnmountResponse'),
  decodeRequest: decodeRequestWith({ id: true }),
  isBodyOptional: false,
};

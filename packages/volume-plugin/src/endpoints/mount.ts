import { decodeMountpoint, decodeRequestWith, LONG_TIMEOUT_MS, toBody, type Endpoint } from './endpoint.ts';

export interface MountRequest {
  readonly name: string;
  /** Who mounts. Only the engine sends one: 64 hex digits, new for each mount. */
  readonly id?: string;
}

/** The answer is the mountpoint as the driver gave it: it may be empty, relative or missing. */
export const mount: Endpoint<MountRequest, string> = {
  method: 'VolumeDriver.Mount',
  engineTimeoutMs: LONG_TIMEOUT_MS,
  encode: ({ name, id }) => toBody({ Name: name, ...(id === undefined ? {} : { ID: id }) }),
  decode: decodeMountpoint('volumeDriverProxyMountResponse'),
  decodeRequest: decodeRequestWith({ id: true }),
  isBodyOptional: false,
};

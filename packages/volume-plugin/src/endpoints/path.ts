import { decodeMountpoint, decodeRequestWith, SHORT_TIMEOUT_MS, toBody, type Endpoint } from './endpoint.ts';

/** Where a volume is mounted; `''` while it is not. The engine never asks. */
export const path: Endpoint<{ readonly name: string }, string> = {
  method: 'VolumeDriver.Path',
  engineTimeoutMs: SHORT_TIMEOUT_MS,
  encode: ({ name }) => toBody({ Name: name }),
  decode: decodeMountpoint('volumeDriverProxyPathResponse'),
  decodeRequest: decodeRequestWith(),
  isBodyOptional: false,
};

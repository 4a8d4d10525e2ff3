import { decodeErrOnly, decodeRequestWith, SHORT_TIMEOUT_MS, toBody, type Endpoint } from './endpoint.ts';

export const remove: Endpoint<{ readonly name: string }, undefined> = {
  method: 'VolumeDriver.Remove',
  engineTimeoutMs: SHORT_TIMEOUT_MS,
  encode: ({ name }) => toBody({ Name: name }),
  decode: decodeErrOnly('volumeDriverProxyRemoveResponse'),
  decodeRequest: decodeRequestWith(),
  isBodyOptional: false,
};

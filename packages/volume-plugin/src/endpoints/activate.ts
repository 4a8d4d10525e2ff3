import { clientManners } from '../client-name.ts';
import { decodeInto, goSlice, goString, goStruct } from '../go/go-struct.ts';
import { activateMethod } from '../wire.ts';
import { decodeRequestWith, SHORT_TIMEOUT_MS, type Endpoint } from './endpoint.ts';

const manifest = goStruct('Manifest', { Implements: goSlice(goString) });

/** The handshake: no argument; what the plugin implements comes back. An `Err` is not part of it. */
export const activate: Endpoint<undefined, readonly string[]> = {
  method: activateMethod,
  engineTimeoutMs: SHORT_TIMEOUT_MS,
  encode: (_request, client) => clientManners[client].activateBody,
  decode: (value) => ({ err: '', answer: decodeInto(value, manifest).Implements }),
  decodeRequest: decodeRequestWith(),
  isBodyOptional: true,
};

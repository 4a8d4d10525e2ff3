import { decodeInto, goString, goStruct } from '../go/go-struct.ts';
import type { PluginCapabilities } from '../wire.ts';
import { decodeRequestWith, SHORT_TIMEOUT_MS, toBody, type Endpoint } from './endpoint.ts';

const type = goStruct('volumeDriverProxyCapabilitiesResponse', {
  Capabilities: goStruct('Capability', { Scope: goString }),
  Err: goString,
});

/** Only the engine asks. Any scope but `global`, in any case, is `local`. */
export const capabilities: Endpoint<undefined, PluginCapabilities> = {
  method: 'VolumeDriver.Capabilities',
  engineTimeoutMs: SHORT_TIMEOUT_MS,
  encode: () => toBody({}),
  decode(value) {
    const { Err, Capabilities } = decodeInto(value, type);
    return { err: Err, answer: { Scope: Capabilities.Scope.toLowerCase() === 'global' ? 'global' : 'local' } };
  },
  decodeRequest: decodeRequestWith(),
  isBodyOptional: true,
};

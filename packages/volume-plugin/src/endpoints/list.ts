import { PluginReplyError } from '../errors.ts';
import { decodeInto, goPointer, goSlice, goString, goStruct } from '../go/go-struct.ts';
import type { PluginVolume } from '../wire.ts';
import { decodeRequestWith, SHORT_TIMEOUT_MS, toBody, type Endpoint } from './endpoint.ts';
import { dvdcliVolume, engineVolume, toPluginVolume } from './plugin-volume.ts';

const STRUCT = 'volumeDriverProxyListResponse';
const dvdcliAnswer = goStruct(STRUCT, { Volumes: goSlice(goPointer(dvdcliVolume)), Err: goString });
const engineAnswer = goStruct(STRUCT, { Volumes: goSlice(goPointer(engineVolume)), Err: goString });

/** All volumes, in the driver's order. */
export const list: Endpoint<undefined, readonly PluginVolume[]> = {
  method: 'VolumeDriver.List',
  engineTimeoutMs: SHORT_TIMEOUT_MS,
  encode: () => toBody({}),
  decode(value, client) {
    const { Err, Volumes } = decodeInto(value, client === 'engine' ? engineAnswer : dvdcliAnswer);
    const answer = Volumes.map((volume) => {
      // DEVIATION: Go's clients crash on it.
      if (volume === undefined) throw new PluginReplyError('expected volumes in Volumes, got null');
      return toPluginVolume(volume);
    });
    return { err: Err, answer };
  },
  decodeRequest: decodeRequestWith(),
  isBodyOptional: true,
};

import { decodeInto, goPointer, goString, goStruct } from '../go/go-struct.ts';
import type { PluginVolume } from '../wire.ts';
import { decodeRequestWith, SHORT_TIMEOUT_MS, toBody, type Endpoint } from './endpoint.ts';
import { dvdcliVolume, engineVolume, toPluginVolume } from './plugin-volume.ts';

const STRUCT = 'volumeDriverProxyGetResponse';
const dvdcliAnswer = goStruct(STRUCT, { Volume: goPointer(dvdcliVolume), Err: goString });
const engineAnswer = goStruct(STRUCT, { Volume: goPointer(engineVolume), Err: goString });

/** The volume; undefined when the driver answers neither one nor an error: every client takes that for "none". */
export const get: Endpoint<{ readonly name: string }, PluginVolume | undefined> = {
  method: 'VolumeDriver.Get',
  engineTimeoutMs: SHORT_TIMEOUT_MS,
  encode: ({ name }) => toBody({ Name: name }),
  decode(value, client) {
    const { Err, Volume } = decodeInto(value, client === 'engine' ? engineAnswer : dvdcliAnswer);
    return { err: Err, answer: Volume === undefined ? undefined : toPluginVolume(Volume) };
  },
  decodeRequest: decodeRequestWith(),
  isBodyOptional: false,
};

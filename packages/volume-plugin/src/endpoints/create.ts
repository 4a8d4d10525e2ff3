import { toGoJson } from '../go/go-json.ts';
import type { VolumeOptions } from '../wire.ts';
import { decodeErrOnly, decodeRequestWith, LONG_TIMEOUT_MS, type Endpoint } from './endpoint.ts';

export interface CreateRequest {
  readonly name: string;
  /** `null` is sent as such: dvdcli 0.1.0 does so before unmount and path, the engine when nobody gave options. */
  readonly options: VolumeOptions | null;
}

export const create: Endpoint<CreateRequest, undefined> = {
  method: 'VolumeDriver.Create',
  engineTimeoutMs: LONG_TIMEOUT_MS,
  encode: ({ name, options }) =>
    `{"Name":${toGoJson(name)},"Opts":${options === null ? 'null' : toMapJson(options)}}\n`,
  decode: decodeErrOnly('volumeDriverProxyCreateResponse'),
  decodeRequest: decodeRequestWith({ options: true }),
  isBodyOptional: false,
};

/** Go writes the keys of a map in the order of their bytes; an object of JavaScript would put digits first. */
function toMapJson(options: VolumeOptions): string {
  const entries = Object.entries(options).map(([key, value]) => ({ key, value, bytes: Buffer.from(key) }));
  const pairs = entries
    .sort((a, b) => a.bytes.compare(b.bytes))
    .map(({ key, value }) => `${toGoJson(key)}:${toGoJson(value)}`);
  return `{${pairs.join(',')}}`;
}

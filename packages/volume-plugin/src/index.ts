export { clientNames } from './client-name.ts';
export type { ClientName } from './client-name.ts';
export type { CallOptions, PluginClientOptions } from './client/plugin-client.ts';
export type { PluginClientEvent } from './client/retry.ts';
export { dial } from './client/dial.ts';
export { connectVolumeDriver } from './client/volume-driver-client.ts';
export type { ConnectOptions, VolumeDriverClient } from './client/volume-driver-client.ts';
export { defaultDiscoveryDirectories, locatePlugin } from './discovery/locate-plugin.ts';
export type { DiscoveryDirectories } from './discovery/locate-plugin.ts';
export type { PluginAddress } from './discovery/plugin-address.ts';
export {
  DriverError,
  NotVolumeDriverError,
  PluginAddressError,
  PluginConnectionLostError,
  PluginNotFoundError,
  PluginReplyError,
  PluginStatusError,
  PluginTimeoutError,
  PluginTlsError,
  PluginUnreachableError,
} from './errors.ts';
export { GoJsonError } from './go/go-json-error.ts';
export { parseFirstJson, toGoJson } from './go/go-json.ts';
export { VolumeUnavailableError } from './sequences/call-sequence.ts';
export type { CallSequence, MountOptions } from './sequences/call-sequence.ts';
export { callSequences } from './sequences/index.ts';
export type { PluginVolume, VolumeDriverMethod, VolumeOptions } from './wire.ts';

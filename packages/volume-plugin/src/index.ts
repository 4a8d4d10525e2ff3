export { callSequences, VolumeUnavailableError } from './call-sequence.ts';
export type { CallSequence } from './call-sequence.ts';
export { defaultDiscoveryDirectories } from './discovery.ts';
export type { DiscoveryDirectories } from './discovery.ts';
export { GoJsonError, parseFirstJson, toGoJson } from './go-json.ts';
export type { PluginClientEvent } from './retry.ts';
export { connectVolumeDriver } from './volume-driver-client.ts';
export type { VolumeDriverClient } from './volume-driver-client.ts';
export type { PluginVolume, VolumeDriverMethod, VolumeOptions } from './wire.ts';

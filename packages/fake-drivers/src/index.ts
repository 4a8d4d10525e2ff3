export { convoyProfiles } from './convoy-profiles.ts';
export { UnknownVolumeError } from './driver-engine.ts';
export type { DriverEngine, EngineVolume } from './driver-engine.ts';
export { startFakeDriver } from './fake-driver.ts';
export type { StartedFakeDriver } from './fake-driver.ts';
export type { DriverProfile } from './profile.ts';
export { canUseExt4Loop } from './store/ext4-loop-store.ts';
export { parseSizeBytes } from './volume-size.ts';

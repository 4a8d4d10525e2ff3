export type {
  ContainerConfig,
  ContainerLaunchInfo,
  ContainerMount,
  ContainerState,
  ImageRuntimeConfig,
  Isolator,
} from './isolator.ts';
export { forEachDeepestFirst } from './deepest-first.ts';
export { DockerVolumeIsolator } from './docker-volume/docker-volume-isolator.ts';
export type { DockerVolumeStatus } from './docker-volume/docker-volume-isolator.ts';
export { systemMounts } from './docker-volume/mount-table.ts';
export { DvdcliClient } from './docker-volume/dvdcli-client.ts';
export { PluginDriverClient } from './docker-volume/plugin-driver-client.ts';

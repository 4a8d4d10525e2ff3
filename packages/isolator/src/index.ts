export type {
  ContainerConfig,
  ContainerLaunchInfo,
  ContainerMount,
  ContainerState,
  ImageRuntimeConfig,
  Isolator,
} from './isolator.ts';

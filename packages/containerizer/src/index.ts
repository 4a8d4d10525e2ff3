export {
  createMesosContainerizer,
  type CreateMesosContainerizerOptions,
  type IsolatorFactory,
} from './create-containerizer.ts';
export type { LaunchOptions, MesosContainerizer, RecoveredContainer } from './containerizer.ts';
export type { KnownContainer } from './container-recovery.ts';
export {
  AlreadyLaunchedError,
  CreateContainerizerError,
  DestroyFailedError,
  DestroyedDuringLaunchError,
  LaunchFailedError,
  RemoveFailedError,
} from './errors.ts';
export type { ForkedContainer } from './launcher/container-process.ts';
export type { ContainerTermination, SentSignal } from './launcher/container-termination.ts';
export { PullFailedError } from './image/registry/pull-failed-error.ts';
export { parseDockerRegistry, type DockerRegistry } from './image/registry/image-location.ts';
export { resolveUser } from './launcher/user.ts';

export {
  createMesosContainerizer,
  type CreateMesosContainerizerOptions,
  type IsolatorFactory,
} from './create-containerizer.ts';
export type { LaunchOptions, MesosContainerizer } from './containerizer.ts';
export { CreateContainerizerError, DestroyFailedError, DestroyedDuringLaunchError } from './errors.ts';
export type { ForkedContainer } from './launcher/container-process.ts';
export type { ContainerTermination } from './launcher/container-termination.ts';
export { resolveUser } from './launcher/user.ts';

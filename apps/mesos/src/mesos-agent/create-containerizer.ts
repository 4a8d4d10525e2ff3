import { createMesosContainerizer, type MesosContainerizer } from '@drydock/containerizer';
import type { DockerVolumeIsolator } from '@drydock/isolator';
import { createDockerVolumeIsolator } from './docker-volume.ts';
import type { RunAgentOptions } from './run-agent.ts';

/** The containerizer of the flags; `made` gets the docker/volume isolator if `--isolation` asks for it. */
export async function createContainerizer(
  options: Pick<RunAgentOptions, 'flags' | 'path' | 'logger'>,
  made: { volumes?: DockerVolumeIsolator },
): Promise<MesosContainerizer> {
  const { flags, logger, path } = options;
  return await createMesosContainerizer({
    workDir: flags.work_dir,
    runtimeDir: flags.runtime_dir,
    isolation: flags.isolation,
    dockerRegistry: flags.docker_registry,
    fetcherStallTimeoutMs: flags.fetcher_stall_timeout,
    ...(flags.docker_config === undefined ? {} : { dockerConfig: flags.docker_config }),
    dockerStoreDir: flags.docker_store_dir,
    sandboxDirectory: flags.sandbox_directory,
    runtime: flags.container_runtime,
    cgroupsRoot: flags.cgroups_root,
    logger: logger.child('containerizer'),
    ...(flags.image_providers === undefined ? {} : { imageProviders: flags.image_providers }),
    ...(flags.image_provisioner_backend === undefined
      ? {}
      : { imageProvisionerBackend: flags.image_provisioner_backend }),
    isolatorFactories: {
      'docker/volume': async () => (made.volumes = await createDockerVolumeIsolator({ flags, path, logger })),
    },
  });
}

/** At its end: until an agent is up, what runs is an earlier one's, and goes on for the next. */
export function leaveContainersUnless(
  isUp: () => boolean,
  containerizer: Pick<MesosContainerizer, 'containers' | 'detach'>,
): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      if (!isUp() && containerizer.containers().length > 0) await containerizer.detach();
    },
  };
}

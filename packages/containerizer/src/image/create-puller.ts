import { assertNever, messageOf } from '@drydock/base/errors';
import { CreateContainerizerError } from '../errors.ts';
import { ArchivePuller } from './archive-puller.ts';
import type { Puller } from './puller.ts';
import { DockerCredentials, readDockerConfig } from './registry/docker-config.ts';
import { parseDockerRegistry } from './registry/image-location.ts';
import { RegistryPuller } from './registry/registry-puller.ts';

export interface CreatePullerOptions {
  /** `--docker_registry` */
  readonly dockerRegistry: string;
  /** `--docker_config` */
  readonly dockerConfig?: string;
  /** `--fetcher_stall_timeout`; default 1 min. */
  readonly fetcherStallTimeoutMs?: number;
}

/** Of Node's timers: 24 days. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/**
 * Checks the flags and reads the credentials. @throws CreateContainerizerError
 * @see src/slave/containerizer/mesos/provisioner/docker/puller.cpp
 */
export async function createPuller(options: CreatePullerOptions): Promise<Puller> {
  const { dockerConfig, dockerRegistry, fetcherStallTimeoutMs = 60_000 } = options;
  try {
    const registry = parseDockerRegistry(dockerRegistry);
    const credentials = dockerConfig === undefined ? new DockerCredentials() : await readDockerConfig(dockerConfig);
    switch (registry.kind) {
      case 'archives':
        return new ArchivePuller(registry.directory);
      case 'registry':
        return new RegistryPuller({
          origin: registry.origin,
          credentials,
          stallMsMax: Math.min(fetcherStallTimeoutMs, TIMER_MS_MAX),
        });
      default:
        return assertNever(registry);
    }
  } catch (error) {
    throw new CreateContainerizerError(`Failed to create Docker puller: ${messageOf(error)}`, { cause: error });
  }
}

import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { DomainError } from '@drydock/base/errors';
import type { Logger } from '@drydock/base/log';
import { systemFiles, systemRandom } from '@drydock/base/ports';
import { DockerVolumeIsolator, DvdcliClient } from '@drydock/isolator';

/** The docker/volume isolator cannot work on this machine; texts are upstream's. */
export class DockerVolumeUnavailableError extends DomainError<'DOCKER_VOLUME_UNAVAILABLE'> {
  readonly code = 'DOCKER_VOLUME_UNAVAILABLE';
}

/**
 * Makes the isolator with its dvdcli client; dvdcli is looked up once, in the agent's PATH.
 * @throws DockerVolumeUnavailableError, VolumeCheckpointError
 * @see src/slave/containerizer/mesos/isolators/docker/volume/isolator.cpp create
 */
export async function createDockerVolumeIsolator(options: {
  readonly checkpointDir: string;
  readonly sandboxDirectory: string;
  readonly path: string;
  readonly logger: Logger;
}): Promise<DockerVolumeIsolator> {
  if (process.geteuid?.() !== 0) {
    throw new DockerVolumeUnavailableError("The 'docker/volume' isolator requires root permissions");
  }
  const dvdcli = await findInPath('dvdcli', options.path);
  if (dvdcli === undefined) {
    throw new DockerVolumeUnavailableError("The 'docker/volume' isolator cannot get dvdcli command");
  }
  return await DockerVolumeIsolator.create({
    client: new DvdcliClient({ dvdcli }),
    checkpointDir: options.checkpointDir,
    sandboxDirectory: options.sandboxDirectory,
    files: systemFiles,
    random: systemRandom,
    logger: options.logger.child('docker-volume'),
  });
}

async function findInPath(name: string, path: string): Promise<string | undefined> {
  for (const directory of path.split(delimiter).filter((one) => one !== '')) {
    const candidate = join(directory, name);
    try {
      await access(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not in this directory.
    }
  }
  return undefined;
}

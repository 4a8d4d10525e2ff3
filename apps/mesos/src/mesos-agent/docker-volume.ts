import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { readBootId } from '@drydock/base/boot-id';
import { DomainError } from '@drydock/base/errors';
import type { FlagValues } from '@drydock/base/gflags';
import type { Logger } from '@drydock/base/log';
import { systemClock, systemFiles, systemRandom } from '@drydock/base/ports';
import { resolveUser } from '@drydock/containerizer';
import { DockerVolumeIsolator, DvdcliClient, PluginDriverClient, systemMounts } from '@drydock/isolator';
import type { agentFlags } from './flags.ts';

/** The docker/volume isolator cannot work on this machine; texts are upstream's. */
export class DockerVolumeUnavailableError extends DomainError<'DOCKER_VOLUME_UNAVAILABLE'> {
  readonly code = 'DOCKER_VOLUME_UNAVAILABLE';
}

/**
 * Makes the isolator with its client; dvdcli is looked up once, in the agent's PATH unless `dvdcli` says where it is.
 * @throws DockerVolumeUnavailableError, VolumeCheckpointError
 * @see src/slave/containerizer/mesos/isolators/docker/volume/isolator.cpp create
 */
export async function createDockerVolumeIsolator(options: {
  readonly flags: Pick<
    FlagValues<typeof agentFlags>,
    | 'docker_volume_client'
    | 'dvdcli'
    | 'docker_volume_checkpoint_dir'
    | 'docker_volume_chown'
    | 'docker_volume_mount_counting'
    | 'docker_volume_explicit_create'
    | 'sandbox_directory'
  >;
  /** Where dvdcli is looked up. */
  readonly path: string;
  readonly logger: Logger;
}): Promise<DockerVolumeIsolator> {
  if (process.geteuid?.() !== 0) {
    throw new DockerVolumeUnavailableError("The 'docker/volume' isolator requires root permissions");
  }
  const { flags } = options;
  const client = await createClient(flags, options.path);
  const logger = options.logger.child('docker-volume');
  const isolator = await DockerVolumeIsolator.create({
    client,
    checkpointDir: flags.docker_volume_checkpoint_dir,
    sandboxDirectory: flags.sandbox_directory,
    // The flag's check allows no other.
    counting: flags.docker_volume_mount_counting === 'first_container' ? 'first_container' : 'per_container',
    ...(flags.docker_volume_chown ? { findOwner } : {}),
    bootId: await readBootId(),
    files: systemFiles,
    mounts: systemMounts,
    clock: systemClock,
    random: systemRandom,
    logger,
  });
  await warnOfTmpfs(flags.docker_volume_checkpoint_dir, logger);
  return isolator;
}

async function createClient(
  flags: Pick<FlagValues<typeof agentFlags>, 'docker_volume_client' | 'dvdcli' | 'docker_volume_explicit_create'>,
  path: string,
): Promise<DvdcliClient | PluginDriverClient> {
  const { docker_volume_explicit_create: isCreateExplicit } = flags;
  if (flags.docker_volume_client === 'plugin') return new PluginDriverClient({ isCreateExplicit });
  const dvdcli = await findDvdcli(flags.dvdcli, path);
  const client = new DvdcliClient({ dvdcli, isCreateExplicit });
  if (isCreateExplicit && !(await client.isVersion02())) {
    throw new DockerVolumeUnavailableError(
      `--docker_volume_explicit_create needs dvdcli 0.2 or newer, which ${dvdcli} does not say to be; use one, or --docker_volume_client=plugin`,
    );
  }
  return client;
}

/** How long the look-up of a user may take. */
const USER_LOOKUP_MS_MAX = 10_000;

async function findOwner(user: string): Promise<{ readonly uid: number; readonly gid: number }> {
  return await resolveUser(user, { signal: AbortSignal.timeout(USER_LOOKUP_MS_MAX) });
}

/** @see linux/magic.h */
const TMPFS_MAGIC = 0x01021994;

async function warnOfTmpfs(directory: string, logger: Logger): Promise<void> {
  if ((await statfs(directory)).type !== TMPFS_MAGIC) return;
  logger.warning(
    'The checkpoints of docker volumes lie on a tmpfs and are lost when the machine restarts, after which nobody tells ' +
      'the drivers to let go of their volumes; set --docker_volume_checkpoint_dir to a directory on a disk',
    { directory },
  );
}

/** @throws DockerVolumeUnavailableError with upstream's text, and what can be done */
async function findDvdcli(given: string | undefined, path: string): Promise<string> {
  const cannot = "The 'docker/volume' isolator cannot get dvdcli command";
  if (given !== undefined) {
    if (await isExecutable(given)) return given;
    throw new DockerVolumeUnavailableError(`${cannot}: expected --dvdcli to name an executable file, got '${given}'`);
  }
  const found = await findInPath('dvdcli', path);
  if (found !== undefined) return found;
  throw new DockerVolumeUnavailableError(
    `${cannot}: it is not in PATH; name it with --dvdcli, or do without with --docker_volume_client=plugin`,
  );
}

async function findInPath(name: string, path: string): Promise<string | undefined> {
  for (const directory of path.split(delimiter).filter((one) => one !== '')) {
    const candidate = join(directory, name);
    if (await isExecutable(candidate)) return candidate;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false; // it is not there, or not for this user
  }
}

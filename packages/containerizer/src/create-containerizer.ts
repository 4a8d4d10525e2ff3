import { constants } from 'node:fs';
import { access, mkdir, realpath } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { assertNever, messageOf } from '@drydock/base/errors';
import type { Logger } from '@drydock/base/log';
import type { Isolator } from '@drydock/isolator';
import { MesosContainerizer } from './containerizer.ts';
import { CreateContainerizerError } from './errors.ts';
import { createPuller } from './image/create-puller.ts';
import { ImageStore } from './image/image-store.ts';
import { parseIsolation, type IsolatorName } from './isolation-flag.ts';
import { DockerRuntimeIsolator } from './isolators/docker-runtime.ts';
import { LinuxFilesystemIsolator } from './isolators/filesystem-linux.ts';
import { PosixFilesystemIsolator } from './isolators/filesystem-posix.ts';
import { ResourceIsolator } from './isolators/resource-isolator.ts';
import { probeCgroups } from './launcher/cgroups.ts';
import { readIdMapping } from './launcher/id-mapping.ts';
import { Launcher } from './launcher/launcher.ts';
import { TERMINAL_GROUP } from './launcher/oci-config.ts';
import { Provisioner, probeOverlay, type ProvisionerBackend } from './provisioner/provisioner.ts';

/** Makes an isolator that this package does not have; what it throws becomes the reason of a failed start. */
export type IsolatorFactory = () => Isolator | Promise<Isolator>;

export interface CreateMesosContainerizerOptions {
  /** `--work_dir`. */
  readonly workDir: string;
  /** `--runtime_dir`. */
  readonly runtimeDir: string;
  /** `--isolation`. */
  readonly isolation: string;
  /** `--image_providers`. */
  readonly imageProviders?: string;
  /** `--docker_registry`: a directory of image archives, or the URL of a registry. */
  readonly dockerRegistry: string;
  /** `--docker_config`: credentials for registries, a path or JSON; default: none. */
  readonly dockerConfig?: string;
  /** `--fetcher_stall_timeout`; default 1 min. */
  readonly fetcherStallTimeoutMs?: number;
  /** `--docker_store_dir`. */
  readonly dockerStoreDir: string;
  /** `--image_provisioner_backend`; default: overlay where it can be mounted, else copy. */
  readonly imageProvisionerBackend?: string;
  /** `--sandbox_directory`; default `/mnt/mesos/sandbox`. */
  readonly sandboxDirectory?: string;
  /** The OCI runtime's name or path; default `runc`. */
  readonly runtime?: string;
  /** `--cgroups_root`; default `mesos`. */
  readonly cgroupsRoot?: string;
  /** A static tini; default `tini-static` in PATH. */
  readonly init?: string;
  /** By the name in `--isolation`: `docker/volume`. */
  readonly isolatorFactories?: Readonly<Record<string, IsolatorFactory>>;
  readonly logger: Logger;
}

/**
 * Checks flags and machine and makes the containerizer.
 * @throws CreateContainerizerError with upstream's text where it has one
 */
export async function createMesosContainerizer(options: CreateMesosContainerizerOptions): Promise<MesosContainerizer> {
  const { logger, workDir } = options;
  const isolation = parseIsolation(options.isolation, options.imageProviders);
  if ('problem' in isolation) throw new CreateContainerizerError(isolation.problem);
  for (const deprecation of isolation.deprecations) logger.warning(deprecation);
  const runtime = await findProgram(options.runtime ?? 'runc', 'the container runtime');
  const initPath = await findProgram(options.init ?? 'tini-static', "the containers' init");
  const isolators: Isolator[] = [];
  for (const name of isolation.isolators) {
    try {
      isolators.push(await createIsolator(name, options));
    } catch (error) {
      throw new CreateContainerizerError(`Failed to create isolator '${name}': ${messageOf(error)}`, { cause: error });
    }
  }
  await mkdir(workDir, { recursive: true });
  await mkdir(join(options.runtimeDir, 'runc'), { recursive: true, mode: 0o711 });
  // The runtime refuses a root file system below a link, and /var/run is one.
  const runtimeDir = await realpath(options.runtimeDir);
  const found = await probeCgroups(options.cgroupsRoot ?? 'mesos');
  const cgroups = 'unavailable' in found ? undefined : found;
  if ('unavailable' in found) logger.warning('Containers run without limits', { reason: found.unavailable });
  const provisioner = isolation.hasDockerImages ? await createProvisioner(options) : undefined;
  return new MesosContainerizer({
    runtimeDir,
    sandboxDirectory: options.sandboxDirectory ?? '/mnt/mesos/sandbox',
    initPath,
    hasTerminalGroup: (await readIdMapping()).hasGid(TERMINAL_GROUP),
    isolators,
    logger,
    launcher: new Launcher({
      runtime,
      runtimeStateDirectory: join(runtimeDir, 'runc'),
      logger,
      ...(cgroups === undefined ? {} : { cgroups }),
    }),
    ...(provisioner === undefined ? {} : { provisioner }),
    ...(cgroups === undefined ? {} : { cgroups }),
  });
}

async function createIsolator(name: IsolatorName, options: CreateMesosContainerizerOptions): Promise<Isolator> {
  switch (name) {
    case 'filesystem/linux':
      return new LinuxFilesystemIsolator();
    case 'filesystem/posix':
      return new PosixFilesystemIsolator();
    case 'docker/runtime':
      return new DockerRuntimeIsolator({ logger: options.logger });
    case 'posix/cpu':
    case 'posix/mem':
    case 'cgroups/cpu':
    case 'cgroups/mem':
      return new ResourceIsolator(name);
    case 'docker/volume': {
      const factory = options.isolatorFactories?.[name];
      if (factory === undefined) throw new CreateContainerizerError(`Unknown or unsupported isolator '${name}'`);
      return await factory();
    }
    default:
      return assertNever(name);
  }
}

async function createProvisioner(options: CreateMesosContainerizerOptions): Promise<Provisioner> {
  const { logger, workDir, dockerStoreDir, imageProvisionerBackend } = options;
  if (imageProvisionerBackend !== undefined && !isBackend(imageProvisionerBackend)) {
    throw new CreateContainerizerError(
      `Unknown or unsupported image provisioner backend '${imageProvisionerBackend}', expected 'overlay' or 'copy'`,
    );
  }
  const puller = await createPuller(options);
  const store = await ImageStore.open({ directory: dockerStoreDir, puller, logger });
  const problem = imageProvisionerBackend === 'copy' ? undefined : await probeOverlay(workDir, dockerStoreDir);
  if (problem !== undefined && imageProvisionerBackend === 'overlay') {
    throw new CreateContainerizerError(`The image provisioner backend 'overlay' cannot be used here: ${problem}`);
  }
  const backend = imageProvisionerBackend ?? (problem === undefined ? 'overlay' : 'copy');
  logger.info('Chose the image provisioner backend', { backend, reason: problem });
  return new Provisioner({ workDir, store, backend });
}

function isBackend(name: string): name is ProvisionerBackend {
  return name === 'overlay' || name === 'copy';
}

async function findProgram(name: string, what: string): Promise<string> {
  const candidates = name.includes('/')
    ? [name]
    : (process.env['PATH'] ?? '').split(delimiter).map((d) => join(d, name));
  for (const candidate of candidates) {
    try {
      await access(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not there or not executable: the next one.
    }
  }
  throw new CreateContainerizerError(`Failed to find ${what} '${name}': expected an executable file or a name in PATH`);
}

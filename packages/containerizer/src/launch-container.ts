/**
 * One launch: provisioning -> preparing (isolators, one after the other) -> isolating (merging what they ask for, forking
 * the shim, which waits at the gate).
 * @see src/slave/containerizer/mesos/containerizer.cpp
 */
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '@drydock/base/errors';
import type { ContainerConfig, ContainerLaunchInfo } from '@drydock/isolator';
import { containerText, type ContainerID, type Resource } from '@drydock/mesos';
import type { MesosContainerizerOptions } from './containerizer-options.ts';
import { LaunchFailedError } from './errors.ts';
import { isolatorsFor } from './isolators/isolators-for.ts';
import { markHeld, writeConfig } from './kept-files.ts';
import { mergeLaunchInfos, type CommandConfig, type MergedLaunchInfo } from './launch-info.ts';
import type { ContainerProcess } from './launcher/container-process.ts';
import { createOciConfig, type ContainerLimits } from './launcher/oci-config.ts';
import { resolveUser } from './launcher/user.ts';
import type { ProvisionedRoot } from './provisioner/provisioner.ts';

export type LaunchPhase = 'provisioning' | 'preparing' | 'isolating';

export interface LaunchRequest {
  readonly containerId: ContainerID;
  /** Of `pathOf`. */
  readonly path: string;
  /** The container's runtime directory. */
  readonly directory: string;
  readonly config: ContainerConfig;
  readonly executorEnvironment: Readonly<Record<string, string>>;
  /** See `LaunchOptions`. */
  readonly isAnnounced: boolean;
  readonly signal: AbortSignal;
  readonly onPhase: (phase: LaunchPhase) => void;
}

const MEMORY_BYTES_MIN = 32 * 1024 * 1024;
const CPU_SHARES_PER_CPU = 1024;
const CPU_SHARES_MIN = 2;

/** Undefined for a container without a process of its own, which is held as soon as it is prepared. */
export async function launchContainer(
  options: MesosContainerizerOptions,
  request: LaunchRequest,
): Promise<ContainerProcess | undefined> {
  const { containerId, directory, signal, onPhase } = request;
  onPhase('provisioning');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const provisioned = await provision(options, request);
  const config = provisioned === undefined ? request.config : { ...request.config, image: provisioned.image };
  await writeConfig(directory, containerId, config);
  signal.throwIfAborted();
  onPhase('preparing');
  const infos = await prepare(options, request, config);
  onPhase('isolating');
  if (!hasCommand(config)) {
    await markHeld(directory);
    return undefined;
  }
  const merged = mergeLaunchInfos({
    infos,
    config,
    executorEnvironment: request.executorEnvironment,
    sandboxInContainer: provisioned === undefined ? config.sandboxDirectory : options.sandboxDirectory,
  });
  await writeFile(join(directory, 'launch_info'), JSON.stringify(merged));
  return await fork(options, request, config, merged, provisioned);
}

function hasCommand(config: ContainerConfig): config is CommandConfig {
  return config.command !== undefined;
}

async function provision(
  { provisioner }: MesosContainerizerOptions,
  { path, config, signal }: LaunchRequest,
): Promise<ProvisionedRoot | undefined> {
  const image = config.container?.type === 'MESOS' ? config.container.mesos?.image : undefined;
  if (image === undefined) return undefined;
  if (provisioner === undefined) throw new LaunchFailedError(`Unsupported container image type: ${image.type}`);
  return await provisioner.provision(path, image, { signal });
}

async function prepare(
  options: MesosContainerizerOptions,
  { containerId, signal }: LaunchRequest,
  config: ContainerConfig,
): Promise<readonly ContainerLaunchInfo[]> {
  const infos: ContainerLaunchInfo[] = [];
  for (const isolator of isolatorsFor(options.isolators, containerId)) {
    signal.throwIfAborted();
    const info = await isolator.prepare(containerId, config, { signal });
    if (info !== undefined) infos.push(info);
  }
  return infos;
}

async function fork(
  options: MesosContainerizerOptions,
  request: LaunchRequest,
  config: CommandConfig,
  merged: MergedLaunchInfo,
  provisioned: ProvisionedRoot | undefined,
): Promise<ContainerProcess> {
  const { runtimeDir, initPath, launcher, sandboxDirectory } = options;
  const { containerId, directory, signal } = request;
  const sandbox = config.sandboxDirectory;
  const emptyDirectory = join(runtimeDir, 'empty');
  if (provisioned === undefined) {
    await mkdir(emptyDirectory, { recursive: true });
    // The runtime would create a missing target, and on the host's root that means on the host.
    for (const { target } of merged.mounts) await assertExists(target);
  }
  const user = await resolveUser(config.command.user ?? config.user, { signal });
  signal.throwIfAborted();
  const limits = limitsOf(options, containerId, config.resources);
  return await launcher.fork({
    runtimeId: containerText(containerId),
    directory,
    stdoutPath: join(sandbox, 'stdout'),
    stderrPath: join(sandbox, 'stderr'),
    config: createOciConfig({
      root:
        provisioned === undefined
          ? { kind: 'host', emptyDirectory }
          : { kind: 'image', rootfs: provisioned.rootfs, sandbox, sandboxTarget: sandboxDirectory },
      argv: merged.argv,
      environment: merged.environment,
      workingDirectory: merged.workingDirectory,
      mounts: merged.mounts,
      user,
      initPath,
      hasTerminalGroup: options.hasTerminalGroup,
      ...(limits === undefined ? {} : { limits }),
    }),
    ...(provisioned?.overlay === undefined ? {} : { overlay: provisioned.overlay }),
    // The command executor announces its task; what is nested has no executor that prints to its stdout.
    ...(merged.announcement === undefined || containerId.parent !== undefined || !request.isAnnounced
      ? {}
      : { announcement: merged.announcement }),
  });
}

/** Undefined where the control groups cannot be written. */
export function limitsOf(
  { cgroups }: MesosContainerizerOptions,
  containerId: ContainerID,
  resources: readonly Resource[],
): ContainerLimits | undefined {
  if (cgroups === undefined) return undefined;
  const amountOf = (name: string): number =>
    resources.reduce((sum, resource) => sum + (resource.name === name ? (resource.scalar?.value ?? 0) : 0), 0);
  const [cpus, memoryMegabytes] = [amountOf('cpus'), amountOf('mem')];
  return {
    cgroupsPath: `/${cgroups.rootName}/${containerText(containerId)}`,
    hasSwapLimit: cgroups.hasSwapLimit,
    devices: cgroups.devices,
    ...(cpus > 0 ? { cpuShares: Math.max(CPU_SHARES_MIN, Math.round(cpus * CPU_SHARES_PER_CPU)) } : {}),
    ...(memoryMegabytes > 0
      ? { memoryBytes: Math.max(MEMORY_BYTES_MIN, Math.round(memoryMegabytes * 1024 * 1024)) }
      : {}),
  };
}

async function assertExists(target: string): Promise<void> {
  try {
    await stat(target);
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
    throw new LaunchFailedError(`The mount target '${target}' does not exist on the host`, { cause: error });
  }
}

/**
 * The MesosContainerizer: launches and destroys containers.
 *
 * Life cycle of one container: provisioning -> preparing (isolators, one after the other) -> isolating (the shim is
 * forked and waits at the gate) -> running -> destroying -> gone. The caller opens the gate, waits for `exited`, and
 * calls `destroy` once for every `launch`, also for one that failed.
 *
 * Example: `const forked = await containerizer.launch(id, config, { signal }); await forked.openGate();
 * const how = await forked.exited; await containerizer.destroy(id);`
 * @see src/slave/containerizer/mesos/containerizer.cpp
 */
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, systemCodeOf } from '@drydock/base/errors';
import type { Logger } from '@drydock/base/log';
import type { ContainerConfig, ContainerLaunchInfo, Isolator } from '@drydock/isolator';
import type { ContainerID, Resource } from '@drydock/mesos';
import { DestroyedDuringLaunchError, DestroyFailedError, LaunchFailedError } from './errors.ts';
import { mergeLaunchInfos, type MergedLaunchInfo } from './launch-info.ts';
import { removeCgroups, type Cgroups } from './launcher/cgroups.ts';
import type { ForkedContainer } from './launcher/container-process.ts';
import type { Launcher } from './launcher/launcher.ts';
import { createOciConfig, type ContainerLimits } from './launcher/oci-config.ts';
import { resolveUser } from './launcher/user.ts';
import type { ProvisionedRoot, Provisioner } from './provisioner/provisioner.ts';

export interface MesosContainerizerOptions {
  readonly runtimeDir: string;
  /** `--sandbox_directory`: where a container with an image sees its sandbox. */
  readonly sandboxDirectory: string;
  readonly initPath: string;
  /** Whether the group of terminals, 5, exists for this process. */
  readonly hasTerminalGroup: boolean;
  /** In the order in which they prepare. */
  readonly isolators: readonly Isolator[];
  readonly launcher: Launcher;
  /** Absent without `--image_providers`. */
  readonly provisioner?: Provisioner;
  readonly cgroups?: Cgroups;
  readonly logger: Logger;
}

export interface LaunchOptions {
  /** Aborting it fails the launch; `destroy` has to follow as always. */
  readonly signal: AbortSignal;
  /** What the agent gives to every executor; the task's own environment wins. */
  readonly executorEnvironment?: Readonly<Record<string, string>>;
}

interface Container {
  phase: 'provisioning' | 'preparing' | 'isolating' | 'running';
  readonly config: ContainerConfig;
  readonly aborting: AbortController;
  /** Settles when `launch` does. */
  launching: Promise<unknown>;
  forked?: ForkedContainer;
  destroying?: Promise<void>;
}

/** An unmount through a driver may take 10 minutes; then the isolator's own bound has already struck. */
const CLEANUP_MS_MAX = 11 * 60_000;
const MEMORY_BYTES_MIN = 32 * 1024 * 1024;
const CPU_SHARES_PER_CPU = 1024;
const CPU_SHARES_MIN = 2;

export class MesosContainerizer implements AsyncDisposable {
  readonly #options: MesosContainerizerOptions;
  readonly #containers = new Map<string, Container>();
  #destroyErrorCount = 0;

  constructor(options: MesosContainerizerOptions) {
    this.#options = options;
  }

  /**
   * Prepares a container and forks it; its command waits for `openGate`.
   * @throws LaunchFailedError, ImageError, an isolator's error, DestroyedDuringLaunchError; the message is what follows
   * `Failed to launch container: `
   */
  async launch(containerId: ContainerID, config: ContainerConfig, options: LaunchOptions): Promise<ForkedContainer> {
    const key = pathOf(containerId);
    if (this.#containers.has(key)) throw new LaunchFailedError(`Container '${containerId.value}' is already launched`);
    const container: Container = {
      phase: 'provisioning',
      config,
      aborting: new AbortController(),
      launching: Promise.resolve(),
    };
    this.#containers.set(key, container);
    const launching = this.#launch(containerId, container, options);
    container.launching = launching;
    return await launching;
  }

  /**
   * Ends what an agent that was killed has left in the runtime directory, and has the isolators clean up after it and after
   * containers that only they know. Runs once, before the first launch, and by one agent per runtime directory.
   * DEVIATION: upstream keeps the containers of frameworks that ask for checkpoints; here none goes on without its agent.
   */
  async recover(): Promise<void> {
    const { isolators, launcher, logger } = this.#options;
    const orphans = (await namesIn(join(this.#options.runtimeDir, 'containers'))).map((value) => ({ value }));
    for (const isolator of isolators) await isolator.recover([], orphans);
    const endings = orphans.map(async (containerId) => {
      const key = pathOf(containerId);
      logger.warning('Ending a container of an earlier agent', { containerId: containerId.value });
      await launcher.endOrphan(containerId.value, this.#directoryOf(key));
      const problems = await this.#cleanUp(containerId, key);
      if (problems.length > 0) {
        logger.error('Failed to clean up after an earlier agent', {
          containerId: containerId.value,
          problems: problems.join('; '),
        });
      }
    });
    await Promise.all(endings);
  }

  /** Containers that were destroyed with something left undone, since the start. */
  get destroyErrorCount(): number {
    return this.#destroyErrorCount;
  }

  /** Ids of the containers that were launched and not yet destroyed. */
  containers(): readonly string[] {
    return [...this.#containers.keys()];
  }

  /**
   * Ends a container in whatever phase it is and cleans up after it: every isolator in reverse order, then its root file
   * system and its runtime directory, whatever fails on the way. Idempotent; an unknown container is fine.
   * DEVIATION: upstream waits for a running `prepare` and keeps the root file system when an isolator failed to clean up.
   * @throws DestroyFailedError with all failures
   */
  async destroy(containerId: ContainerID): Promise<void> {
    const container = this.#containers.get(pathOf(containerId));
    if (container === undefined) return;
    container.destroying ??= this.#destroy(containerId, container).catch((error: unknown) => {
      this.#destroyErrorCount += 1;
      throw error;
    });
    await container.destroying;
  }

  /** Destroys every container, stops the isolators and removes the control groups that the containers shared. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ids = [...this.#containers.keys()].map((key) => idOf(key));
    await Promise.allSettled(ids.map(async (id) => await this.destroy(id)));
    for (const isolator of this.#options.isolators) await isolator[Symbol.asyncDispose]?.();
    if (this.#options.cgroups !== undefined) await removeCgroups(this.#options.cgroups);
  }

  async #launch(containerId: ContainerID, container: Container, options: LaunchOptions): Promise<ForkedContainer> {
    const signal = AbortSignal.any([options.signal, container.aborting.signal]);
    const key = pathOf(containerId);
    try {
      const directory = this.#directoryOf(key);
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const provisioned = await this.#provision(key, container.config, signal);
      const config = provisioned === undefined ? container.config : { ...container.config, image: provisioned.image };
      await writeFile(join(directory, 'config'), JSON.stringify({ container_id: containerId, ...config }));
      signal.throwIfAborted();
      container.phase = 'preparing';
      const infos = await this.#prepare(containerId, config, signal);
      container.phase = 'isolating';
      const merged = mergeLaunchInfos({
        infos,
        config,
        executorEnvironment: options.executorEnvironment ?? {},
        sandboxInContainer: provisioned === undefined ? config.sandboxDirectory : this.#options.sandboxDirectory,
      });
      await writeFile(join(directory, 'launch_info'), JSON.stringify(merged));
      const forked = await this.#fork(containerId, config, merged, provisioned, signal);
      container.forked = forked;
      signal.throwIfAborted();
      container.phase = 'running';
      return forked;
    } catch (error) {
      if (container.aborting.signal.aborted) throw new DestroyedDuringLaunchError(container.phase);
      throw error;
    }
  }

  async #provision(key: string, config: ContainerConfig, signal: AbortSignal): Promise<ProvisionedRoot | undefined> {
    const image = config.container?.type === 'MESOS' ? config.container.mesos?.image : undefined;
    if (image === undefined) return undefined;
    const { provisioner } = this.#options;
    if (provisioner === undefined) throw new LaunchFailedError(`Unsupported container image type: ${image.type}`);
    return await provisioner.provision(key, image, { signal });
  }

  async #prepare(
    containerId: ContainerID,
    config: ContainerConfig,
    signal: AbortSignal,
  ): Promise<readonly ContainerLaunchInfo[]> {
    const infos: ContainerLaunchInfo[] = [];
    for (const isolator of this.#options.isolators) {
      signal.throwIfAborted();
      const info = await isolator.prepare(containerId, config, { signal });
      if (info !== undefined) infos.push(info);
    }
    return infos;
  }

  async #fork(
    containerId: ContainerID,
    config: ContainerConfig,
    merged: MergedLaunchInfo,
    provisioned: ProvisionedRoot | undefined,
    signal: AbortSignal,
  ): Promise<ForkedContainer> {
    const { runtimeDir, initPath, launcher, sandboxDirectory } = this.#options;
    const sandbox = config.sandboxDirectory;
    const emptyDirectory = join(runtimeDir, 'empty');
    if (provisioned === undefined) {
      await mkdir(emptyDirectory, { recursive: true });
      // The runtime would create a missing target, and on the host's root that means on the host.
      for (const { target } of merged.mounts) await assertExists(target);
    }
    const user = await resolveUser(config.command.user ?? config.user, { signal });
    signal.throwIfAborted();
    const limits = this.#limitsOf(containerId, config.resources);
    return await launcher.fork({
      runtimeId: containerId.value,
      directory: this.#directoryOf(pathOf(containerId)),
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
        hasTerminalGroup: this.#options.hasTerminalGroup,
        ...(limits === undefined ? {} : { limits }),
      }),
      ...(provisioned?.overlay === undefined ? {} : { overlay: provisioned.overlay }),
      ...(merged.announcement === undefined ? {} : { announcement: merged.announcement }),
    });
  }

  #limitsOf(containerId: ContainerID, resources: readonly Resource[]): ContainerLimits | undefined {
    const { cgroups } = this.#options;
    if (cgroups === undefined) return undefined;
    const amountOf = (name: string): number =>
      resources.reduce((sum, resource) => sum + (resource.name === name ? (resource.scalar?.value ?? 0) : 0), 0);
    const [cpus, memoryMegabytes] = [amountOf('cpus'), amountOf('mem')];
    return {
      cgroupsPath: `/${cgroups.rootName}/${containerId.value}`,
      hasSwapLimit: cgroups.hasSwapLimit,
      ...(cpus > 0 ? { cpuShares: Math.max(CPU_SHARES_MIN, Math.round(cpus * CPU_SHARES_PER_CPU)) } : {}),
      ...(memoryMegabytes > 0
        ? { memoryBytes: Math.max(MEMORY_BYTES_MIN, Math.round(memoryMegabytes * 1024 * 1024)) }
        : {}),
    };
  }

  async #destroy(containerId: ContainerID, container: Container): Promise<void> {
    const key = pathOf(containerId);
    container.aborting.abort(new DestroyedDuringLaunchError(container.phase));
    await Promise.allSettled([container.launching]);
    if (container.forked !== undefined) await container.forked.kill();
    const problems = await this.#cleanUp(containerId, key);
    this.#containers.delete(key);
    if (problems.length > 0) throw new DestroyFailedError(problems.join('; '));
  }

  /** Isolators in reverse order, root file system, runtime directory, whatever fails on the way; gives what did. */
  async #cleanUp(containerId: ContainerID, key: string): Promise<readonly string[]> {
    const failures: string[] = [];
    for (const isolator of this.#options.isolators.toReversed()) {
      try {
        await isolator.cleanup(containerId, { signal: AbortSignal.timeout(CLEANUP_MS_MAX) });
      } catch (error) {
        failures.push(messageOf(error));
      }
    }
    const problems: string[] = [];
    if (failures.length > 0) {
      problems.push(`Failed to clean up an isolator when destroying container: ${failures.join('; ')}`);
    }
    try {
      await this.#options.provisioner?.destroy(key);
    } catch (error) {
      problems.push(`Failed to destroy the provisioned root filesystem when destroying container: ${messageOf(error)}`);
    }
    try {
      await rm(this.#directoryOf(key), { recursive: true, force: true });
    } catch (error) {
      problems.push(`Failed to remove the runtime directory: ${messageOf(error)}`);
    }
    return problems;
  }

  #directoryOf(key: string): string {
    return join(this.#options.runtimeDir, 'containers', key);
  }
}

/** `<parent>/containers/<child>`, as upstream nests directories. */
function pathOf(containerId: ContainerID): string {
  const { value, parent } = containerId;
  if (value === '' || value === '.' || value === '..' || value.includes('/') || value.includes('\0')) {
    throw new LaunchFailedError(`Expected a container id that can name a directory, got '${value}'`);
  }
  return parent === undefined ? value : `${pathOf(parent)}/containers/${value}`;
}

function idOf(path: string): ContainerID {
  const at = path.lastIndexOf('/containers/');
  if (at < 0) return { value: path };
  return { value: path.slice(at + '/containers/'.length), parent: idOf(path.slice(0, at)) };
}

/** Entries of a directory that may not be there. */
async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function assertExists(target: string): Promise<void> {
  try {
    await stat(target);
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
    throw new LaunchFailedError(`The mount target '${target}' does not exist on the host`, { cause: error });
  }
}

/**
 * The MesosContainerizer: launches and destroys containers, and takes over those of an earlier agent.
 *
 * Life cycle of one container: provisioning -> preparing (isolators, one after the other) -> isolating (the shim is
 * forked and waits at the gate) -> running -> destroying -> gone. The caller opens the gate, waits for `exited`, and
 * calls `destroy` once for every `launch`, also for one that failed, and once for every container that it told `recover`.
 *
 * Example: `const forked = await containerizer.launch(id, config, { signal }); await forked.openGate();
 * const how = await forked.exited; await containerizer.destroy(id);`
 * @see src/slave/containerizer/mesos/containerizer.cpp
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@drydock/base/errors';
import type { ContainerConfig } from '@drydock/isolator';
import type { ContainerID } from '@drydock/mesos';
import { pathOf } from './container-ids.ts';
import { endOrphans, findContainers, type KnownContainer } from './container-recovery.ts';
import type { MesosContainerizerOptions } from './containerizer-options.ts';
import { DestroyedDuringLaunchError, DestroyFailedError, LaunchFailedError } from './errors.ts';
import { launchContainer, type LaunchPhase } from './launch-container.ts';
import { removeCgroups } from './launcher/cgroups.ts';
import type { ContainerProcess, ForkedContainer } from './launcher/container-process.ts';

export interface LaunchOptions {
  /** Aborting it fails the launch; `destroy` has to follow as always. */
  readonly signal: AbortSignal;
  /** What the agent gives to every executor; the task's own environment wins. */
  readonly executorEnvironment?: Readonly<Record<string, string>>;
}

/** A container of an earlier agent. */
export interface RecoveredContainer {
  readonly containerId: ContainerID;
  readonly process: ForkedContainer;
}

interface Container {
  readonly id: ContainerID;
  /** `remainder`: an earlier agent was about to launch it and died; there is only something to clean up. */
  phase: LaunchPhase | 'running' | 'remainder';
  readonly aborting: AbortController;
  /** Settles when `launch` does. */
  launching: Promise<unknown>;
  forked?: ContainerProcess;
  destroying?: Promise<void>;
}

/** An unmount through a driver may take 10 minutes; then the isolator's own bound has already struck. */
const CLEANUP_MS_MAX = 11 * 60_000;

export class MesosContainerizer implements AsyncDisposable {
  readonly #options: MesosContainerizerOptions;
  readonly #containers = new Map<string, Container>();
  #destroyErrorCount = 0;
  #isDetached = false;

  constructor(options: MesosContainerizerOptions) {
    this.#options = options;
  }

  /**
   * Prepares a container and forks it; its command waits for `openGate`.
   * @throws LaunchFailedError, ImageError, an isolator's error, DestroyedDuringLaunchError; the message is what follows
   * `Failed to launch container: `
   */
  async launch(containerId: ContainerID, config: ContainerConfig, options: LaunchOptions): Promise<ForkedContainer> {
    const path = pathOf(containerId);
    if (this.#containers.has(path)) throw new LaunchFailedError(`Container '${containerId.value}' is already launched`);
    const container = this.#add(containerId, 'provisioning');
    const launching = this.#launch(container, config, options);
    container.launching = launching;
    return await launching;
  }

  /**
   * Takes over the containers that an earlier agent has launched and that the caller knows, whether they are alive or have
   * ended meanwhile, and ends all others: their processes, what the isolators and the provisioner have of them, their
   * runtime directories. A known container that never came to be forked is not in the result; like every other one it is
   * to be destroyed. Runs once, before the first launch, and by one agent per runtime directory.
   */
  async recover(known: readonly KnownContainer[]): Promise<readonly RecoveredContainer[]> {
    const { isolators, launcher, provisioner, runtimeDir } = this.#options;
    const found = await findContainers(known, {
      runtimeDir,
      launcher,
      ...(provisioner === undefined ? {} : { provisionerDir: provisioner.directory }),
    });
    for (const { containerId, process } of found.attached) this.#add(containerId, 'running').forked = process;
    for (const containerId of found.remainders) this.#add(containerId, 'remainder');
    const runningPaths = new Set(found.running.map(({ containerId }) => pathOf(containerId)));
    const gone = [...this.#containers].flatMap(([path, { id }]) => (runningPaths.has(path) ? [] : [id]));
    // All references are counted before anything is let go of.
    for (const isolator of isolators) await isolator.recover(found.running, [...gone, ...found.orphans]);
    await endOrphans(found.orphans, async (containerId) => await this.#endOrphan(containerId));
    return found.attached;
  }

  /** Containers that were destroyed with something left undone, since the start. */
  get destroyErrorCount(): number {
    return this.#destroyErrorCount;
  }

  /** Ids of the containers that were launched or recovered and not yet destroyed. */
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
    container.destroying ??= this.#destroy(container).catch((error: unknown) => {
      this.#destroyErrorCount += 1;
      throw error;
    });
    await container.destroying;
  }

  /**
   * Lets go of everything without ending it, for an agent that is stopped and will be started again: running containers go
   * on, launches that are not complete are given up as if the agent had been killed. Nothing may be asked of the
   * containerizer afterwards; disposing it does nothing more.
   */
  async detach(): Promise<void> {
    if (this.#isDetached) return;
    this.#isDetached = true;
    const containers = [...this.#containers.values()];
    for (const { phase, aborting } of containers) aborting.abort(new DestroyedDuringLaunchError(phase));
    await Promise.allSettled(containers.map(async ({ launching }) => await launching));
    for (const { forked } of containers) forked?.detach();
    for (const isolator of this.#options.isolators) await isolator[Symbol.asyncDispose]?.();
  }

  /** Destroys every container, stops the isolators and removes the control groups that the containers shared. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDetached) return;
    await Promise.allSettled([...this.#containers.values()].map(async ({ id }) => await this.destroy(id)));
    for (const isolator of this.#options.isolators) await isolator[Symbol.asyncDispose]?.();
    if (this.#options.cgroups !== undefined) await removeCgroups(this.#options.cgroups);
  }

  #add(id: ContainerID, phase: Container['phase']): Container {
    const container: Container = { id, phase, aborting: new AbortController(), launching: Promise.resolve() };
    this.#containers.set(pathOf(id), container);
    return container;
  }

  async #launch(container: Container, config: ContainerConfig, options: LaunchOptions): Promise<ForkedContainer> {
    const signal = AbortSignal.any([options.signal, container.aborting.signal]);
    const path = pathOf(container.id);
    try {
      const forked = await launchContainer(this.#options, {
        containerId: container.id,
        path,
        directory: this.#directoryOf(path),
        config,
        executorEnvironment: options.executorEnvironment ?? {},
        signal,
        onPhase: (phase) => {
          container.phase = phase;
        },
      });
      container.forked = forked;
      signal.throwIfAborted();
      container.phase = 'running';
      return forked;
    } catch (error) {
      if (container.aborting.signal.aborted) throw new DestroyedDuringLaunchError(container.phase);
      throw error;
    }
  }

  async #destroy(container: Container): Promise<void> {
    const { id, phase, aborting, launching } = container;
    const path = pathOf(id);
    aborting.abort(new DestroyedDuringLaunchError(phase));
    await Promise.allSettled([launching]);
    if (container.forked !== undefined) await container.forked.kill();
    if (phase === 'remainder') await this.#options.launcher.endOrphan(id.value, this.#directoryOf(path));
    const problems = await this.#cleanUp(id, path);
    this.#containers.delete(path);
    if (problems.length > 0) throw new DestroyFailedError(problems.join('; '));
  }

  async #endOrphan(containerId: ContainerID): Promise<void> {
    const { launcher, logger } = this.#options;
    const path = pathOf(containerId);
    logger.warning('Ending a container of an earlier agent', { containerId: containerId.value });
    try {
      await launcher.endOrphan(containerId.value, this.#directoryOf(path));
      const problems = await this.#cleanUp(containerId, path);
      if (problems.length > 0) throw new DestroyFailedError(problems.join('; '));
    } catch (error) {
      this.#destroyErrorCount += 1;
      logger.error('Failed to clean up after an earlier agent', { containerId: containerId.value, error });
    }
  }

  /** Isolators in reverse order, root file system, runtime directory, whatever fails on the way; gives what did. */
  async #cleanUp(containerId: ContainerID, path: string): Promise<readonly string[]> {
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
      await this.#options.provisioner?.destroy(path);
    } catch (error) {
      problems.push(`Failed to destroy the provisioned root filesystem when destroying container: ${messageOf(error)}`);
    }
    try {
      await rm(this.#directoryOf(path), { recursive: true, force: true });
    } catch (error) {
      problems.push(`Failed to remove the runtime directory: ${messageOf(error)}`);
    }
    return problems;
  }

  #directoryOf(path: string): string {
    return join(this.#options.runtimeDir, 'containers', path);
  }
}

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
import { assert, messageOf } from '@drydock/base/errors';
import { forEachDeepestFirst, type ContainerConfig } from '@drydock/isolator';
import { containerText, rootContainer, type ContainerID, type Resource } from '@drydock/mesos';
import { cleanUpContainer, removeSandbox } from './clean-up-container.ts';
import { assertUnambiguous, pathOf, sandboxBelow } from './container-ids.ts';
import { findContainers, type KnownContainer } from './container-recovery.ts';
import { newContainer, setProcess, type Container } from './container-record.ts';
import type { MesosContainerizerOptions } from './containerizer-options.ts';
import {
  AlreadyLaunchedError,
  DestroyedDuringLaunchError,
  DestroyFailedError,
  LaunchFailedError,
  RemoveFailedError,
} from './errors.ts';
import { isolatorsFor } from './isolators/isolators-for.ts';
import { launchContainer, limitsOf } from './launch-container.ts';
import type { CommandConfig } from './launch-info.ts';
import { removeCgroups } from './launcher/cgroups.ts';
import type { ContainerProcess, ForkedContainer } from './launcher/container-process.ts';
import type { ContainerTermination, SentSignal } from './launcher/container-termination.ts';

export interface LaunchOptions {
  /** Aborting it fails the launch; `destroy` has to follow as always. */
  readonly signal: AbortSignal;
  /** What the agent gives to every executor; the task's own environment wins. */
  readonly executorEnvironment?: Readonly<Record<string, string>>;
  /** A shell command is named in its stdout before it runs, as the command executor does; default: true. */
  readonly isAnnounced?: boolean;
}

/** A container of an earlier agent. */
export interface RecoveredContainer {
  readonly containerId: ContainerID;
  /** Undefined for one without a process of its own. */
  readonly process: ForkedContainer | undefined;
}

const NEVER_STARTED: ContainerTermination = {
  how: 'launch-failed',
  message: 'The launch was aborted before the command was started',
};
const UNANSWERED = new Promise<never>(() => undefined);
const NO_PROCESS: ContainerTermination = { how: 'unknown', message: 'The container had no process of its own' };

export class MesosContainerizer implements AsyncDisposable {
  readonly #options: MesosContainerizerOptions;
  readonly #containers = new Map<string, Container>();
  #destroyErrorCount = 0;
  #isDetached = false;

  constructor(options: MesosContainerizerOptions) {
    this.#options = options;
  }

  /**
   * Prepares a container and forks it; its command waits for `openGate`. One with a parent is nested in a container that is
   * there, and has mounts, control groups and a process id namespace of its own.
   * DEVIATION: upstream's nested containers share the control groups of their root unless they ask for their own.
   * @throws LaunchFailedError, ImageError, an isolator's error, DestroyedDuringLaunchError; the message is what follows
   * `Failed to launch container: `
   */
  async launch(containerId: ContainerID, config: CommandConfig, options: LaunchOptions): Promise<ForkedContainer> {
    const forked = await this.#launchAs(containerId, config, options);
    assert(forked !== undefined, 'A container with a command is forked');
    return forked;
  }

  /**
   * Prepares a container that has no process of its own, for an executor that the agent hosts: isolators and provisioner
   * give it all that it asks for, and it holds that, also for an agent that comes later, until it is destroyed.
   * @throws as `launch`
   */
  async launchWithoutProcess(
    containerId: ContainerID,
    config: Omit<ContainerConfig, 'command'>,
    options: LaunchOptions,
  ): Promise<void> {
    const { command: _command, ...rest }: ContainerConfig = config;
    await this.#launchAs(containerId, rest, options);
  }

  /**
   * Changes the limits of a container whose command runs; one without a process, and one of an agent without control
   * groups, has none.
   * @throws UpdateFailedError
   * @see src/slave/containerizer/mesos/containerizer.cpp update
   */
  async update(containerId: ContainerID, resources: readonly Resource[]): Promise<void> {
    if (this.#isDetached) return await UNANSWERED;
    const forked = this.#containers.get(pathOf(containerId))?.forked;
    const limits = limitsOf(this.#options, containerId, resources);
    if (forked !== undefined && limits !== undefined) await forked.limit(limits);
  }

  /**
   * How a container has ended, as soon as it has; one without a process ends when it is destroyed. Of a nested container
   * this stays known until it is removed or its root is destroyed, also to an agent that comes later. Undefined for one that
   * is not known.
   */
  async wait(containerId: ContainerID): Promise<ContainerTermination | undefined> {
    if (this.#isDetached) return await UNANSWERED;
    const container = this.#containers.get(pathOf(containerId));
    if (container !== undefined) return await container.termination.promise;
    return this.#rootOf(containerId)?.terminated.get(pathOf(containerId));
  }

  /** Signals the command of a container; false when it is not there or has no process. SIGTERM aborts one at its gate. */
  async signal(containerId: ContainerID, signal: SentSignal): Promise<boolean> {
    if (this.#isDetached) return await UNANSWERED;
    const forked = this.#containers.get(pathOf(containerId))?.forked;
    if (forked === undefined) return false;
    if (signal === 'SIGTERM') await forked.terminate();
    else await forked.kill();
    return true;
  }

  /**
   * Removes what is kept of a nested container that has been destroyed: its termination, and its sandbox where that is in
   * the sandbox of its root; one that the caller has made elsewhere is the caller's. Idempotent.
   * @throws RemoveFailedError when it is still there
   */
  async remove(containerId: ContainerID): Promise<void> {
    if (this.#isDetached) return await UNANSWERED;
    assert(containerId.parent !== undefined, 'Only nested containers are removed');
    if (this.#containers.has(pathOf(containerId)))
      throw new RemoveFailedError('Nested container has not terminated yet');
    const root = this.#rootOf(containerId);
    if (root === undefined) throw new RemoveFailedError('Unknown root container');
    try {
      await rm(this.#directoryOf(containerId), { recursive: true, force: true });
    } catch (error) {
      throw new RemoveFailedError(`Failed to remove the runtime directory: ${messageOf(error)}`, { cause: error });
    }
    await removeSandbox(root.sandboxDirectory, sandboxBelow(root.sandboxDirectory, containerId));
    // Last, because an id that is still known cannot be launched again meanwhile.
    const path = pathOf(containerId);
    for (const one of root.terminated.keys()) {
      if (one === path || one.startsWith(`${path}/`)) root.terminated.delete(one);
    }
  }

  /**
   * Takes over the containers that an earlier agent has launched and that the caller knows, with those nested in them,
   * whether they are alive or have ended meanwhile, and ends all others: their processes, what the isolators and the
   * provisioner have of them, their runtime directories. A known container that never came to be forked is not in the
   * result; like every other one it is to be destroyed. Parents come before their children in the result. Runs once,
   * before the first launch, and by one agent per runtime directory.
   */
  async recover(known: readonly KnownContainer[]): Promise<readonly RecoveredContainer[]> {
    const { isolators, launcher, provisioner, runtimeDir } = this.#options;
    const found = await findContainers(known, {
      runtimeDir,
      launcher,
      ...(provisioner === undefined ? {} : { provisionerDir: provisioner.directory }),
    });
    for (const { state, process } of found.recovered) {
      const container = this.#add(state.containerId, state.sandboxDirectory, 'running');
      if (process !== undefined) setProcess(container, process);
    }
    for (const { containerId, sandboxDirectory } of found.remainders) {
      this.#add(containerId, sandboxDirectory, 'remainder');
    }
    for (const { containerId, termination } of found.terminated) this.#keep(containerId, termination);
    const running = found.recovered.flatMap(({ isAlive, state }) => (isAlive ? [state] : []));
    const gone = found.recovered.flatMap(({ isAlive, state }) => (isAlive ? [] : [state]));
    const orphans = [...[...gone, ...found.remainders].map(({ containerId }) => containerId), ...found.orphans];
    // All references are counted before anything is let go of.
    for (const isolator of isolators) {
      const isAsked = (id: ContainerID): boolean => isolatorsFor([isolator], id).length > 0;
      await isolator.recover(
        running.filter(({ containerId }) => isAsked(containerId)),
        orphans.filter(isAsked),
      );
    }
    await forEachDeepestFirst(found.orphans, async (containerId) => await this.#endOrphan(containerId));
    return found.recovered.map(({ state, process }) => ({ containerId: state.containerId, process }));
  }

  /** Containers that were destroyed with something left undone, since the start. */
  get destroyErrorCount(): number {
    return this.#destroyErrorCount;
  }

  /** Ids of the containers that were launched or recovered and not yet destroyed; nested ones as `parent/containers/child`. */
  containers(): readonly string[] {
    return [...this.#containers.keys()];
  }

  /**
   * Ends a container in whatever phase it is and cleans up after it: its nested containers first, then every isolator in
   * reverse order, its root file system and its runtime directory, whatever fails on the way. Of a nested container the
   * termination is kept. Idempotent; an unknown container is fine.
   * DEVIATION: upstream waits for a running `prepare` and keeps the root file system when an isolator failed to clean up.
   * @throws DestroyFailedError with all failures
   */
  async destroy(containerId: ContainerID): Promise<void> {
    if (this.#isDetached) return await UNANSWERED;
    const container = this.#containers.get(pathOf(containerId));
    if (container === undefined) return;
    container.destroying ??= this.#destroy(container).catch((error: unknown) => {
      this.#destroyErrorCount += 1;
      // Where something of it is still alive it can be tried again.
      delete container.destroying;
      throw error;
    });
    await container.destroying;
  }

  /**
   * Lets go of everything without ending it, for an agent that is stopped and will be started again: running containers go
   * on, launches that are not complete are given up, a clean-up that is under way goes on. To whoever waits for a launch or
   * asks for anything from now on it is as if the agent had been killed: there is no answer. Disposing does nothing more.
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
    const destroying = [...this.#containers.values()].map(async ({ id }) => {
      try {
        await this.destroy(id);
      } catch (error) {
        this.#options.logger.error('Failed to destroy a container', { containerId: containerText(id), error });
      }
    });
    await Promise.all(destroying);
    for (const isolator of this.#options.isolators) await isolator[Symbol.asyncDispose]?.();
    if (this.#options.cgroups !== undefined) await removeCgroups(this.#options.cgroups);
  }

  #add(id: ContainerID, sandboxDirectory: string, phase: Container['phase']): Container {
    const container = newContainer(id, sandboxDirectory, phase);
    this.#containers.set(pathOf(id), container);
    if (id.parent !== undefined) this.#containers.get(pathOf(id.parent))?.children.add(container);
    return container;
  }

  async #launchAs(
    id: ContainerID,
    config: ContainerConfig,
    options: LaunchOptions,
  ): Promise<ContainerProcess | undefined> {
    if (this.#isDetached) return await UNANSWERED;
    this.#assertCanLaunch(id);
    const container = this.#add(id, config.sandboxDirectory, 'provisioning');
    const launching = this.#launch(container, config, options);
    container.launching = launching;
    try {
      return await launching;
    } catch (error) {
      if (this.#isDetached) return await UNANSWERED;
      throw error;
    }
  }

  #assertCanLaunch(id: ContainerID): void {
    const text = containerText(id);
    if (this.#containers.has(pathOf(id))) throw new AlreadyLaunchedError(text);
    assertUnambiguous(id);
    if (id.parent === undefined) return;
    // DEVIATION: upstream launches over what is kept of it, and the next agent takes the new one for terminated.
    if (this.#rootOf(id)?.terminated.has(pathOf(id)) === true) {
      throw new LaunchFailedError(`Container '${text}' has terminated and is not removed yet`);
    }
    const parent = this.#containers.get(pathOf(id.parent));
    const parentText = containerText(id.parent);
    if (parent === undefined) throw new LaunchFailedError(`Parent container ${parentText} does not exist`);
    if (parent.destroying !== undefined) {
      throw new LaunchFailedError(`Parent container ${parentText} is in 'DESTROYING' state`);
    }
  }

  async #launch(
    container: Container,
    config: ContainerConfig,
    options: LaunchOptions,
  ): Promise<ContainerProcess | undefined> {
    const signal = AbortSignal.any([options.signal, container.aborting.signal]);
    const { id } = container;
    try {
      const forked = await launchContainer(this.#options, {
        containerId: id,
        path: pathOf(id),
        directory: this.#directoryOf(id),
        config,
        executorEnvironment: options.executorEnvironment ?? {},
        isAnnounced: options.isAnnounced ?? true,
        signal,
        onPhase: (phase) => {
          container.phase = phase;
        },
      });
      if (forked !== undefined) setProcess(container, forked);
      signal.throwIfAborted();
      container.phase = 'running';
      return forked;
    } catch (error) {
      if (container.aborting.signal.aborted) throw new DestroyedDuringLaunchError(container.phase);
      throw error;
    }
  }

  async #destroy(container: Container): Promise<void> {
    const { id, phase, aborting, launching, termination, children } = container;
    aborting.abort(new DestroyedDuringLaunchError(phase));
    await Promise.allSettled([launching]);
    const problems = [...(await this.#destroyChildren(children))];
    const { forked } = container;
    if (forked !== undefined) await forked.kill();
    if (phase === 'remainder') await this.#endRemainder(id);
    if (forked === undefined) termination.resolve(phase === 'running' ? NO_PROCESS : NEVER_STARTED);
    const kept = id.parent === undefined ? undefined : await termination.promise;
    problems.push(...(await cleanUpContainer(this.#options, id, kept)));
    this.#containers.delete(pathOf(id));
    if (kept !== undefined) this.#keep(id, kept);
    if (id.parent !== undefined) this.#containers.get(pathOf(id.parent))?.children.delete(container);
    if (problems.length > 0) throw new DestroyFailedError(problems.join('; '));
  }

  /**
   * What failed; nothing may be taken from a container while a nested one is alive.
   * @throws DestroyFailedError when one is
   */
  async #destroyChildren(children: ReadonlySet<Container>): Promise<readonly string[]> {
    const outcomes = await Promise.allSettled([...children].map(async ({ id }) => await this.destroy(id)));
    const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [messageOf(outcome.reason)] : []));
    if (failures.length === 0) return [];
    const problem = `Failed to destroy nested containers: ${failures.join('; ')}`;
    if (children.size > 0) throw new DestroyFailedError(problem);
    return [problem];
  }

  async #endRemainder(containerId: ContainerID): Promise<void> {
    try {
      await this.#options.launcher.endOrphan(containerText(containerId), this.#directoryOf(containerId));
    } catch (error) {
      const why = `Failed to kill all processes in the container: ${messageOf(error)}`;
      throw new DestroyFailedError(why, { cause: error });
    }
  }

  async #endOrphan(containerId: ContainerID): Promise<void> {
    const { launcher, logger } = this.#options;
    const text = containerText(containerId);
    logger.warning('Ending a container of an earlier agent', { containerId: text });
    try {
      await launcher.endOrphan(text, this.#directoryOf(containerId));
      const hasParent = containerId.parent !== undefined && this.#containers.has(pathOf(containerId.parent));
      const kept = hasParent ? NEVER_STARTED : undefined;
      const problems = await cleanUpContainer(this.#options, containerId, kept);
      if (kept !== undefined) this.#keep(containerId, kept);
      if (problems.length > 0) throw new DestroyFailedError(problems.join('; '));
    } catch (error) {
      this.#destroyErrorCount += 1;
      logger.error('Failed to clean up after an earlier agent', { containerId: text, error });
    }
  }

  #keep(containerId: ContainerID, termination: ContainerTermination): void {
    this.#rootOf(containerId)?.terminated.set(pathOf(containerId), termination);
  }

  #rootOf(containerId: ContainerID): Container | undefined {
    return this.#containers.get(pathOf(rootContainer(containerId)));
  }

  #directoryOf(containerId: ContainerID): string {
    return join(this.#options.runtimeDir, 'containers', pathOf(containerId));
  }
}

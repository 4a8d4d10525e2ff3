/**
 * Containers that operators and executors launch over the agent's API: nested in one of an executor, or standing alone.
 * They end with their command, by a call, or with the container that they are nested in.
 *
 * DEVIATION: upstream makes every nested sandbox in that of its parent, which may belong to a task that puts a link there.
 * Here one is made there only where the parent's sandbox is root's; otherwise in `nested/` beside the runs of the executor.
 * DEVIATION: containers that stand alone outlive upstream's agent; here the next agent ends them.
 * @see src/slave/http.cpp launchContainer, waitContainer, killContainer, removeContainer
 */
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf } from '@drydock/base/errors';
import type { Logger } from '@drydock/base/log';
import type { ContainerTermination, MesosContainerizer } from '@drydock/containerizer';
import {
  HttpError,
  containerKey,
  rootContainer,
  unimplementedFields,
  type ContainerEnd,
  type ContainerID,
  type LaunchContainer,
} from '@drydock/mesos';
import type { AgentOptions } from './agent-options.ts';
import type { ExecutorRun } from './executor/executor-run.ts';
import { createNamedSandbox, nestedSandboxPath } from './sandbox.ts';

export interface OperatorContainersOptions {
  readonly workDir: string;
  readonly isSwitchingUser: boolean;
  readonly hasDockerVolumes: boolean;
  readonly containerizer: Pick<MesosContainerizer, 'launch' | 'destroy' | 'wait' | 'signal' | 'remove'>;
  readonly logger: Logger;
  /** Those whose container is not cleaned up yet. */
  readonly runs: () => readonly ExecutorRun[];
}

const SIGNALS: ReadonlyMap<number, 'SIGTERM' | 'SIGKILL'> = new Map([
  [9, 'SIGKILL'],
  [15, 'SIGTERM'],
]);

export class OperatorContainers {
  readonly #options: OperatorContainersOptions;
  /** Those that run or are cleaned up. */
  readonly #ids = new Map<string, ContainerID>();
  /** Their sandboxes are about to go. */
  readonly #removing = new Set<string>();
  readonly #stopping = new AbortController();

  constructor(options: OperatorContainersOptions) {
    this.#options = options;
  }

  get ids(): readonly ContainerID[] {
    return [...this.#ids.values()];
  }

  /**
   * LAUNCH_NESTED_CONTAINER and LAUNCH_CONTAINER.
   * @returns whether it is new
   * @throws HttpError 400 what it asks for cannot be had, 404 no executor has its parent
   */
  async launch({ container_id: id, command, container, resources = [] }: LaunchContainer): Promise<boolean> {
    const { containerizer, hasDockerVolumes } = this.#options;
    const run = id.parent === undefined ? undefined : this.#runOf(id);
    if (this.#isThere(id, run)) return false;
    if (this.#removing.has(containerKey(id))) {
      throw new HttpError(400, `Container ${containerKey(id)} is being removed`);
    }
    const parts = { ...(command === undefined ? {} : { command }), ...(container === undefined ? {} : { container }) };
    const [field] = unimplementedFields({
      name: '',
      task_id: { value: '' },
      agent_id: { value: '' },
      resources,
      ...parts,
    });
    if (field !== undefined) throw new HttpError(400, `'${field}' is not supported`);
    if (!hasDockerVolumes && container?.volumes?.some(({ source }) => source?.type === 'DOCKER_VOLUME') === true) {
      throw new HttpError(400, "The 'docker/volume' isolator is not enabled on this agent, expected it in --isolation");
    }
    const user = this.#options.isSwitchingUser ? (command?.user ?? run?.user ?? 'root') : 'root';
    this.#ids.set(containerKey(id), id);
    try {
      const sandboxDirectory = await createNamedSandbox(this.#sandboxOf(id, run), user);
      const config = { command: { ...command, user }, resources, sandboxDirectory, user };
      const forked = await containerizer.launch(
        id,
        { ...config, ...(container === undefined ? {} : { container }) },
        { signal: this.#stopping.signal },
      );
      await forked.openGate();
      void this.#cleanUpAfter(id, forked.exited);
      return true;
    } catch (error) {
      await this.#destroy(id);
      this.#ids.delete(containerKey(id));
      throw new HttpError(400, messageOf(error));
    }
  }

  /** One that an earlier agent has launched. */
  adopt(id: ContainerID, exited: Promise<ContainerTermination>): void {
    this.#ids.set(containerKey(id), id);
    void this.#cleanUpAfter(id, exited);
  }

  /** WAIT_NESTED_CONTAINER and WAIT_CONTAINER. @throws HttpError 404 */
  async wait(id: ContainerID): Promise<ContainerEnd> {
    const termination = await this.#options.containerizer.wait(id);
    if (termination === undefined) throw new HttpError(404, `Container ${containerKey(id)} cannot be found`);
    if (termination.how !== 'exited') return { state: 'TASK_FAILED', message: termination.message };
    return {
      exit_status: termination.waitStatus,
      ...(termination.isOutOfMemory
        ? { state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LIMITATION_MEMORY', message: 'Memory limit exceeded' }
        : {}),
    };
  }

  /** KILL_NESTED_CONTAINER and KILL_CONTAINER. @throws HttpError 400 another signal, 404 */
  async kill(id: ContainerID, number = 9): Promise<void> {
    const signal = SIGNALS.get(number);
    if (signal === undefined) throw new HttpError(400, `Expecting 'signal' to be 9 or 15, got ${number}`);
    const isOfExecutor = id.parent === undefined && !this.#ids.has(containerKey(id));
    if (isOfExecutor || !(await this.#options.containerizer.signal(id, signal))) {
      throw new HttpError(404, `Container ${containerKey(id)} cannot be found (or is already killed)`);
    }
  }

  /** REMOVE_NESTED_CONTAINER and REMOVE_CONTAINER. @throws HttpError 404, 500 */
  async remove(id: ContainerID): Promise<void> {
    if (id.parent === undefined) {
      if (this.#ids.has(containerKey(id))) throw new HttpError(500, 'Standalone container has not terminated yet');
      await rm(this.#sandboxOf(id, undefined), { recursive: true, force: true });
      return;
    }
    const run = this.#runOf(id);
    const key = containerKey(id);
    if (this.#ids.has(key)) throw new HttpError(500, 'Nested container has not terminated yet');
    this.#removing.add(key);
    try {
      await this.#options.containerizer.remove(id);
      await rm(this.#sandboxOf(id, run), { recursive: true, force: true });
    } catch (error) {
      throw new HttpError(500, messageOf(error));
    } finally {
      this.#removing.delete(key);
    }
  }

  /** Gives up launches that are not complete. */
  stop(): void {
    this.#stopping.abort(new Error('The agent stops'));
  }

  #isThere(id: ContainerID, run: ExecutorRun | undefined): boolean {
    const path = containerKey(id);
    return this.#ids.has(path) || run?.tasks.some(({ containerId }) => containerKey(containerId) === path) === true;
  }

  #runOf(id: ContainerID): ExecutorRun {
    const root = rootContainer(id).value;
    const run = this.#options.runs().find(({ containerId }) => containerId.value === root);
    if (run === undefined) {
      throw new HttpError(404, `Unable to locate executor for parent container ${containerKey(id.parent ?? id)}`);
    }
    return run;
  }

  /** All directories above it are root's. */
  #sandboxOf(id: ContainerID, run: ExecutorRun | undefined): string {
    if (run?.sandbox === undefined) return join(this.#options.workDir, 'containers', id.value);
    if (run.isSandboxOfAgent && id.parent?.parent === undefined) return nestedSandboxPath(run.sandbox, id.value);
    const name = containerKey(id).replaceAll('/', '.');
    return join(dirname(dirname(run.sandbox)), 'nested', name);
  }

  async #cleanUpAfter(id: ContainerID, exited: Promise<ContainerTermination>): Promise<void> {
    await exited;
    await this.#destroy(id);
    this.#ids.delete(containerKey(id));
  }

  async #destroy(id: ContainerID): Promise<void> {
    try {
      await this.#options.containerizer.destroy(id);
    } catch (error) {
      this.#options.logger.error('Failed to clean up a container', { containerId: containerKey(id), error });
    }
  }
}

/** What an earlier agent has left below executors and is no task of theirs. */
export function adoptOthers(
  containers: OperatorContainers,
  { processes }: NonNullable<AgentOptions['recovered']>,
  runs: readonly ExecutorRun[],
): void {
  const known = new Set(runs.flatMap(({ tasks }) => tasks.map(({ containerId }) => containerKey(containerId))));
  for (const [path, process] of processes) {
    if (process === undefined || known.has(path) || !path.includes('/')) continue;
    const [root = '', ...names] = path.split('/');
    const id = names.reduce<ContainerID>((parent, value) => ({ value, parent }), { value: root });
    containers.adopt(id, process.exited);
  }
}

import { join } from 'node:path';
import { messageOf } from '@drydock/base/errors';
import type { Logger } from '@drydock/base/log';
import type { ForkedContainer, MesosContainerizer } from '@drydock/containerizer';
import type { ContainerID, ContainerStatus, FrameworkInfo, KillPolicy, TaskInfo, TaskStatus } from '@drydock/mesos';
import type { RunIds } from '../directories.ts';
import type { KillRequest } from '../checkpoint/agent-checkpoints.ts';
import { CommandExecutor, type ResumedTask } from './command-executor.ts';
import { ContainerLostError } from './container-lost-error.ts';
import type { RunJournal } from './run-journal.ts';
import { TaskRecord } from './task-record.ts';

export interface TaskRunOptions {
  readonly framework: FrameworkInfo & { readonly id: { readonly value: string } };
  readonly task: TaskInfo;
  /** Of the executor's run. */
  readonly ids: RunIds;
  /** Of the task: that of the executor, or one nested in it. */
  readonly containerId: ContainerID;
  readonly hostname: string;
  /** Who runs the command: see `--switch_user`. */
  readonly user: string;
  /** `--isolation` has docker/volume. */
  readonly hasDockerVolumes: boolean;
  /** The executor's lines go to the stdout of the task. */
  readonly isPrinting: boolean;
  readonly executorEnvironment: (sandbox: string) => Readonly<Record<string, string>>;
  readonly containerizer: Pick<MesosContainerizer, 'launch' | 'destroy'>;
  readonly logger: Logger;
  readonly journal: RunJournal;
  /** What has to be done before anything of the container is made. */
  readonly begin: () => Promise<void>;
  /** The container has a process, which waits at the gate. */
  readonly onForked: (pid: number) => Promise<void>;
  readonly createSandbox: () => Promise<string>;
  /** Resolves when the status is written down; never rejects. */
  readonly onStatus: (task: TaskRecord, status: TaskStatus) => Promise<void>;
  /** An earlier agent has begun it. */
  readonly recovered?: RecoveredTaskRun;
}

/** What is left of a task of an earlier agent. */
export interface RecoveredTaskRun {
  readonly sandbox: string;
  readonly statuses: readonly TaskStatus[];
  /** Undefined when its container had no process yet or has been cleaned up. */
  readonly process?: ForkedContainer;
  readonly kill?: KillRequest;
  /** Why there is no process, when that is known. */
  readonly absence?: string;
}

/** One task in its container. */
export class TaskRun {
  readonly record: TaskRecord;
  readonly #options: TaskRunOptions;
  readonly #killing = new AbortController();
  #executor: CommandExecutor | undefined;
  #pid: number | undefined;

  constructor(options: TaskRunOptions) {
    const { recovered, task, ids, containerId, onStatus } = options;
    this.#options = options;
    this.#pid = recovered?.process?.pid;
    this.record = new TaskRecord({
      task,
      ids,
      containerId,
      statuses: recovered?.statuses ?? [],
      containerStatus: () => this.containerStatus,
      onStatus,
    });
  }

  /** As far as it is known. */
  get containerStatus(): ContainerStatus {
    const { containerId } = this.#options;
    return { container_id: containerId, ...(this.#pid === undefined ? {} : { executor_pid: this.#pid }) };
  }

  /** Ends when the container is cleaned up; never rejects. */
  async run(): Promise<void> {
    const { recovered } = this.#options;
    let failure: string | undefined;
    try {
      if (recovered === undefined) await this.#execute();
      else await this.#resume(recovered);
    } catch (error) {
      const isLost = error instanceof ContainerLostError;
      failure = isLost ? error.message : `Failed to launch container: ${messageOf(error)}`;
    }
    // An agent that is killed now can tell the end only from here or from the container.
    await this.record.written;
    failure = await this.#cleanUp(failure);
    if (failure !== undefined) this.#reportFailure(failure);
    await this.record.written;
  }

  /** The executor cannot run it. Not to be followed by `run`. */
  async fail(message: string): Promise<void> {
    this.#reportFailure(message);
    await this.record.written;
  }

  /** A task that ended tells so before its container is cleaned up, as upstream; a failed launch tells of both. */
  async #cleanUp(failure: string | undefined): Promise<string | undefined> {
    const { containerizer, logger } = this.#options;
    try {
      await containerizer.destroy(this.#options.containerId);
      return failure;
    } catch (error) {
      logger.error('Failed to clean up a container', { containerId: this.#options.containerId.value, error });
      return failure === undefined ? undefined : `${failure}; Abnormal executor termination: ${messageOf(error)}`;
    }
  }

  #reportFailure(message: string): void {
    if (this.#killing.signal.aborted) {
      this.record.report('SOURCE_AGENT', {
        state: 'TASK_KILLED',
        reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
        message: 'Task killed during launch',
      });
      return;
    }
    const isLaunching = this.#executor === undefined && this.record.state === 'TASK_STAGING';
    const reason = isLaunching ? 'REASON_CONTAINER_LAUNCH_FAILED' : 'REASON_EXECUTOR_TERMINATED';
    this.record.report('SOURCE_AGENT', { state: 'TASK_FAILED', reason, message });
  }

  /** KILL of the framework; ends a launch promptly. */
  async kill(policy: KillPolicy | undefined): Promise<void> {
    if (this.#executor !== undefined) await this.#executor.kill(policy?.grace_period);
    else await this.#killDuringLaunch();
  }

  /** MESSAGE of the framework: nothing that a command could take. */
  async message(): Promise<void> {
    await this.#executor?.message();
  }

  /** The agent or the framework goes away. */
  async shutdown(graceMs: number): Promise<void> {
    if (this.#executor !== undefined) await this.#executor.shutdown(graceMs);
    else await this.#killDuringLaunch();
  }

  async #killDuringLaunch(): Promise<void> {
    this.#killing.abort(new Error('Task killed during launch'));
    await this.#noteKill({ deadlineMs: Date.now() });
  }

  async #noteKill(kill: KillRequest): Promise<void> {
    await this.#options.journal.kill(this.record.id, kill);
  }

  async #execute(): Promise<void> {
    const { task, user, containerizer } = this.#options;
    await this.#options.begin();
    const sandbox = await this.#options.createSandbox();
    // DEVIATION: upstream runs the task without the volume when no isolator takes it.
    if (!this.#options.hasDockerVolumes && task.container?.volumes?.some((v) => v.source?.type === 'DOCKER_VOLUME')) {
      throw new Error("The 'docker/volume' isolator is not enabled on this agent, expected it in --isolation");
    }
    const container = await containerizer.launch(
      this.#options.containerId,
      {
        // Also when the task names a user that it does not get: see `isSwitchingUser`.
        command: { ...task.command, user },
        ...(task.container === undefined ? {} : { container: task.container }),
        resources: task.resources ?? [],
        sandboxDirectory: sandbox,
        user,
      },
      { signal: this.#killing.signal, executorEnvironment: this.#options.executorEnvironment(sandbox) },
    );
    await this.#supervise(container, sandbox);
  }

  /** Goes on where an earlier agent was. */
  async #resume({ process, sandbox, kill, absence }: RecoveredTaskRun): Promise<void> {
    if (this.record.isOver) return;
    if (process === undefined && this.record.state === 'TASK_STAGING' && absence === undefined) {
      if (kill !== undefined) this.#killing.abort(new Error('Task killed during launch'));
      throw new Error('The agent was restarted before the container was launched');
    }
    if (process === undefined)
      throw new ContainerLostError(absence ?? 'The container was lost while the agent was away');
    await this.#supervise(process, sandbox, { state: this.record.state, ...(kill === undefined ? {} : { kill }) });
  }

  async #supervise(container: ForkedContainer, sandbox: string, resumed?: ResumedTask): Promise<void> {
    const { task, framework, hostname, isPrinting, logger } = this.#options;
    this.#pid = container.pid;
    if (resumed === undefined) await this.#options.onForked(container.pid);
    // A kill may have come after the launch looked for one, and there was no executor yet that would have taken it.
    this.#killing.signal.throwIfAborted();
    this.#executor = new CommandExecutor({
      task,
      container,
      hostname,
      ...(isPrinting ? { stdoutPath: join(sandbox, 'stdout') } : {}),
      logger,
      hasTaskKillingState: (framework.capabilities ?? []).some(({ type }) => type === 'TASK_KILLING_STATE'),
      report: (report) => this.record.report('SOURCE_EXECUTOR', report),
      noteKill: async (kill) => await this.#noteKill(kill),
      ...(resumed === undefined ? {} : { resumed }),
    });
    await this.#executor.run();
  }
}

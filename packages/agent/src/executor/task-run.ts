import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DomainError, messageOf } from '@drydock/base/errors';
import type { Logger } from '@drydock/base/log';
import type { ForkedContainer, MesosContainerizer } from '@drydock/containerizer';
import type {
  ContainerID,
  ContainerStatus,
  FrameworkInfo,
  KillPolicy,
  Task,
  TaskInfo,
  TaskState,
  TaskStatus,
} from '@drydock/mesos';
import { isTerminalState, toTask } from '@drydock/mesos';
import type { RunIds } from '../directories.ts';
import type { KillRequest } from '../checkpoint/agent-checkpoints.ts';
import { CommandExecutor, type ResumedTask, type TaskReport } from './command-executor.ts';
import type { RunJournal } from './run-journal.ts';

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
  readonly onStatus: (task: TaskRun, status: TaskStatus) => Promise<void>;
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

/** A container of an earlier agent has no process any more; the message is for the framework. */
class ContainerLostError extends DomainError<'CONTAINER_LOST'> {
  readonly code = 'CONTAINER_LOST';
}

/** One task in its container. */
export class TaskRun {
  readonly task: TaskInfo;
  readonly ids: RunIds;
  readonly containerId: ContainerID;
  /** The framework has acknowledged its end. */
  isAcknowledged = false;
  readonly #options: TaskRunOptions;
  readonly #killing = new AbortController();
  #executor: CommandExecutor | undefined;
  #pid: number | undefined;
  /** Every status in order, without those that a terminal one came before. */
  readonly statuses: TaskStatus[];
  sandbox: string | undefined;
  /** Resolves when all statuses are written down. */
  #written: Promise<void> = Promise.resolve();

  constructor(options: TaskRunOptions) {
    const { recovered } = options;
    this.#options = options;
    this.task = options.task;
    this.ids = options.ids;
    this.containerId = options.containerId;
    this.statuses = [...(recovered?.statuses ?? [])];
    this.sandbox = recovered?.sandbox;
    this.#pid = recovered?.process?.pid;
  }

  get state(): TaskState {
    return this.statuses.at(-1)?.state ?? 'TASK_STAGING';
  }

  /** As far as it is known. */
  get containerStatus(): ContainerStatus {
    return { container_id: this.containerId, ...(this.#pid === undefined ? {} : { executor_pid: this.#pid }) };
  }

  /** As the APIs show it. */
  toTask(): Task {
    const { state, statuses } = this;
    return toTask(this.task, { frameworkId: { value: this.ids.frameworkId }, state, statuses });
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
    await this.#written;
    failure = await this.#cleanUp(failure);
    if (failure !== undefined) this.#reportFailure(failure);
    await this.#written;
  }

  /** The executor cannot run it. Not to be followed by `run`. */
  async fail(message: string): Promise<void> {
    this.#reportFailure(message);
    await this.#written;
  }

  /** A task that ended tells so before its container is cleaned up, as upstream; a failed launch tells of both. */
  async #cleanUp(failure: string | undefined): Promise<string | undefined> {
    const { containerizer, logger } = this.#options;
    try {
      await containerizer.destroy(this.containerId);
      return failure;
    } catch (error) {
      logger.error('Failed to clean up a container', { containerId: this.containerId.value, error });
      return failure === undefined ? undefined : `${failure}; Abnormal executor termination: ${messageOf(error)}`;
    }
  }

  #reportFailure(message: string): void {
    if (this.#killing.signal.aborted) {
      this.#report('SOURCE_AGENT', {
        state: 'TASK_KILLED',
        reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
        message: 'Task killed during launch',
      });
      return;
    }
    const isLaunching = this.#executor === undefined && this.state === 'TASK_STAGING';
    const reason = isLaunching ? 'REASON_CONTAINER_LAUNCH_FAILED' : 'REASON_EXECUTOR_TERMINATED';
    this.#report('SOURCE_AGENT', { state: 'TASK_FAILED', reason, message });
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
    await this.#options.journal.kill(this.task.task_id.value, kill);
  }

  async #execute(): Promise<void> {
    const { task, user, containerizer } = this.#options;
    await this.#options.begin();
    const sandbox = await this.#options.createSandbox();
    this.sandbox = sandbox;
    // DEVIATION: upstream runs the task without the volume when no isolator takes it.
    if (!this.#options.hasDockerVolumes && task.container?.volumes?.some((v) => v.source?.type === 'DOCKER_VOLUME')) {
      throw new Error("The 'docker/volume' isolator is not enabled on this agent, expected it in --isolation");
    }
    const container = await containerizer.launch(
      this.containerId,
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
    if (isTerminalState(this.state)) return;
    if (process === undefined && this.state === 'TASK_STAGING' && absence === undefined) {
      if (kill !== undefined) this.#killing.abort(new Error('Task killed during launch'));
      throw new Error('The agent was restarted before the container was launched');
    }
    if (process === undefined)
      throw new ContainerLostError(absence ?? 'The container was lost while the agent was away');
    await this.#supervise(process, sandbox, { state: this.state, ...(kill === undefined ? {} : { kill }) });
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
      report: (report) => this.#report('SOURCE_EXECUTOR', report),
      noteKill: async (kill) => await this.#noteKill(kill),
      ...(resumed === undefined ? {} : { resumed }),
    });
    await this.#executor.run();
  }

  #report(source: 'SOURCE_AGENT' | 'SOURCE_EXECUTOR', report: TaskReport): void {
    if (isTerminalState(this.state)) return;
    const uuid = Buffer.from(randomUUID().replaceAll('-', ''), 'hex');
    const status: TaskStatus = {
      task_id: this.task.task_id,
      state: report.state,
      source,
      agent_id: { value: this.ids.agentId },
      executor_id: { value: this.ids.executorId },
      timestamp: Date.now() / 1000,
      uuid,
      container_status: this.containerStatus,
      ...(report.message === undefined ? {} : { message: report.message }),
      ...(report.reason === undefined ? {} : { reason: report.reason }),
    };
    this.statuses.push(status);
    const written = this.#options.onStatus(this, status);
    this.#written = this.#written.then(async () => await written);
  }
}

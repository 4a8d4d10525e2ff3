/** One task of a framework, from its launch to the end of its container's clean-up. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { messageOf } from '@drydock/base/errors';
import type { Logger } from '@drydock/base/log';
import type { MesosContainerizer } from '@drydock/containerizer';
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
import { createSandbox } from '../sandbox.ts';
import { CommandExecutor, type TaskReport } from './command-executor.ts';

export interface TaskRunOptions {
  readonly framework: FrameworkInfo & { readonly id: { readonly value: string } };
  readonly task: TaskInfo;
  readonly agentId: string;
  readonly workDir: string;
  readonly hostname: string;
  /** `--switch_user`: run as the task's user, else as the agent's. */
  readonly isSwitchingUser: boolean;
  /** `--isolation` has docker/volume. */
  readonly hasDockerVolumes: boolean;
  /** `--executor_environment_variables` and what every executor gets. */
  readonly executorEnvironment: (ids: RunIds, sandbox: string) => Readonly<Record<string, string>>;
  readonly containerizer: Pick<MesosContainerizer, 'launch' | 'destroy'>;
  readonly logger: Logger;
  /** The sandbox is there. */
  readonly onSandbox: (run: TaskRun, sandbox: string) => void;
  readonly onStatus: (status: TaskStatus) => void;
}

export class TaskRun {
  readonly task: TaskInfo;
  readonly containerId: ContainerID = { value: randomUUID() };
  readonly ids: RunIds;
  readonly #options: TaskRunOptions;
  readonly #killing = new AbortController();
  #executor: CommandExecutor | undefined;
  #pid: number | undefined;
  /** Every status in order, without those that a terminal one came before. */
  readonly statuses: TaskStatus[] = [];
  sandbox: string | undefined;

  constructor(options: TaskRunOptions) {
    this.#options = options;
    this.task = options.task;
    this.ids = {
      agentId: options.agentId,
      frameworkId: options.framework.id.value,
      executorId: options.task.task_id.value,
      containerId: this.containerId.value,
    };
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
    const { containerizer, logger } = this.#options;
    let failure: string | undefined;
    try {
      await this.#execute();
    } catch (error) {
      failure = `Failed to launch container: ${messageOf(error)}`;
    }
    // A task that ended tells so before its container is cleaned up, as upstream; a failed launch tells of both.
    try {
      await containerizer.destroy(this.containerId);
    } catch (error) {
      logger.error('Failed to clean up a container', { containerId: this.containerId.value, error });
      if (failure !== undefined) failure += `; Abnormal executor termination: ${messageOf(error)}`;
    }
    if (failure === undefined || isTerminalState(this.state)) return;
    if (this.#killing.signal.aborted) {
      this.#report('SOURCE_AGENT', {
        state: 'TASK_KILLED',
        reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
        message: 'Task killed during launch',
      });
    } else {
      this.#report('SOURCE_AGENT', {
        state: 'TASK_FAILED',
        reason: this.#executor === undefined ? 'REASON_CONTAINER_LAUNCH_FAILED' : 'REASON_EXECUTOR_TERMINATED',
        message: failure,
      });
    }
  }

  /** KILL of the framework; ends a launch promptly. */
  async kill(policy: KillPolicy | undefined): Promise<void> {
    if (this.#executor !== undefined) await this.#executor.kill(policy?.grace_period);
    else this.#killing.abort(new Error('Task killed during launch'));
  }

  /** MESSAGE of the framework: nothing that a command could take. */
  async message(): Promise<void> {
    await this.#executor?.message();
  }

  /** The agent or the framework goes away. */
  async shutdown(graceMs: number): Promise<void> {
    if (this.#executor !== undefined) await this.#executor.shutdown(graceMs);
    else this.#killing.abort(new Error('Task killed during launch'));
  }

  async #execute(): Promise<void> {
    const { task, framework, workDir, hostname, containerizer } = this.#options;
    const user = this.#options.isSwitchingUser ? (task.command?.user ?? framework.user) : 'root';
    const sandbox = await createSandbox(workDir, this.ids, user);
    this.sandbox = sandbox;
    this.#options.onSandbox(this, sandbox);
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
      { signal: this.#killing.signal, executorEnvironment: this.#options.executorEnvironment(this.ids, sandbox) },
    );
    // A kill may have come after the launch looked for one, and there is no executor yet that would have taken it.
    this.#killing.signal.throwIfAborted();
    this.#pid = container.pid;
    this.#executor = new CommandExecutor({
      task,
      container,
      hostname,
      stdoutPath: join(sandbox, 'stdout'),
      logger: this.#options.logger,
      hasTaskKillingState: (framework.capabilities ?? []).some(({ type }) => type === 'TASK_KILLING_STATE'),
      report: (report) => this.#report('SOURCE_EXECUTOR', report),
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
    this.#options.onStatus(status);
  }
}

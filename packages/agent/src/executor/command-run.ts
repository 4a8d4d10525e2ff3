import { randomUUID } from 'node:crypto';
import type { ContainerID, ContainerStatus, ExecutorInfo, KillPolicy, TaskInfo } from '@drydock/mesos';
import type { RunIds } from '../directories.ts';
import { createSandbox } from '../sandbox.ts';
import { commandExecutorInfo } from './command-executor-info.ts';
import { pendingOperationOf, type ExecutorRun } from './executor-run.ts';
import type { RunJournal } from './run-journal.ts';
import type { ExecutorRunOptions } from './run-options.ts';
import type { TaskRecord } from './task-record.ts';
import { TaskRun, type RecoveredTaskRun } from './task-run.ts';

export interface CommandRunOptions extends ExecutorRunOptions {
  readonly task: TaskInfo;
  /** An earlier agent has begun it. */
  readonly recovered?: RecoveredTaskRun & { readonly containerId: string; readonly isCompleted: boolean };
}

/** The run of a command executor: one task, which has the executor's container. */
export class CommandRun implements ExecutorRun {
  readonly isCommand = true;
  readonly isSandboxOfAgent = false;
  readonly waitStatus = 0;
  readonly ids: RunIds;
  readonly executor: ExecutorInfo;
  readonly containerId: ContainerID;
  readonly user: string;
  readonly journal: RunJournal;
  readonly #options: CommandRunOptions;
  readonly #task: TaskRun;
  #sandbox: string | undefined;
  hasEnded: boolean;

  constructor(options: CommandRunOptions) {
    const { framework, task, recovered } = options;
    this.#options = options;
    this.executor = commandExecutorInfo(framework.id, task);
    this.containerId = { value: recovered?.containerId ?? randomUUID() };
    this.ids = {
      agentId: options.agentId,
      frameworkId: framework.id.value,
      executorId: task.task_id.value,
      containerId: this.containerId.value,
    };
    this.journal = options.journalOf(this.ids);
    this.#sandbox = recovered?.sandbox;
    this.hasEnded = recovered?.isCompleted ?? false;
    const user = options.isSwitchingUser ? (task.command?.user ?? framework.user) : 'root';
    this.user = user;
    this.#task = new TaskRun({
      ...options,
      task,
      ids: this.ids,
      containerId: this.containerId,
      user,
      isPrinting: true,
      journal: this.journal,
      executorEnvironment: (sandbox) => options.executorEnvironment(this.ids, sandbox),
      begin: async () => await this.journal.begin(this.executor, [{ info: task }]),
      onForked: async (pid) => await this.journal.forked(pid),
      createSandbox: async () => {
        this.#sandbox = await createSandbox(options.workDir, this.ids, user);
        options.onSandbox(this, this.#sandbox);
        return this.#sandbox;
      },
      onStatus: async (one, status) => await options.onStatus(this, one, status),
      ...(recovered === undefined ? {} : { recovered }),
    });
  }

  get isCheckpointed(): boolean {
    return this.#options.framework.checkpoint === true;
  }

  get containerStatus(): ContainerStatus {
    return this.#task.containerStatus;
  }

  get sandbox(): string | undefined {
    return this.#sandbox;
  }

  get tasks(): readonly [TaskRecord] {
    return [this.#task.record];
  }

  get pendingOperation(): ExecutorRun['pendingOperation'] {
    return pendingOperationOf(this.tasks);
  }

  /** It is there for its one task. */
  launch(): boolean {
    return false;
  }

  async run(): Promise<void> {
    if (this.#sandbox !== undefined) this.#options.onSandbox(this, this.#sandbox);
    await this.#task.run();
    await this.journal.end();
    this.hasEnded = true;
  }

  async kill(_taskId: string, policy: KillPolicy | undefined): Promise<void> {
    await this.#task.kill(policy);
  }

  /** A command has no ear for what is in it. */
  async message(): Promise<void> {
    await this.#task.message();
  }

  async shutdown(graceMs: number): Promise<void> {
    if (!this.#task.record.isOver) await this.#task.shutdown(graceMs);
  }
}

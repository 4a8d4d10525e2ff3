/**
 * The run of a custom executor: a program of the framework's in a container of its own, which speaks `/api/v1/executor`
 * with the agent and runs its tasks as it likes.
 *
 * Life cycle: launching (no process yet, or it has not subscribed) -> running (subscribed at least once; its stream may
 * break and come back) -> ending (told to shut down, or given up) -> destroying (its process is gone). The executor may
 * leave by itself at any time.
 * @see src/slave/slave.cpp launchExecutor, shutdownExecutor, executorTerminated
 */
import { randomUUID } from 'node:crypto';
import { messageOf } from '@drydock/base/errors';
import { formatDurationMs } from '@drydock/base/gflags';
import type { ForkedContainer } from '@drydock/containerizer';
import {
  addResources,
  type ContainerID,
  type ContainerStatus,
  type ExecutorInfo,
  type KillPolicy,
  type Resource,
  type TaskInfo,
  type TaskStatus,
} from '@drydock/mesos';
import type { RunIds } from '../directories.ts';
import { createSandbox } from '../sandbox.ts';
import { ContainerLostError } from './container-lost-error.ts';
import { CustomTasks, type QueuedLaunch } from './custom-tasks.ts';
import type { ExecutorRun, TaskLaunch } from './executor-run.ts';
import { ExecutorSession, type ExecutorSubscription } from './executor-session.ts';
import type { RunJournal } from './run-journal.ts';
import type { ExecutorRunOptions } from './run-options.ts';
import { launchFailure, terminationFailure, type Failure } from './executor-failure.ts';
import { TaskRecord } from './task-record.ts';

export interface CustomRunOptions extends ExecutorRunOptions {
  readonly executor: ExecutorInfo;
  /** The first one; none when recovered. */
  readonly launch?: TaskLaunch;
  readonly recovered?: RecoveredCustomRun;
}

/** What is left of the run of an earlier agent. */
export interface RecoveredCustomRun {
  readonly containerId: string;
  readonly sandbox: string;
  /** Everything of its container was cleaned up. */
  readonly isCompleted: boolean;
  readonly tasks: readonly { readonly info: TaskInfo; readonly statuses: readonly TaskStatus[] }[];
  /** Undefined when its container had no process yet or has been cleaned up. */
  readonly process?: ForkedContainer;
  /** Why there is no process, when that is known. */
  readonly absence?: string;
}

/** setTimeout fires at once when it is asked to wait for longer than this. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export class CustomRun implements ExecutorRun {
  readonly isCommand = false;
  readonly isSandboxOfAgent = false;
  readonly ids: RunIds;
  readonly executor: ExecutorInfo;
  readonly containerId: ContainerID;
  readonly user: string;
  readonly journal: RunJournal;
  /** What the executor calls, but for `subscribe`. */
  readonly session: ExecutorSession;
  readonly #options: CustomRunOptions;
  readonly #tasks: CustomTasks;
  readonly #first: QueuedLaunch | undefined;
  readonly #aborting = new AbortController();
  #phase: 'launching' | 'running' | 'ending' | 'destroying' = 'launching';
  #container: ForkedContainer | undefined;
  #sandbox: string | undefined;
  /** Of the registration, then of the shutdown. */
  #deadline: NodeJS.Timeout | undefined;
  /** Why the agent has given the executor up. */
  #givenUp: Failure | undefined;
  /** Changes of the container's limits, one after the other. */
  #limits: Promise<void> = Promise.resolve();
  hasEnded: boolean;
  waitStatus = -1;

  constructor(options: CustomRunOptions) {
    const { executor, framework, recovered, launch } = options;
    this.#options = options;
    this.executor = { ...executor, framework_id: framework.id };
    this.containerId = { value: recovered?.containerId ?? randomUUID() };
    this.ids = {
      agentId: options.agentId,
      frameworkId: framework.id.value,
      executorId: executor.executor_id.value,
      containerId: this.containerId.value,
    };
    this.user = options.isSwitchingUser ? (executor.command?.user ?? framework.user) : 'root';
    this.journal = options.journalOf(this.ids);
    this.#sandbox = recovered?.sandbox;
    this.hasEnded = recovered?.isCompleted ?? false;
    this.#tasks = new CustomTasks((task, statuses) => this.#createRecord(task, statuses));
    for (const { info, statuses } of recovered?.tasks ?? []) this.#tasks.recover(info, statuses);
    this.#first = launch === undefined ? undefined : this.#tasks.add(launch).launch;
    this.session = new ExecutorSession({
      ...options,
      ids: this.ids,
      containerId: this.containerId,
      executor: this.executor,
      tasks: this.#tasks,
      onMessage: async (data) => await options.onMessage(this, data),
    });
  }

  get isCheckpointed(): boolean {
    return this.#options.framework.checkpoint === true;
  }

  get containerStatus(): ContainerStatus {
    const pid = this.#container?.pid;
    return { container_id: this.containerId, ...(pid === undefined ? {} : { executor_pid: pid }) };
  }

  get sandbox(): string | undefined {
    return this.#sandbox;
  }

  get tasks(): readonly TaskRecord[] {
    return this.#tasks.all;
  }

  get pendingOperation(): ExecutorRun['pendingOperation'] {
    if (this.#phase === 'destroying') return 'destroy';
    return this.#container === undefined ? 'launch' : undefined;
  }

  /** It is asked to go, given up or gone. */
  get isEnding(): boolean {
    return this.#phase === 'ending' || this.#phase === 'destroying';
  }

  async run(): Promise<void> {
    const { recovered, registrationTimeoutMs, reregistrationTimeoutMs } = this.#options;
    if (this.#sandbox !== undefined) this.#options.onSandbox(this, this.#sandbox);
    if (recovered === undefined) this.#awaitSubscription('register', registrationTimeoutMs);
    else this.#awaitSubscription('reregister', reregistrationTimeoutMs);
    let failure: Failure;
    let isLaunched = false;
    try {
      const container = recovered === undefined ? await this.#launch() : this.#reattach(recovered);
      isLaunched = true;
      const termination = await container.exited;
      if (termination.how === 'exited') this.waitStatus = termination.waitStatus;
      failure = this.#givenUp ?? terminationFailure(termination);
    } catch (error) {
      failure = this.#givenUp ?? launchFailure(error);
    }
    this.#phase = 'destroying';
    clearTimeout(this.#deadline);
    // An agent that is killed in the clean-up could not find out any more how an executor has ended.
    if (isLaunched) await this.#endTasks(failure);
    const problem = await this.#destroy();
    const messages = [failure.message, problem].filter((message) => message !== undefined);
    if (!isLaunched) await this.#endTasks({ ...failure, message: messages.join('; ') });
    this.session.end();
    await this.journal.end();
    this.hasEnded = true;
  }

  launch(launch: TaskLaunch): boolean {
    if (this.isEnding) return false;
    const added = this.#tasks.add(launch);
    for (const taskId of added.forgotten) void this.journal.forgetTask(taskId);
    void this.#admit(added.launch);
    return true;
  }

  /** SUBSCRIBE of the executor, for the first time or again; one that is ending is told no more than that. */
  subscribe(subscription: ExecutorSubscription): void {
    const { logger } = this.#options;
    if (this.isEnding) {
      logger.warning('Shutting an executor down that subscribes', { ...this.ids });
      subscription.channel.send({ type: 'SHUTDOWN' });
      subscription.channel.end();
      return;
    }
    this.#phase = 'running';
    clearTimeout(this.#deadline);
    this.session.subscribe(subscription);
    // Tasks may have come and gone since the container was launched.
    void this.#fit().then(() => this.#deliver());
  }

  async kill(taskId: string, policy: KillPolicy | undefined): Promise<void> {
    await Promise.resolve();
    const record = this.#tasks.get(taskId);
    if (record === undefined || record.isOver) return;
    if (!record.isQueued) return this.session.kill(taskId, policy);
    for (const task of this.#tasks.withdraw(record)) {
      task.report('SOURCE_AGENT', {
        state: 'TASK_KILLED',
        reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
        message: 'Killed before delivery to the executor',
      });
    }
    // It was launched for them alone.
    if (this.#tasks.living.length === 0 && !this.#tasks.hasDelivered) this.#giveUp();
  }

  async message(data: Uint8Array): Promise<void> {
    await Promise.resolve();
    this.session.message(data);
  }

  /** SHUTDOWN event; SIGKILL after the executor's `shutdown_grace_period`, or the agent's. */
  async shutdown(agentGraceMs: number): Promise<void> {
    await Promise.resolve();
    if (this.isEnding) return;
    const container = this.#container;
    if (container === undefined) return this.#giveUp();
    this.#phase = 'ending';
    this.session.shutdown();
    const { shutdown_grace_period: period } = this.executor;
    const graceMs = period === undefined ? agentGraceMs : Math.max(0, period.nanoseconds / 1e6);
    this.#setDeadline(graceMs, () => void container.kill());
  }

  #createRecord(task: TaskInfo, statuses: readonly TaskStatus[] = []): TaskRecord {
    return new TaskRecord({
      task,
      ids: this.ids,
      containerId: this.containerId,
      statuses,
      containerStatus: () => this.containerStatus,
      onStatus: async (record, status) => {
        if (record.isOver) void this.#shrink();
        await this.#options.onStatus(this, record, status);
      },
    });
  }

  async #launch(): Promise<ForkedContainer> {
    const { containerizer, workDir, onSandbox, hasDockerVolumes, executorEnvironment } = this.#options;
    const { command, container } = this.executor;
    await this.#writeDown(this.#first);
    const sandbox = await createSandbox(workDir, this.ids, this.user);
    this.#sandbox = sandbox;
    onSandbox(this, sandbox);
    if (!hasDockerVolumes && container?.volumes?.some(({ source }) => source?.type === 'DOCKER_VOLUME') === true) {
      throw new Error("The 'docker/volume' isolator is not enabled on this agent, expected it in --isolation");
    }
    const { signal } = this.#aborting;
    signal.throwIfAborted();
    const forked = await containerizer.launch(
      this.containerId,
      {
        // Also when the executor names a user that it does not get: see `isSwitchingUser`.
        command: { ...command, user: this.user },
        ...(container === undefined ? {} : { container }),
        resources: this.#resources,
        sandboxDirectory: sandbox,
        user: this.user,
      },
      { signal, executorEnvironment: executorEnvironment(this.ids, sandbox), isAnnounced: false },
    );
    await this.journal.forked(forked.pid);
    signal.throwIfAborted();
    this.#container = forked;
    await forked.openGate();
    return forked;
  }

  /** Goes on where an earlier agent was. */
  #reattach({ process, absence }: RecoveredCustomRun): ForkedContainer {
    if (process !== undefined) {
      this.#container = process;
      return process;
    }
    const isBegun = this.tasks.some(({ state }) => state !== 'TASK_STAGING');
    if (!isBegun && absence === undefined) throw new Error('The agent was restarted before the container was launched');
    throw new ContainerLostError(absence ?? 'The container was lost while the agent was away');
  }

  /** @see src/slave/slave.cpp registerExecutorTimeout, reregisterExecutorTimeout */
  #awaitSubscription(what: 'register' | 'reregister', timeoutMs: number): void {
    this.#setDeadline(timeoutMs, () => {
      const message = `Executor did not ${what} within ${formatDurationMs(timeoutMs)}`;
      this.#options.logger.warning('Giving an executor up', { ...this.ids, message });
      const reason =
        what === 'register' ? 'REASON_EXECUTOR_REGISTRATION_TIMEOUT' : 'REASON_EXECUTOR_REREGISTRATION_TIMEOUT';
      this.#giveUp({ reason, message });
    });
  }

  /** The executor gets no time to leave. */
  #giveUp(failure?: Failure): void {
    if (this.isEnding) return;
    this.#phase = 'ending';
    this.#givenUp = failure;
    clearTimeout(this.#deadline);
    this.#aborting.abort(new Error('The executor was ended before it was launched'));
    void this.#container?.kill();
  }

  #setDeadline(delayMs: number, onPassed: () => void): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(onPassed, Math.min(delayMs, TIMER_MS_MAX));
  }

  /** A further launch is written down and gets its share of the container before the executor hears of it. */
  async #admit(launch: QueuedLaunch): Promise<void> {
    try {
      await this.#writeDown(launch);
    } catch (error) {
      const [first] = launch.tasks;
      const message = `Failed to launch container: ${messageOf(error)}`;
      for (const task of first === undefined ? [] : this.#tasks.withdraw(first))
        task.report('SOURCE_AGENT', { state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LAUNCH_FAILED', message });
      return;
    }
    if (this.#phase === 'running') await this.#fit();
    this.#deliver();
  }

  async #writeDown(launch: QueuedLaunch | undefined): Promise<void> {
    if (launch === undefined) return;
    const tasks = launch.tasks.map(({ task }) => ({ info: task }));
    await this.journal.begin(this.executor, tasks);
    launch.isReady = true;
  }

  #deliver(): void {
    if (this.#phase === 'running') this.session.deliver();
  }

  /** Those of the executor and of its living tasks. */
  get #resources(): readonly Resource[] {
    return this.#tasks.living.reduce<readonly Resource[]>(
      (sum, { task }) => addResources(sum, task.resources ?? []),
      this.executor.resources ?? [],
    );
  }

  /** The container has room for all its tasks, or is given up, as upstream. */
  async #fit(): Promise<void> {
    try {
      await this.#limit();
    } catch (error) {
      const message = `Failed to update resources for container: ${messageOf(error)}`;
      this.#giveUp({ reason: 'REASON_CONTAINER_UPDATE_FAILED', message });
    }
  }

  /** A task has ended; what it leaves in memory may not fit into what the others have. */
  async #shrink(): Promise<void> {
    if (this.#phase !== 'running') return;
    try {
      await this.#limit();
    } catch (error) {
      const facts = { ...this.ids, error: messageOf(error) };
      this.#options.logger.warning('The limits of a container stay as they were', facts);
    }
  }

  async #limit(): Promise<void> {
    const { containerizer } = this.#options;
    const changed = this.#limits.then(async () => await containerizer.update(this.containerId, this.#resources));
    this.#limits = changed.catch(() => undefined); // The caller sees it.
    await changed;
  }

  async #endTasks(failure: Failure): Promise<void> {
    for (const task of this.#tasks.living) {
      task.isQueued = false;
      task.report('SOURCE_AGENT', { state: 'TASK_FAILED', ...failure });
    }
    await Promise.all(this.tasks.map(async ({ written }) => await written));
  }

  /** @returns what could not be cleaned up, as upstream says it */
  async #destroy(): Promise<string | undefined> {
    const { containerizer, logger } = this.#options;
    try {
      await containerizer.destroy(this.containerId);
      return undefined;
    } catch (error) {
      logger.error('Failed to clean up the container of an executor', { containerId: this.containerId.value, error });
      return `Abnormal executor termination: ${messageOf(error)}`;
    }
  }
}

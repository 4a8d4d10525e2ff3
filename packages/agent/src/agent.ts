/**
 * The agent: registers with the master, runs the tasks that it is told to, and tells the framework how they go.
 *
 * Life cycle: `starting` (no id yet) -> `running` (registered at least once) -> `draining` (tasks are shut down, their
 * containers cleaned up) -> `stopped`.
 * @see src/slave/slave.cpp
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@drydock/base/errors';
import type { Logger } from '@drydock/base/log';
import { systemClock } from '@drydock/base/ports';
import { waitUntil } from '@drydock/base/wait-until';
import type { ForkedContainer } from '@drydock/containerizer';
import {
  formatPid,
  isTerminalState,
  startAgentLink,
  type AgentApiEvent,
  type AgentInfo,
  type FrameworkID,
  type FrameworkInfo,
  type MasterInfo,
  type StartedAgentLink,
  type TaskID,
  type TaskInfo,
  type TaskState,
  type TaskStatus,
} from '@drydock/mesos';
import { AgentCheckpoints } from './checkpoint/agent-checkpoints.ts';
import type { RecoveredRun } from './checkpoint/read-state.ts';
import { latestAgentPath, sandboxPath } from './directories.ts';
import { executorEnvironment } from './executor/executor-environment.ts';
import { CheckpointedRunJournal, noJournal } from './executor/run-journal.ts';
import { TaskRun, type RecoveredTaskRun } from './executor/task-run.ts';
import type { AgentOptions } from './agent-options.ts';
import { agentInfo, registrationOf } from './agent-registration.ts';
import { AgentFrameworks, type AgentFramework } from './frameworks.ts';
import { SHUTTING_DOWN, refusedGroupCalls, refusedTaskCall, type Refusal } from './refused-task.ts';
import { pointLink } from './sandbox.ts';
import { StatusUpdateStreams } from './status-updates/status-update-stream.ts';

export type AgentLifeState = 'starting' | 'running' | 'draining' | 'stopped';

/** How long a drain waits for the framework's acknowledgements after the containers are gone. */
const DRAIN_ACKNOWLEDGEMENT_MS = 1_000;

export class Agent {
  readonly options: AgentOptions;
  readonly #checkpoints: AgentCheckpoints;
  readonly #frameworks: AgentFrameworks;
  /** Runs whose container is not cleaned up yet. */
  readonly #active = new Map<TaskRun, Promise<void>>();
  /** How many tasks have ended in each state, and how many containers, since the agent started. */
  readonly endedTaskCounts: Map<TaskState, number> = new Map();
  endedContainerCount = 0;
  readonly #updates: StatusUpdateStreams;
  readonly #logger: Logger;
  readonly #link: StartedAgentLink;
  #state: AgentLifeState = 'starting';
  #id: string | undefined;
  #masterInfo: MasterInfo | undefined;
  #ending: Promise<void> | undefined;

  /** Recovers first and registers then. */
  constructor(options: AgentOptions) {
    this.options = options;
    this.#logger = options.logger;
    this.#checkpoints = new AgentCheckpoints(options.workDir);
    this.#frameworks = new AgentFrameworks({ ...options, checkpoints: this.#checkpoints });
    this.#updates = new StatusUpdateStreams({
      clock: systemClock,
      logger: this.#logger,
      send: async (frameworkId, status) =>
        await this.#link.send({ type: 'UPDATE_STATUS', update_status: { framework_id: frameworkId, status } }),
      onFinished: (frameworkId, taskId) => this.#frameworks.completeTask(frameworkId.value, taskId),
    });
    if (options.recovered !== undefined) this.#recover(options.recovered);
    this.#link = startAgentLink({
      master: options.master,
      logger: this.#logger,
      registration: () => registrationOf(this),
      onRegistered: async ({ agentId, masterInfo }) => await this.#registered(agentId.value, masterInfo),
      onEvent: (event) => this.#handle(event),
      onRefused: options.onRefused,
    });
  }

  get state(): AgentLifeState {
    return this.#state;
  }

  /** Given by the master at the first registration. */
  get id(): string | undefined {
    return this.#id;
  }

  get masterInfo(): MasterInfo | undefined {
    return this.#masterInfo;
  }

  get frameworks(): readonly AgentFramework[] {
    return this.#frameworks.current;
  }

  get completedFrameworks(): readonly AgentFramework[] {
    return this.#frameworks.completed;
  }

  /** `slave(1)@ip:port`, as others reach it. */
  get pid(): string {
    return formatPid('slave(1)', this.options);
  }

  /** Containers that are not cleaned up yet. */
  get activeRuns(): readonly TaskRun[] {
    return [...this.#active.keys()];
  }

  /** Shuts every task down, waits until their containers are cleaned up, and says goodbye for good. Idempotent. */
  async drain(): Promise<void> {
    this.#ending ??= this.#end(this.activeRuns, true);
    await this.#ending;
  }

  /**
   * As `drain`, but what frameworks with `checkpoint` run goes on, and then the agent does not say goodbye: the next one
   * on this `workDir` takes over. Idempotent.
   *
   * DEVIATION: upstream's executors of the other frameworks end by themselves when the agent is gone; here they are shut
   * down before it goes.
   */
  async stop(): Promise<void> {
    this.#ending ??= this.#end(
      this.activeRuns.filter((run) => !run.isCheckpointed),
      false,
    );
    await this.#ending;
  }

  async #end(runs: readonly TaskRun[], isForAll: boolean): Promise<void> {
    this.#state = 'draining';
    const { executorShutdownGraceMs } = this.options;
    await Promise.allSettled(runs.map(async (run) => await run.shutdown(executorShutdownGraceMs)));
    await Promise.all(runs.map(async (run) => await this.#active.get(run)));
    if (this.#link.state === 'registered') {
      await waitUntil(() => this.#updates.pendingCount === 0, {
        what: 'the acknowledgement of all status updates',
        timeoutMs: DRAIN_ACKNOWLEDGEMENT_MS,
      }).catch((error: unknown) => this.#logger.warning('Stopping with status updates pending', { error }));
      if (isForAll || (this.#active.size === 0 && this.#updates.pendingCount === 0)) await this.#unregister();
    }
    this.#updates.stop();
    await this.#link.stop();
    this.#state = 'stopped';
  }

  async #unregister(): Promise<void> {
    try {
      await this.#link.send({ type: 'UNREGISTER' });
      if (this.#id !== undefined) await this.#checkpoints.forgetAgent(this.#id);
    } catch (error) {
      this.#logger.warning('The master was not told that the agent stops', { error });
    }
  }

  #recover({ state, processes, absence }: NonNullable<AgentOptions['recovered']>): void {
    this.#id = state.agent.id.value;
    for (const { info, runs } of state.frameworks) {
      const framework = this.#frameworks.open(info);
      for (const run of runs) this.#recoverRun(framework, run, processes.get(run.ids.containerId), absence);
      if (framework.runs.size === 0) this.#frameworks.completeFramework(framework);
    }
  }

  #recoverRun(
    framework: AgentFramework,
    recovered: RecoveredRun,
    process: ForkedContainer | undefined,
    absence: string | undefined,
  ): void {
    const [task] = recovered.tasks;
    if (task === undefined) return;
    const { containerId } = recovered.ids;
    const run = this.#createRun(framework, recovered.ids.agentId, task.info, {
      containerId,
      sandbox: sandboxPath(this.options.workDir, recovered.ids),
      statuses: task.statuses,
      ...(process === undefined ? {} : { process }),
      ...(task.kill === undefined ? {} : { kill: task.kill }),
      ...(absence === undefined ? {} : { absence }),
    });
    if (task.pending.length > 0) {
      this.#updates.restore(framework.info.id, task.info.task_id.value, task.pending, run.journal);
    }
    framework.runs.set(task.info.task_id.value, run);
    this.#logger.info('Recovered a run', { containerId, state: run.state, isCompleted: recovered.isCompleted });
    if (recovered.isCompleted) this.#frameworks.attach(run, sandboxPath(this.options.workDir, recovered.ids));
    else this.#start(run);
    const hasEnded = recovered.isCompleted || isTerminalState(run.state);
    if (hasEnded && task.pending.length === 0) this.#frameworks.complete(framework, run);
  }

  /** As the master knows it; without an id until it has given one. */
  get info(): AgentInfo {
    return agentInfo(this.options, this.#id);
  }

  async #registered(agentId: string, masterInfo: MasterInfo): Promise<void> {
    this.#masterInfo = masterInfo;
    this.#id = agentId;
    if (this.#state === 'starting') {
      await mkdir(join(this.options.workDir, 'slaves', agentId), { recursive: true });
      await pointLink(latestAgentPath(this.options.workDir), agentId);
      await this.#checkpoints.writeAgent(agentId, this.info);
      this.#state = 'running';
    }
    this.#logger.info('Registered with the master', { agentId, master: masterInfo.pid });
    // The link counts as registered only after this call.
    setImmediate(() => this.#updates.resend());
  }

  #handle(event: AgentApiEvent): void {
    switch (event.type) {
      case 'RUN_TASK':
        if (event.run_task !== undefined) this.#runTask(event.run_task.framework_info, event.run_task.task);
        return;
      case 'RUN_TASK_GROUP':
        for (const call of refusedGroupCalls(event)) void this.#attempt('refuse a group', this.#link.send(call));
        return;
      case 'KILL_TASK': {
        const { framework_id: frameworkId, task_id: taskId, kill_policy: policy } = event.kill_task ?? {};
        void this.#attempt('kill a task', this.#runOf(frameworkId, taskId)?.kill(policy));
        return;
      }
      case 'SHUTDOWN_EXECUTOR': {
        const { framework_id: frameworkId, executor_id: executorId } = event.shutdown_executor ?? {};
        const { executorShutdownGraceMs: graceMs } = this.options;
        void this.#attempt('shut an executor down', this.#runOf(frameworkId, executorId)?.shutdown(graceMs));
        return;
      }
      case 'MESSAGE': {
        const { framework_id: frameworkId, executor_id: executorId } = event.message ?? {};
        void this.#attempt('hand a message over', this.#runOf(frameworkId, executorId)?.message());
        return;
      }
      case 'UPDATE_FRAMEWORK':
        if (event.update_framework !== undefined) this.#updateFramework(event.update_framework.framework_info);
        return;
      case 'STATUS_ACKNOWLEDGED': {
        const { framework_id: id, task_id: taskId, uuid } = event.status_acknowledged ?? {};
        if (id !== undefined && taskId !== undefined && uuid !== undefined)
          this.#updates.acknowledge(id, taskId.value, uuid);
        return;
      }
      case 'SHUTDOWN_FRAMEWORK':
        if (event.shutdown_framework !== undefined) this.#shutdownFramework(event.shutdown_framework.framework_id);
        return;
      case 'SHUTDOWN':
        this.options.onShutdown(event.shutdown?.message ?? 'The master asked the agent to shut down');
        return;
      default:
        this.#logger.warning('Ignoring an event of the master', { type: event.type });
    }
  }

  /** By the id of the task, which is that of its executor too. */
  #runOf(frameworkId: FrameworkID | undefined, id: TaskID | undefined): TaskRun | undefined {
    const run = this.#frameworks.get(frameworkId?.value)?.runs.get(id?.value ?? '');
    if (run === undefined) this.#logger.warning('The master names a task that is not here', { id: id?.value });
    return run;
  }

  /** The framework subscribed again or changed: it may be there now for what it has not acknowledged yet. */
  #updateFramework({ id, ...info }: FrameworkInfo): void {
    const framework = id === undefined ? undefined : this.#frameworks.update({ ...info, id });
    if (framework === undefined) return;
    void this.#attempt('write down a framework', this.#frameworks.checkpoint(framework, this.#id ?? ''));
    this.#updates.resend(id);
  }

  #runTask(info: FrameworkInfo, task: TaskInfo): void {
    const { id } = info;
    const agentId = this.#id;
    if (id === undefined || agentId === undefined) {
      this.#logger.error('Ignoring a task without a framework id', { taskId: task.task_id.value });
      return;
    }
    if (this.#state !== 'running') {
      this.#refuse({ ...info, id }, task, SHUTTING_DOWN);
      return;
    }
    const framework = this.#frameworks.open({ ...info, id });
    const earlier = framework.runs.get(task.task_id.value);
    if (earlier !== undefined && !isTerminalState(earlier.state)) {
      const message = `Task has duplicate ID: ${task.task_id.value}`;
      this.#refuse(framework.info, task, { state: 'TASK_ERROR', reason: 'REASON_TASK_INVALID', message });
      return;
    }
    if (earlier !== undefined) {
      // The master takes an id again only when the earlier end was acknowledged; that has not come here.
      this.#updates.forgetTask(id, task.task_id.value);
      this.#frameworks.complete(framework, earlier);
    }
    const run = this.#createRun(framework, agentId, task);
    framework.runs.set(task.task_id.value, run);
    this.#logger.info('Launching a task', { taskId: task.task_id.value, containerId: run.containerId.value });
    this.#start(run);
  }

  #createRun(framework: AgentFramework, agentId: string, task: TaskInfo, recovered?: RecoveredTaskRun): TaskRun {
    const { options } = this;
    const isCheckpointed = framework.info.checkpoint === true;
    return new TaskRun({
      framework: framework.info,
      task,
      agentId,
      workDir: options.workDir,
      hostname: options.hostname,
      isSwitchingUser: options.isSwitchingUser,
      hasDockerVolumes: options.hasDockerVolumes,
      executorEnvironment: (ids, sandbox) => executorEnvironment(options, framework.info, ids, sandbox),
      containerizer: options.containerizer,
      logger: this.#logger,
      journalOf: (ids) =>
        isCheckpointed
          ? new CheckpointedRunJournal({
              checkpoints: this.#checkpoints,
              ids,
              logger: this.#logger,
              writeFramework: async () => await this.#frameworks.checkpoint(framework, agentId),
            })
          : noJournal,
      onSandbox: (one, sandbox) => this.#frameworks.attach(one, sandbox),
      onStatus: async (run, status) => await this.#update(framework, run, status),
      ...(recovered === undefined ? {} : { recovered }),
    });
  }

  #start(run: TaskRun): void {
    const finished = run.run().then(() => {
      this.#active.delete(run);
      this.endedContainerCount += 1;
      this.#logger.info('A container is cleaned up', { containerId: run.containerId.value });
    });
    this.#active.set(run, finished);
  }

  #refuse(info: FrameworkInfo & { id: FrameworkID }, task: TaskInfo, refusal: Refusal): void {
    this.#logger.warning('Refusing a task', { taskId: task.task_id.value, why: refusal.message });
    void this.#attempt('refuse a task', this.#link.send(refusedTaskCall(info, task, refusal)));
  }

  async #update(framework: AgentFramework, run: TaskRun, status: TaskStatus): Promise<void> {
    if (isTerminalState(status.state)) {
      this.endedTaskCounts.set(status.state, (this.endedTaskCounts.get(status.state) ?? 0) + 1);
    }
    // The framework was shut down; one with the same id may run a task with the same id by now.
    if (framework.runs.get(status.task_id.value) !== run) return;
    this.#logger.info('Handling a status update', { taskId: status.task_id.value, state: status.state });
    await this.#updates.update(framework.info.id, status, run.journal);
  }

  /**
   * Nobody waits for its updates any more, so its tasks are completed ones at once, while their containers end. The
   * framework may come back under its id and launch tasks before they have.
   */
  #shutdownFramework(frameworkId: FrameworkID): void {
    this.#updates.forget(frameworkId);
    const framework = this.#frameworks.get(frameworkId.value);
    if (framework === undefined) return;
    for (const run of framework.runs.values()) {
      this.#frameworks.complete(framework, run);
      if (!isTerminalState(run.state)) {
        void this.#attempt('shut a task down', run.shutdown(this.options.executorShutdownGraceMs));
      }
    }
    this.#frameworks.completeFramework(framework);
  }

  async #attempt(what: string, action: Promise<void> | undefined): Promise<void> {
    try {
      await action;
    } catch (error) {
      this.#logger.error(`Failed to ${what}`, { error: messageOf(error) });
    }
  }
}

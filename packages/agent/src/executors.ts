/** The executors on this machine: made for tasks, recovered, killed, shut down. */
import { LinkDownError, isTerminalState } from '@drydock/mesos';
import type {
  AgentApiCall,
  ExecutorID,
  ExecutorInfo,
  FrameworkID,
  FrameworkInfo,
  KillPolicy,
  TaskID,
  TaskInfo,
  TaskState,
  TaskStatus,
} from '@drydock/mesos';
import { messageOf } from '@drydock/base/errors';
import { systemClock } from '@drydock/base/ports';
import type { AgentOptions } from './agent-options.ts';
import type { AgentCheckpoints } from './checkpoint/agent-checkpoints.ts';
import type { RecoveredRun } from './checkpoint/read-state.ts';
import { sandboxPath } from './directories.ts';
import { CommandRun } from './executor/command-run.ts';
import { createRun } from './executor/create-run.ts';
import { executorEnvironment } from './executor/executor-environment.ts';
import type { ExecutorRun, TaskLaunch } from './executor/executor-run.ts';
import { recoverRun } from './executor/recover-run.ts';
import { CheckpointedRunJournal, noJournal } from './executor/run-journal.ts';
import type { ExecutorRunOptions } from './executor/run-options.ts';
import type { TaskRecord } from './executor/task-record.ts';
import { AgentFrameworks, type AgentFramework } from './frameworks.ts';
import type { Refusal } from './refused-task.ts';
import type { StatusUpdateStreams } from './status-updates/status-update-stream.ts';

export interface ExecutorsOptions {
  readonly agent: AgentOptions;
  readonly checkpoints: AgentCheckpoints;
  readonly updates: StatusUpdateStreams;
  readonly send: (call: AgentApiCall) => Promise<void>;
}

/** Between two attempts to tell the master of an end. */
const EXIT_PAUSE_MS_MIN = 1_000;
const EXIT_PAUSE_MS_MAX = 60_000;

type IdentifiedFramework = FrameworkInfo & { id: FrameworkID };

export class Executors {
  readonly #options: ExecutorsOptions;
  readonly frameworks: AgentFrameworks;
  /** Runs whose container is not cleaned up yet. */
  readonly #active = new Map<ExecutorRun, Promise<void>>();
  readonly endedTaskCounts: Map<TaskState, number> = new Map();
  endedCount = 0;

  constructor(options: ExecutorsOptions) {
    this.#options = options;
    this.frameworks = new AgentFrameworks({ ...options.agent, checkpoints: options.checkpoints });
  }

  /** Those whose container is not cleaned up yet. */
  get active(): readonly ExecutorRun[] {
    return [...this.#active.keys()];
  }

  /** Takes up what an earlier agent has begun. */
  recover({ state, processes, absence }: NonNullable<AgentOptions['recovered']>): void {
    for (const { info, runs } of state.frameworks) {
      const framework = this.frameworks.open(info);
      // What goes on comes last, as of several runs of an executor it is the one that counts.
      for (const recovered of runs.toSorted((a, b) => Number(b.isCompleted) - Number(a.isCompleted))) {
        const { agentId } = recovered.ids;
        const run = recoverRun(recovered, processes, absence, this.#runOptions(framework, agentId));
        if (run !== undefined) this.#takeUp(framework, run, recovered);
      }
      for (const run of framework.runs.values()) this.frameworks.completeIfOver(run);
      if (framework.runs.size === 0) this.frameworks.completeFramework(framework);
    }
  }

  #takeUp(framework: AgentFramework, run: ExecutorRun, { ids, tasks, isCompleted }: RecoveredRun): void {
    const { agent, updates } = this.#options;
    const earlier = framework.runs.get(ids.executorId);
    if (earlier !== undefined) this.frameworks.complete(framework, earlier);
    framework.runs.set(ids.executorId, run);
    agent.logger.info('Recovered a run', { containerId: ids.containerId, isCompleted });
    for (const { info, pending } of tasks) {
      const task = run.tasks.find((one) => one.task.task_id.value === info.task_id.value);
      if (task === undefined) continue;
      if (pending.length > 0) updates.restore(framework.info.id, info.task_id.value, pending, run.journal);
      else task.isAcknowledged = isTerminalState(task.state);
    }
    if (isCompleted) this.frameworks.attach(run, sandboxPath(agent.workDir, ids));
    else this.#start(run);
  }

  /**
   * Runs tasks with the executor that they name, which may be there already, or a task with one of its own; or says why not.
   */
  launch(
    info: IdentifiedFramework,
    agentId: string,
    launch: TaskLaunch & { readonly executor?: ExecutorInfo | undefined },
  ): (Refusal & { readonly isExecutorThere?: boolean }) | undefined {
    const { executor, tasks } = launch;
    const [first] = tasks;
    if (first === undefined) return undefined;
    const executorId = executor?.executor_id.value ?? first.task_id.value;
    const framework = this.frameworks.open(info);
    for (const task of tasks) {
      const refusal = this.#makeWay(framework, task);
      if (refusal !== undefined) return { ...refusal, isExecutorThere: framework.runs.has(executorId) };
    }
    const there = framework.runs.get(executorId);
    if (there?.hasEnded === false) {
      if (executor !== undefined && there.launch(launch)) return undefined;
      const message = `Executor '${executorId}' is terminating or of another kind`;
      return { state: 'TASK_DROPPED', reason: 'REASON_EXECUTOR_TERMINATED', message, isExecutorThere: true };
    }
    if (there !== undefined) this.frameworks.complete(framework, there);
    const options = this.#runOptions(framework, agentId);
    const run =
      executor === undefined ? new CommandRun({ ...options, task: first }) : createRun(options, executor, launch);
    framework.runs.set(executorId, run);
    const taskIds = tasks.map((task) => task.task_id.value);
    const what = launch.isGroup ? 'Launching a task group' : 'Launching a task';
    this.#options.agent.logger.info(what, { taskIds, executorId, containerId: run.containerId.value });
    this.#start(run);
    return undefined;
  }

  /** A task of the same id that has ended makes way; one that has not is in it. */
  #makeWay(framework: AgentFramework, { task_id: taskId }: TaskInfo): Refusal | undefined {
    const frameworkId = framework.info.id;
    const earlier = this.frameworks.runOf(frameworkId.value, taskId.value);
    const task = earlier?.tasks.findLast((one) => one.task.task_id.value === taskId.value);
    if (earlier === undefined || task === undefined) return undefined;
    if (!isTerminalState(task.state)) {
      const message = `Task has duplicate ID: ${taskId.value}`;
      return { state: 'TASK_ERROR', reason: 'REASON_TASK_INVALID', message };
    }
    // The master takes an id again only when the earlier end was acknowledged; that has not come here.
    this.#options.updates.forgetTask(frameworkId, taskId.value);
    task.isAcknowledged = true;
    if (earlier.isCommand || earlier.hasEnded) this.frameworks.complete(framework, earlier);
    return undefined;
  }

  /** The last status of a task was acknowledged. */
  acknowledgedEnd(frameworkId: FrameworkID, taskId: string): void {
    this.frameworks.acknowledgeEnd(frameworkId.value, taskId);
  }

  async kill(frameworkId?: FrameworkID, taskId?: TaskID, policy?: KillPolicy): Promise<void> {
    const run = this.frameworks.runOf(frameworkId?.value, taskId?.value ?? '');
    if (run === undefined) this.#unknown('task', taskId);
    await run?.kill(taskId?.value ?? '', policy);
  }

  async shutdown(frameworkId?: FrameworkID, executorId?: ExecutorID): Promise<void> {
    await this.#runOf(frameworkId, executorId)?.shutdown(this.#options.agent.executorShutdownGraceMs);
  }

  async message(
    frameworkId: FrameworkID | undefined,
    executorId: ExecutorID | undefined,
    data: Uint8Array,
  ): Promise<void> {
    await this.#runOf(frameworkId, executorId)?.message(data);
  }

  #runOf(frameworkId: FrameworkID | undefined, executorId: ExecutorID | undefined): ExecutorRun | undefined {
    const run = this.frameworks.get(frameworkId?.value)?.runs.get(executorId?.value ?? '');
    if (run === undefined) this.#unknown('executor', executorId);
    return run;
  }

  #unknown(what: string, id: TaskID | undefined): void {
    this.#options.agent.logger.warning(`The master names a ${what} that is not here`, { id: id?.value });
  }

  async updateFramework(info: IdentifiedFramework, agentId: string): Promise<void> {
    const framework = this.frameworks.update(info);
    if (framework !== undefined) await this.frameworks.checkpoint(framework, agentId);
  }

  /**
   * Nobody waits for its updates any more, so its tasks are completed ones at once, while their containers end. The
   * framework may come back under its id and launch tasks before they have.
   */
  async shutdownFramework(frameworkId: FrameworkID): Promise<void> {
    this.#options.updates.forget(frameworkId);
    const framework = this.frameworks.get(frameworkId.value);
    if (framework === undefined) return;
    const runs = [...framework.runs.values()];
    for (const run of runs) this.frameworks.complete(framework, run);
    this.frameworks.completeFramework(framework);
    await this.#shutdownAll(runs);
  }

  /** Shuts runs down and waits until everything of them is cleaned up. */
  async end(runs: readonly ExecutorRun[]): Promise<void> {
    await this.#shutdownAll(runs);
    await Promise.all(runs.map(async (run) => await this.#active.get(run)));
  }

  async #shutdownAll(runs: readonly ExecutorRun[]): Promise<void> {
    const { executorShutdownGraceMs: graceMs, logger } = this.#options.agent;
    const shutdowns = runs.map(async (run) => {
      try {
        await run.shutdown(graceMs);
      } catch (error) {
        logger.error('Failed to shut an executor down', { executorId: run.ids.executorId, error: messageOf(error) });
      }
    });
    await Promise.all(shutdowns);
  }

  #start(run: ExecutorRun): void {
    const finished = run.run().then(() => {
      this.#active.delete(run);
      this.endedCount += 1;
      this.#options.agent.logger.info('A container is cleaned up', { containerId: run.containerId.value });
      this.frameworks.completeIfOver(run);
      if (!run.isCommand) void this.#tellOfExit(run);
    });
    this.#active.set(run, finished);
  }

  /**
   * The master holds the executor's resources until it hears of its end: from this, or from a registration without the
   * executor, so that nothing has to be told again over a link that was lost.
   */
  async #tellOfExit({ ids, waitStatus }: ExecutorRun): Promise<void> {
    const exited = {
      framework_id: { value: ids.frameworkId },
      executor_id: { value: ids.executorId },
      status: waitStatus,
    };
    for (let pauseMs = EXIT_PAUSE_MS_MIN; ; pauseMs = Math.min(pauseMs * 2, EXIT_PAUSE_MS_MAX)) {
      try {
        return await this.#options.send({ type: 'EXECUTOR_EXITED', executor_exited: exited });
      } catch (error) {
        const { logger } = this.#options.agent;
        logger.warning('The master was not told that an executor has exited', { error: messageOf(error) });
        if (error instanceof LinkDownError) return;
      }
      await systemClock.sleep(pauseMs);
    }
  }

  async #update(framework: AgentFramework, run: ExecutorRun, task: TaskRecord, status: TaskStatus): Promise<void> {
    const { agent, updates } = this.#options;
    if (isTerminalState(status.state)) {
      this.endedTaskCounts.set(status.state, (this.endedTaskCounts.get(status.state) ?? 0) + 1);
    }
    // The framework was shut down; one with the same id may run a task with the same id by now.
    if (framework.runs.get(run.ids.executorId) !== run || task.isAcknowledged) return;
    agent.logger.info('Handling a status update', { taskId: status.task_id.value, state: status.state });
    await updates.update(framework.info.id, status, run.journal);
  }

  /** Nothing promises that a message arrives. */
  async #forward({ ids }: ExecutorRun, data: Uint8Array): Promise<void> {
    const message = { framework_id: { value: ids.frameworkId }, executor_id: { value: ids.executorId }, data };
    try {
      await this.#options.send({ type: 'MESSAGE', message });
    } catch (error) {
      this.#options.agent.logger.warning('Dropping a message of an executor', { ...ids, error: messageOf(error) });
    }
  }

  #runOptions(framework: AgentFramework, agentId: string): ExecutorRunOptions {
    const { agent, checkpoints } = this.#options;
    const { logger } = agent;
    const writeFramework = async (): Promise<void> => await this.frameworks.checkpoint(framework, agentId);
    const isCheckpointed = framework.info.checkpoint === true;
    return {
      framework: framework.info,
      agentId,
      workDir: agent.workDir,
      hostname: agent.hostname,
      isSwitchingUser: agent.isSwitchingUser,
      hasDockerVolumes: agent.hasDockerVolumes,
      executorEnvironment: (ids, sandbox) => executorEnvironment(agent, framework.info, ids, sandbox),
      containerizer: agent.containerizer,
      logger,
      journalOf: (ids) =>
        isCheckpointed ? new CheckpointedRunJournal({ checkpoints, ids, logger, writeFramework }) : noJournal,
      onSandbox: (run, sandbox) => this.frameworks.attach(run, sandbox),
      registrationTimeoutMs: agent.executorRegistrationTimeoutMs,
      reregistrationTimeoutMs: agent.executorReregistrationTimeoutMs,
      onMessage: async (run, data) => await this.#forward(run, data),
      isCongested: ({ id }) => this.#options.updates.isCongested(framework.info.id, id),
      onStatus: async (run, task, status) => await this.#update(framework, run, task, status),
    };
  }
}

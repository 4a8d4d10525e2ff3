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
import type { MesosContainerizer } from '@drydock/containerizer';
import {
  formatPid,
  isTerminalState,
  startAgentLink,
  type AgentApiEvent,
  type AgentRegistration,
  type Attribute,
  type FrameworkID,
  type FrameworkInfo,
  type MasterInfo,
  type Resource,
  type StartedAgentLink,
  type TaskID,
  type TaskInfo,
  type TaskState,
  type TaskStatus,
  type VirtualFiles,
} from '@drydock/mesos';
import { latestAgentPath, virtualSandboxPaths, type RunIds } from './directories.ts';
import { executorEnvironment } from './executor/executor-environment.ts';
import { TaskRun } from './executor/task-run.ts';
import { SHUTTING_DOWN, refusedGroupCalls, refusedTaskCall, type Refusal } from './refused-task.ts';
import { pointLink } from './sandbox.ts';
import { StatusUpdateStreams } from './status-updates/status-update-stream.ts';

export interface AgentOptions {
  /** `--master`. */
  readonly master: string;
  readonly workDir: string;
  readonly hostname: string;
  readonly ip: string;
  readonly port: number;
  readonly version: string;
  readonly resources: readonly Resource[];
  readonly attributes: readonly Attribute[];
  readonly isSwitchingUser: boolean;
  readonly hasDockerVolumes: boolean;
  /** `--executor_environment_variables`. */
  readonly executorEnvironmentVariables: Readonly<Record<string, string>>;
  readonly executorShutdownGraceMs: number;
  /** `--max_completed_executors_per_framework`. */
  readonly completedExecutorCountMax: number;
  readonly containerizer: Pick<MesosContainerizer, 'launch' | 'destroy' | 'destroyErrorCount'>;
  readonly files: VirtualFiles;
  readonly logger: Logger;
  /** The master refused the agent for good. */
  readonly onRefused: (message: string) => void;
}

/** A framework with tasks here, now or before. */
export interface AgentFramework {
  info: FrameworkInfo & { id: FrameworkID };
  /** By task id, from launch to the end of the clean-up and the last acknowledgement. */
  readonly runs: Map<string, TaskRun>;
  /** Newest last. */
  readonly completed: TaskRun[];
}

export type AgentLifeState = 'starting' | 'running' | 'draining' | 'stopped';

const COMPLETED_FRAMEWORK_COUNT_MAX = 50;
/** How long a drain waits for the framework's acknowledgements after the containers are gone. */
const DRAIN_ACKNOWLEDGEMENT_MS = 1_000;

export class Agent {
  readonly options: AgentOptions;
  readonly #frameworks = new Map<string, AgentFramework>();
  readonly #completedFrameworks = new Map<string, AgentFramework>();
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
  #draining: Promise<void> | undefined;

  constructor(options: AgentOptions) {
    this.options = options;
    this.#logger = options.logger;
    this.#updates = new StatusUpdateStreams({
      clock: systemClock,
      logger: this.#logger,
      send: async (frameworkId, status) =>
        await this.#link.send({ type: 'UPDATE_STATUS', update_status: { framework_id: frameworkId, status } }),
      onFinished: (frameworkId, taskId) => this.#forgetFinished(frameworkId, taskId),
    });
    this.#link = startAgentLink({
      master: options.master,
      logger: this.#logger,
      registration: () => this.#registration(),
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
    return [...this.#frameworks.values()];
  }

  get completedFrameworks(): readonly AgentFramework[] {
    return [...this.#completedFrameworks.values()];
  }

  /** `slave(1)@ip:port`, as others reach it. */
  get pid(): string {
    return formatPid('slave(1)', this.options);
  }

  /** Containers that are not cleaned up yet. */
  get activeRuns(): readonly TaskRun[] {
    return [...this.#active.keys()];
  }

  /** Shuts every task down, waits until their containers are cleaned up, and says goodbye. Idempotent. */
  async drain(): Promise<void> {
    this.#draining ??= this.#drain();
    await this.#draining;
  }

  async #drain(): Promise<void> {
    this.#state = 'draining';
    const { executorShutdownGraceMs } = this.options;
    await Promise.allSettled([...this.#active.keys()].map(async (run) => await run.shutdown(executorShutdownGraceMs)));
    await Promise.all(this.#active.values());
    if (this.#link.state === 'registered') {
      await waitUntil(() => this.#updates.pendingCount === 0, {
        what: 'the acknowledgement of all status updates',
        timeoutMs: DRAIN_ACKNOWLEDGEMENT_MS,
      }).catch((error: unknown) => this.#logger.warning('Stopping with status updates pending', { error }));
      await this.#link.send({ type: 'UNREGISTER' }).catch((error: unknown) => {
        this.#logger.warning('The master was not told that the agent stops', { error });
      });
    }
    this.#updates.stop();
    await this.#link.stop();
    this.#state = 'stopped';
  }

  #registration(): AgentRegistration {
    const { hostname, port, resources, attributes, version } = this.options;
    return {
      agent_info: {
        hostname,
        port,
        resources: [...resources],
        attributes: [...attributes],
        ...(this.#id === undefined ? {} : { id: { value: this.#id } }),
      },
      version,
      pid: this.pid,
      frameworks: this.frameworks.map(({ info }) => info),
      tasks: this.frameworks.flatMap(({ info, runs }) =>
        [...runs.values()].map((run) => ({ framework_id: info.id, task: run.task, state: run.state })),
      ),
    };
  }

  async #registered(agentId: string, masterInfo: MasterInfo): Promise<void> {
    this.#masterInfo = masterInfo;
    if (this.#id !== agentId) {
      this.#id = agentId;
      await mkdir(join(this.options.workDir, 'slaves', agentId), { recursive: true });
      await pointLink(latestAgentPath(this.options.workDir), agentId);
    }
    if (this.#state === 'starting') this.#state = 'running';
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
        this.options.onRefused(event.shutdown?.message ?? 'The master asked the agent to shut down');
        return;
      default:
        this.#logger.warning('Ignoring an event of the master', { type: event.type });
    }
  }

  /** By the id of the task, which is that of its executor too. */
  #runOf(frameworkId: FrameworkID | undefined, id: TaskID | undefined): TaskRun | undefined {
    const run = this.#frameworks.get(frameworkId?.value ?? '')?.runs.get(id?.value ?? '');
    if (run === undefined) this.#logger.warning('The master names a task that is not here', { id: id?.value });
    return run;
  }

  /** The framework subscribed again or changed: it may be there now for what it has not acknowledged yet. */
  #updateFramework(info: FrameworkInfo): void {
    const framework = this.#frameworks.get(info.id?.value ?? '');
    if (framework === undefined || info.id === undefined) return;
    framework.info = { ...info, id: info.id };
    this.#updates.resend(info.id);
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
    const framework = this.#frameworkOf({ ...info, id });
    const earlier = framework.runs.get(task.task_id.value);
    if (earlier !== undefined && !isTerminalState(earlier.state)) {
      const message = `Task has duplicate ID: ${task.task_id.value}`;
      this.#refuse(framework.info, task, { state: 'TASK_ERROR', reason: 'REASON_TASK_INVALID', message });
      return;
    }
    if (earlier !== undefined) {
      // The master takes an id again only when the earlier end was acknowledged; that has not come here.
      this.#updates.forgetTask(id, task.task_id.value);
      this.#complete(framework, earlier);
    }
    const { options } = this;
    const run = new TaskRun({
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
      onSandbox: (one, sandbox) => this.#attach(one.ids, sandbox),
      onStatus: (status) => {
        if (isTerminalState(status.state)) {
          this.endedTaskCounts.set(status.state, (this.endedTaskCounts.get(status.state) ?? 0) + 1);
        }
        this.#update(framework, run, status);
      },
    });
    framework.runs.set(task.task_id.value, run);
    this.#logger.info('Launching a task', { taskId: task.task_id.value, containerId: run.containerId.value });
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

  #frameworkOf(info: FrameworkInfo & { id: FrameworkID }): AgentFramework {
    const known = this.#frameworks.get(info.id.value) ?? this.#completedFrameworks.get(info.id.value);
    const framework = known ?? { info, runs: new Map<string, TaskRun>(), completed: [] };
    framework.info = info;
    this.#completedFrameworks.delete(info.id.value);
    this.#frameworks.set(info.id.value, framework);
    return framework;
  }

  #update(framework: AgentFramework, run: TaskRun, status: TaskStatus): void {
    // The framework was shut down; one with the same id may run a task with the same id by now.
    if (framework.runs.get(status.task_id.value) !== run) return;
    this.#logger.info('Handling a status update', { taskId: status.task_id.value, state: status.state });
    this.#updates.update(framework.info.id, status);
  }

  /** The framework knows the task's end: it moves to the completed ones. */
  #forgetFinished(frameworkId: FrameworkID, taskId: string): void {
    const framework = this.#frameworks.get(frameworkId.value);
    const run = framework?.runs.get(taskId);
    if (framework === undefined || run === undefined) return;
    this.#complete(framework, run);
    if (framework.runs.size === 0) this.#completeFramework(framework);
  }

  #complete(framework: AgentFramework, run: TaskRun): void {
    framework.runs.delete(run.task.task_id.value);
    framework.completed.push(run);
    const surplus = framework.completed.length - this.options.completedExecutorCountMax;
    for (const old of framework.completed.splice(0, Math.max(0, surplus))) this.#detach(old, framework);
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
      this.#complete(framework, run);
      if (!isTerminalState(run.state)) {
        void this.#attempt('shut a task down', run.shutdown(this.options.executorShutdownGraceMs));
      }
    }
    this.#completeFramework(framework);
  }

  #completeFramework(framework: AgentFramework): void {
    this.#frameworks.delete(framework.info.id.value);
    this.#completedFrameworks.set(framework.info.id.value, framework);
    const [oldest] = this.#completedFrameworks.keys();
    if (this.#completedFrameworks.size <= COMPLETED_FRAMEWORK_COUNT_MAX || oldest === undefined) return;
    for (const run of this.#completedFrameworks.get(oldest)?.completed ?? []) this.#detach(run);
    this.#completedFrameworks.delete(oldest);
  }

  #attach(ids: RunIds, sandbox: string): void {
    for (const path of [sandbox, ...virtualSandboxPaths(this.options.workDir, ids)])
      this.options.files.attach(path, sandbox);
  }

  /** `.../runs/latest` stays while `framework` has a newer run of the executor. */
  #detach(run: TaskRun, framework?: AgentFramework): void {
    if (run.sandbox === undefined) return;
    const rest = framework === undefined ? [] : [...framework.completed, ...framework.runs.values()];
    const hasNewer = rest.some(({ ids }) => ids.executorId === run.ids.executorId);
    for (const path of [run.sandbox, ...virtualSandboxPaths(this.options.workDir, run.ids)])
      if (!hasNewer || !path.endsWith('/latest')) this.options.files.detach(path);
  }

  async #attempt(what: string, action: Promise<void> | undefined): Promise<void> {
    try {
      await action;
    } catch (error) {
      this.#logger.error(`Failed to ${what}`, { error: messageOf(error) });
    }
  }
}

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
import {
  formatPid,
  startAgentLink,
  type AgentApiEvent,
  type AgentInfo,
  type ExecutorInfo,
  type FrameworkInfo,
  type MasterInfo,
  type StartedAgentLink,
  type TaskState,
} from '@drydock/mesos';
import { AgentCheckpoints } from './checkpoint/agent-checkpoints.ts';
import { latestAgentPath } from './directories.ts';
import type { ExecutorRun, TaskLaunch } from './executor/executor-run.ts';
import { Executors } from './executors.ts';
import type { AgentOptions } from './agent-options.ts';
import { agentInfo, registrationOf } from './agent-registration.ts';
import type { AgentFramework } from './frameworks.ts';
import { OperatorContainers, adoptOthers } from './operator-containers.ts';
import { SHUTTING_DOWN, refusalCalls } from './refused-task.ts';
import { pointLink } from './sandbox.ts';
import { StatusUpdateStreams } from './status-updates/status-update-stream.ts';

export type AgentLifeState = 'starting' | 'running' | 'draining' | 'stopped';

/** How long a drain waits for the framework's acknowledgements after the containers are gone. */
const DRAIN_ACKNOWLEDGEMENT_MS = 1_000;

export class Agent {
  readonly options: AgentOptions;
  readonly #checkpoints: AgentCheckpoints;
  readonly #executors: Executors;
  /** Containers that operators and executors have launched. */
  readonly operatorContainers: OperatorContainers;
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
    this.#updates = new StatusUpdateStreams({
      clock: systemClock,
      logger: this.#logger,
      send: async (frameworkId, status) =>
        await this.#link.send({ type: 'UPDATE_STATUS', update_status: { framework_id: frameworkId, status } }),
      onFinished: (frameworkId, taskId) => this.#executors.acknowledgedEnd(frameworkId, taskId),
    });
    this.#executors = new Executors({
      agent: options,
      checkpoints: this.#checkpoints,
      updates: this.#updates,
      send: async (call) => await this.#link.send(call),
    });
    this.operatorContainers = new OperatorContainers({ ...options, runs: () => this.activeRuns });
    if (options.recovered !== undefined) {
      this.#id = options.recovered.state.agent.id.value;
      this.#executors.recover(options.recovered);
      adoptOthers(this.operatorContainers, options.recovered, this.activeRuns);
    }
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
    return this.#executors.frameworks.current;
  }

  get completedFrameworks(): readonly AgentFramework[] {
    return this.#executors.frameworks.completed;
  }

  /** One that has or had tasks here. */
  findFramework(frameworkId: string): AgentFramework | undefined {
    return this.#executors.frameworks.find(frameworkId);
  }

  /** `slave(1)@ip:port`, as others reach it. */
  get pid(): string {
    return formatPid('slave(1)', this.options);
  }

  /** Containers that are not cleaned up yet. */
  get activeRuns(): readonly ExecutorRun[] {
    return this.#executors.active;
  }

  /** How many tasks have ended in each state since the agent started. */
  get endedTaskCounts(): ReadonlyMap<TaskState, number> {
    return this.#executors.endedTaskCounts;
  }

  /** How many containers of executors have ended since the agent started. */
  get endedContainerCount(): number {
    return this.#executors.endedCount;
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

  async #end(runs: readonly ExecutorRun[], isForAll: boolean): Promise<void> {
    this.#state = 'draining';
    this.operatorContainers.stop();
    await this.#executors.end(runs);
    if (this.#link.state === 'registered') {
      await waitUntil(() => this.#updates.pendingCount === 0, {
        what: 'the acknowledgement of all status updates',
        timeoutMs: DRAIN_ACKNOWLEDGEMENT_MS,
      }).catch((error: unknown) => this.#logger.warning('Stopping with status updates pending', { error }));
      if (isForAll || (this.activeRuns.length === 0 && this.#updates.pendingCount === 0)) await this.#unregister();
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
      case 'RUN_TASK': {
        const { framework_info: info, task } = event.run_task ?? {};
        const tasks = task === undefined ? [] : [task];
        this.#run(info, { tasks, executor: task?.executor, isGroup: false });
        return;
      }
      case 'RUN_TASK_GROUP': {
        const { framework_info: info, executor, task_group: { tasks = [] } = {} } = event.run_task_group ?? {};
        this.#run(info, { tasks, executor, isGroup: true });
        return;
      }
      case 'KILL_TASK': {
        const { framework_id: frameworkId, task_id: taskId, kill_policy: policy } = event.kill_task ?? {};
        void this.#attempt('kill a task', this.#executors.kill(frameworkId, taskId, policy));
        return;
      }
      case 'SHUTDOWN_EXECUTOR': {
        const { framework_id: frameworkId, executor_id: executorId } = event.shutdown_executor ?? {};
        void this.#attempt('shut an executor down', this.#executors.shutdown(frameworkId, executorId));
        return;
      }
      case 'MESSAGE': {
        const { framework_id: frameworkId, executor_id: executorId, data = new Uint8Array() } = event.message ?? {};
        void this.#attempt('hand a message over', this.#executors.message(frameworkId, executorId, data));
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
        if (event.shutdown_framework !== undefined)
          void this.#attempt(
            'shut a framework down',
            this.#executors.shutdownFramework(event.shutdown_framework.framework_id),
          );
        return;
      case 'SHUTDOWN':
        this.options.onShutdown(event.shutdown?.message ?? 'The master asked the agent to shut down');
        return;
      default:
        this.#logger.warning('Ignoring an event of the master', { type: event.type });
    }
  }

  #run(info: FrameworkInfo | undefined, launch: TaskLaunch & { readonly executor: ExecutorInfo | undefined }): void {
    const { tasks, executor } = launch;
    const agentId = this.#id;
    const [task] = tasks;
    if (info?.id === undefined || agentId === undefined || task === undefined) {
      this.#logger.error('Ignoring a task without a framework id');
      return;
    }
    const framework = { ...info, id: info.id };
    const refusal = this.#state === 'running' ? this.#executors.launch(framework, agentId, launch) : SHUTTING_DOWN;
    if (refusal === undefined) return;
    this.#logger.warning('Refusing a task', { taskId: task.task_id.value, why: refusal.message });
    for (const call of refusalCalls(framework, tasks, executor, refusal)) {
      void this.#attempt('refuse a task', this.#link.send(call));
    }
  }

  /** The framework subscribed again or changed: it may be there now for what it has not acknowledged yet. */
  #updateFramework({ id, ...info }: FrameworkInfo): void {
    if (id === undefined) return;
    void this.#attempt('write down a framework', this.#executors.updateFramework({ ...info, id }, this.#id ?? ''));
    this.#updates.resend(id);
  }

  async #attempt(what: string, action: Promise<void> | undefined): Promise<void> {
    try {
      await action;
    } catch (error) {
      this.#logger.error(`Failed to ${what}`, { error: messageOf(error) });
    }
  }
}

/**
 * The run of a default executor, which the agent hosts: its tasks come in groups, each in a container nested in the
 * executor's, which has no process of its own. When a task of a group does not finish, the others of the group are killed;
 * when there is no task left, the executor ends.
 *
 * DEVIATION: upstream's default executor is a process of its user in the executor's container. Here nobody but the agent
 * writes to the executor's sandbox, which root owns, so no task can put a link where the agent makes another's sandbox.
 * @see src/launcher/default_executor.cpp
 */
import { randomUUID } from 'node:crypto';
import { messageOf } from '@drydock/base/errors';
import type { ContainerID, ContainerStatus, ExecutorInfo, KillPolicy, TaskInfo } from '@drydock/mesos';
import type { TaskPlace } from '../checkpoint/agent-checkpoints.ts';
import type { RunIds } from '../directories.ts';
import { createExecutorSandbox, createNestedSandbox, nestedSandboxPath } from '../sandbox.ts';
import { pendingOperationOf, type ExecutorRun, type TaskLaunch } from './executor-run.ts';
import { makeRoom } from './make-room.ts';
import type { RunJournal } from './run-journal.ts';
import type { ExecutorRunOptions } from './run-options.ts';
import type { TaskRecord } from './task-record.ts';
import { TaskRun, type RecoveredTaskRun } from './task-run.ts';

/** A task of a group that an earlier agent has begun. */
export type RecoveredGroupTask = Omit<RecoveredTaskRun, 'sandbox'> & {
  readonly info: TaskInfo;
  readonly place: TaskPlace;
};

export interface GroupRunOptions extends ExecutorRunOptions {
  readonly executor: ExecutorInfo;
  /** The first group; none when recovered. */
  readonly tasks: readonly TaskInfo[];
  readonly recovered?: {
    readonly containerId: string;
    readonly sandbox: string;
    /** Everything of its container was cleaned up. */
    readonly isCompleted: boolean;
    /** Its container is there. */
    readonly isPrepared: boolean;
    readonly tasks: readonly RecoveredGroupTask[];
  };
}

interface Group {
  /** Names the group among those of the run. */
  readonly id: string;
  readonly tasks: readonly TaskRun[];
  /** Where the next agent looks for it; empty for one that an earlier agent has written down. */
  readonly places: readonly { readonly info: TaskInfo; readonly place: TaskPlace }[];
}

export class GroupRun implements ExecutorRun {
  readonly isCommand = false;
  readonly isSandboxOfAgent = true;
  readonly waitStatus = 0;
  readonly ids: RunIds;
  readonly executor: ExecutorInfo;
  readonly containerId: ContainerID;
  readonly user: string;
  readonly journal: RunJournal;
  readonly #options: GroupRunOptions;
  #groups: Group[] = [];
  /** Those that run now. */
  readonly #running = new Set<Promise<void>>();
  readonly #aborting = new AbortController();
  #preparing: Promise<void> | undefined;
  #hasContainer = false;
  #isEnding = false;
  hasEnded: boolean;
  #sandbox: string | undefined;

  constructor(options: GroupRunOptions) {
    const { executor, framework, recovered } = options;
    this.#options = options;
    this.executor = { ...executor, framework_id: framework.id };
    this.containerId = { value: recovered?.containerId ?? randomUUID() };
    this.ids = {
      agentId: options.agentId,
      frameworkId: framework.id.value,
      executorId: executor.executor_id.value,
      containerId: this.containerId.value,
    };
    this.user = options.isSwitchingUser ? framework.user : 'root';
    this.journal = options.journalOf(this.ids);
    this.#sandbox = recovered?.sandbox;
    this.hasEnded = recovered?.isCompleted ?? false;
    const byGroup = Map.groupBy(recovered?.tasks ?? [], ({ place }) => place.groupId);
    for (const [id, tasks] of byGroup) {
      this.#groups.push({ id, places: [], tasks: tasks.map((task) => this.#recoverTask(task)) });
    }
    if (recovered === undefined) this.#groups.push(this.#newGroup(options.tasks));
  }

  get isCheckpointed(): boolean {
    return this.#options.framework.checkpoint === true;
  }

  get containerStatus(): ContainerStatus {
    return { container_id: this.containerId };
  }

  get sandbox(): string | undefined {
    return this.#sandbox;
  }

  get tasks(): readonly TaskRecord[] {
    return this.#taskRuns.map(({ record }) => record);
  }

  get #taskRuns(): readonly TaskRun[] {
    return this.#groups.flatMap(({ tasks }) => tasks);
  }

  get pendingOperation(): ExecutorRun['pendingOperation'] {
    return pendingOperationOf(this.tasks);
  }

  launch({ tasks }: TaskLaunch): boolean {
    if (this.#isEnding || this.#aborting.signal.aborted) return false;
    this.#makeRoom(new Set(tasks.map(({ task_id: { value } }) => value)));
    const group = this.#newGroup(tasks);
    this.#groups.push(group);
    this.#start(group);
    return true;
  }

  async run(): Promise<void> {
    for (const group of this.#groups) this.#start(group);
    // A group may come while others run.
    while (this.#running.size > 0) await Promise.all(this.#running);
    this.#isEnding = true;
    try {
      await this.#options.containerizer.destroy(this.containerId);
    } catch (error) {
      const containerId = this.containerId.value;
      this.#options.logger.error('Failed to clean up the container of an executor', { containerId, error });
    }
    await this.journal.end();
    this.hasEnded = true;
  }

  async kill(taskId: string, policy: KillPolicy | undefined): Promise<void> {
    const isMeant = ({ record }: TaskRun): boolean => record.id === taskId;
    const group = this.#groups.find(({ tasks }) => tasks.some(isMeant));
    if (group === undefined) return;
    // Before its container is there no task of the group goes on without the others; nobody has to wait for it.
    const killed = this.#hasContainer ? group.tasks.filter(isMeant) : group.tasks;
    if (!this.#hasContainer && this.#groups.length === 1) this.#aborting.abort(new Error('Task killed during launch'));
    await Promise.all(killed.map(async (task) => await task.kill(policy)));
  }

  /** The default executor has no ear for it. */
  async message(): Promise<void> {
    await Promise.resolve();
  }

  /** `shutdown_grace_period` of the executor comes before the agent's. */
  async shutdown(agentGraceMs: number): Promise<void> {
    this.#aborting.abort(new Error('The executor is shut down'));
    const { shutdown_grace_period: period } = this.executor;
    const graceMs = period === undefined ? agentGraceMs : Math.max(0, period.nanoseconds / 1e6);
    const living = this.#taskRuns.filter(({ record }) => !record.isOver);
    await Promise.all(living.map(async (task) => await task.shutdown(graceMs)));
  }

  /** An executor can go on for as long as its framework likes. */
  #makeRoom(again: ReadonlySet<string>): void {
    const { kept, forgotten } = makeRoom(this.tasks, again);
    for (const taskId of forgotten) void this.journal.forgetTask(taskId);
    const isKept = new Set(kept);
    this.#groups = this.#groups
      .map((group) => ({ ...group, tasks: group.tasks.filter(({ record }) => isKept.has(record)) }))
      .filter(({ tasks }) => tasks.length > 0);
  }

  #start(group: Group): void {
    const running = this.#runGroup(group).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #runGroup({ tasks, places }: Group): Promise<void> {
    try {
      if (places.length > 0) await this.journal.begin(this.executor, places);
      await (this.#preparing ??= this.#prepare());
    } catch (error) {
      await Promise.all(tasks.map(async (task) => await task.fail(`Failed to launch container: ${messageOf(error)}`)));
      return;
    }
    await Promise.all(tasks.map(async (task) => await this.#runTask(task, tasks)));
  }

  async #runTask(task: TaskRun, group: readonly TaskRun[]): Promise<void> {
    await task.run();
    if (task.record.state === 'TASK_FINISHED') return;
    const others = group.filter((other) => other !== task && !other.record.isOver);
    await Promise.all(others.map(async (other) => await other.kill(undefined)));
  }

  /** The container of the executor, with its volumes. */
  async #prepare(): Promise<void> {
    const { containerizer, recovered, workDir, onSandbox, hasDockerVolumes } = this.#options;
    if (recovered !== undefined) {
      onSandbox(this, recovered.sandbox);
      // Without it there is none for any task either, and each says so.
      this.#hasContainer = recovered.isPrepared;
      return;
    }
    const sandbox = await createExecutorSandbox(workDir, this.ids);
    this.#sandbox = sandbox;
    onSandbox(this, sandbox);
    const { container, resources = [] } = this.executor;
    if (!hasDockerVolumes && container?.volumes?.some(({ source }) => source?.type === 'DOCKER_VOLUME')) {
      throw new Error("The 'docker/volume' isolator is not enabled on this agent, expected it in --isolation");
    }
    this.#aborting.signal.throwIfAborted();
    await containerizer.launchWithoutProcess(
      this.containerId,
      {
        ...(container === undefined ? {} : { container }),
        resources,
        sandboxDirectory: sandbox,
        user: this.user,
      },
      { signal: this.#aborting.signal },
    );
    this.#hasContainer = true;
  }

  #newGroup(tasks: readonly TaskInfo[]): Group {
    const id = randomUUID();
    const placed = tasks.map((info) => ({ info, place: { containerId: randomUUID(), groupId: id } }));
    return { id, places: placed, tasks: placed.map(({ info, place }) => this.#createTask(info, place)) };
  }

  #recoverTask({ info, place, ...recovered }: RecoveredGroupTask): TaskRun {
    const sandbox = nestedSandboxPath(this.#sandbox ?? '', place.containerId);
    return this.#createTask(info, place, { ...recovered, sandbox });
  }

  #createTask(task: TaskInfo, place: TaskPlace, recovered?: RecoveredTaskRun): TaskRun {
    const { recovered: _, ...options } = this.#options;
    const { framework, isSwitchingUser, executorEnvironment, onStatus } = options;
    const user = isSwitchingUser ? (task.command?.user ?? framework.user) : 'root';
    return new TaskRun({
      ...options,
      task,
      ids: this.ids,
      containerId: { value: place.containerId, parent: this.containerId },
      user,
      isPrinting: false,
      journal: this.journal,
      executorEnvironment: (sandbox) => executorEnvironment(this.ids, sandbox),
      // The group has been written down before.
      begin: async () => await Promise.resolve(),
      onForked: async () => await Promise.resolve(),
      createSandbox: async () =>
        await createNestedSandbox(this.#sandbox ?? '', place.containerId, task.task_id.value, user),
      onStatus: async (one, status) => await onStatus(this, one, status),
      ...(recovered === undefined ? {} : { recovered }),
    });
  }
}

/**
 * What the agent and a custom executor say to each other. What the framework wants and the executor cannot hear yet waits:
 * tasks until they are delivered, kills until their task has ended. Messages do not.
 *
 * DEVIATION: upstream writes tasks and kills for an executor whose stream is broken into that stream, where they are lost.
 * @see src/slave/slave.cpp subscribe, statusUpdate, killTask
 */
import type { Logger } from '@drydock/base/log';
import type {
  AgentInfo,
  ContainerID,
  EventChannel,
  ExecutorCall,
  ExecutorEvent,
  ExecutorInfo,
  FrameworkID,
  FrameworkInfo,
  KillPolicy,
  TaskStatus,
} from '@drydock/mesos';
import type { RunIds } from '../directories.ts';
import type { CustomTasks } from './custom-tasks.ts';
import type { TaskRecord } from './task-record.ts';

export interface ExecutorSessionOptions {
  readonly ids: RunIds;
  readonly containerId: ContainerID;
  readonly executor: ExecutorInfo;
  readonly framework: FrameworkInfo & { readonly id: FrameworkID };
  readonly tasks: CustomTasks;
  readonly isCongested: (task: TaskRecord) => boolean;
  /** Resolves when the message is on its way to the framework or lost; never rejects. */
  readonly onMessage: (data: Uint8Array) => Promise<void>;
  readonly logger: Logger;
}

/** SUBSCRIBE of an executor, and where its events go. */
export interface ExecutorSubscription {
  readonly channel: EventChannel<ExecutorEvent>;
  readonly agentInfo: AgentInfo;
  readonly known: NonNullable<ExecutorCall['subscribe']>;
}

/** An update is not taken now when the framework has too much of its task to acknowledge. */
export type UpdateOutcome = 'taken' | 'congested';

export class ExecutorSession {
  readonly #options: ExecutorSessionOptions;
  /** By task: sent again with each subscription until the task has ended. */
  readonly #kills = new Map<string, KillPolicy | undefined>();
  #channel: EventChannel<ExecutorEvent> | undefined;
  #messages: Promise<void> = Promise.resolve();
  /** It has subscribed to this agent, and its calls are heard. */
  isSubscribed = false;

  constructor(options: ExecutorSessionOptions) {
    this.#options = options;
  }

  /** The first time or again: the channel gets SUBSCRIBED first, then what has waited but tasks, which `deliver` sends. */
  subscribe({ channel, agentInfo, known }: ExecutorSubscription): void {
    const { executor, framework, containerId, ids, logger } = this.#options;
    this.#channel?.end();
    this.#channel = channel;
    this.isSubscribed = true;
    logger.info('An executor has subscribed', { ...ids });
    void channel.closed().then((end) => this.#closed(channel, end));
    const subscribed = { executor_info: executor, framework_info: framework, agent_info: agentInfo };
    channel.send({ type: 'SUBSCRIBED', subscribed: { ...subscribed, container_id: containerId } });
    const { unacknowledged_tasks: tasks = [], unacknowledged_updates: updates = [] } = known;
    for (const { status } of updates) void this.update(status);
    const knownIds = [...tasks, ...updates.map(({ status }) => status)].map(({ task_id: { value } }) => value);
    this.#dropUnknown(new Set(knownIds));
    for (const [taskId, policy] of this.#kills) {
      if (this.#options.tasks.get(taskId)?.isOver === false) this.#sendKill(taskId, policy);
      else this.#kills.delete(taskId);
    }
  }

  /** Tells the executor of the tasks that are ready. */
  deliver(): void {
    if (this.#channel === undefined) return;
    for (const { tasks, isGroup } of this.#options.tasks.takeReady()) {
      const infos = tasks.map(({ task }) => task);
      if (isGroup) this.#channel.send({ type: 'LAUNCH_GROUP', launch_group: { task_group: { tasks: infos } } });
      else for (const task of infos) this.#channel.send({ type: 'LAUNCH', launch: { task } });
    }
  }

  /**
   * UPDATE of the executor. Resolves when it is written down, and the executor told so. One that came before, or that says
   * nothing of a living task, is acknowledged all the same, so that it is not sent again. Never rejects.
   */
  async update(said: TaskStatus): Promise<UpdateOutcome> {
    const { tasks, ids, logger, isCongested } = this.#options;
    const { task_id: taskId, uuid, state } = said;
    const record = tasks.get(taskId.value);
    if (tasks.isNoted(said)) {
      logger.info('An executor says again what it said before', { ...ids, taskId: taskId.value, state });
    } else if (record === undefined || record.isOver) {
      logger.warning('Ignoring an update of no living task', { ...ids, taskId: taskId.value, state });
    } else {
      if (isCongested(record)) return 'congested';
      // An executor that knows the task without having been told of it need not be told.
      if (record.isQueued) tasks.withdraw(record);
      tasks.note(said);
      record.add({ timestamp: Date.now() / 1000, ...said, source: 'SOURCE_EXECUTOR' });
      if (record.isOver) this.#kills.delete(record.id);
    }
    await record?.written;
    if (uuid !== undefined) this.#channel?.send({ type: 'ACKNOWLEDGED', acknowledged: { task_id: taskId, uuid } });
    return 'taken';
  }

  /** MESSAGE of the executor, after those before it; resolves when it is on its way or lost. Never rejects. */
  async forward(data: Uint8Array): Promise<void> {
    this.#messages = this.#messages.then(async () => await this.#options.onMessage(data));
    await this.#messages;
  }

  /** KILL of the framework, for a task that the executor has been told of. */
  kill(taskId: string, policy: KillPolicy | undefined): void {
    this.#kills.set(taskId, policy);
    this.#sendKill(taskId, policy);
  }

  /** MESSAGE of the framework: nothing promises that it arrives. */
  message(data: Uint8Array): void {
    if (this.#channel?.send({ type: 'MESSAGE', message: { data } }) === true) return;
    this.#options.logger.warning('Dropping a message: its executor is not subscribed', { ...this.#options.ids });
  }

  shutdown(): void {
    this.#channel?.send({ type: 'SHUTDOWN' });
  }

  /** Ends the stream after what was sent. */
  end(): void {
    this.#channel?.end();
  }

  #sendKill(taskId: string, policy: KillPolicy | undefined): void {
    const kill = { task_id: { value: taskId }, ...(policy === undefined ? {} : { kill_policy: policy }) };
    this.#channel?.send({ type: 'KILL', kill });
  }

  /** Of the others the executor was to be told when the earlier agent died, or its stream broke. */
  #dropUnknown(known: ReadonlySet<string>): void {
    const { tasks, framework } = this.#options;
    const isPartitionAware = (framework.capabilities ?? []).some(({ type }) => type === 'PARTITION_AWARE');
    for (const task of tasks.living) {
      if (task.isQueued || task.state !== 'TASK_STAGING' || known.has(task.id)) continue;
      task.report('SOURCE_AGENT', {
        state: isPartitionAware ? 'TASK_DROPPED' : 'TASK_LOST',
        reason: 'REASON_AGENT_RESTARTED',
        message: 'Task launched during agent restart',
      });
    }
  }

  #closed(channel: EventChannel<ExecutorEvent>, end: string): void {
    if (this.#channel !== channel) return;
    this.#channel = undefined;
    this.#options.logger.info('The stream of an executor is over', { ...this.#options.ids, end });
  }
}

import { randomUUID } from 'node:crypto';
import {
  isTerminalState,
  toTask,
  type ContainerID,
  type ContainerStatus,
  type Task,
  type TaskInfo,
  type TaskState,
  type TaskStatus,
  type TaskStatusReason,
} from '@drydock/mesos';
import type { RunIds } from '../directories.ts';

/** What somebody says of a task; the record makes it a TaskStatus. */
export interface TaskReport {
  readonly state: TaskState;
  readonly message?: string;
  readonly reason?: TaskStatusReason;
}

export interface TaskRecordOptions {
  readonly task: TaskInfo;
  /** Of the executor's run. */
  readonly ids: RunIds;
  /** Of the task: that of the executor, or one nested in it. */
  readonly containerId: ContainerID;
  /** Those of an earlier agent. */
  readonly statuses?: readonly TaskStatus[];
  readonly containerStatus: () => ContainerStatus;
  /** Resolves when the status is written down; never rejects. */
  readonly onStatus: (task: TaskRecord, status: TaskStatus) => Promise<void>;
}

/** An executor may say as much as it likes; of a task that goes on and on only so much is shown. */
const STATUS_COUNT_MAX = 100;

/** A task, and what has been said of it. */
export class TaskRecord {
  readonly task: TaskInfo;
  readonly ids: RunIds;
  readonly containerId: ContainerID;
  /** The framework has acknowledged its end. */
  isAcknowledged = false;
  /** Its executor has not been told of it yet. */
  isQueued = false;
  readonly #options: TaskRecordOptions;
  readonly #statuses: TaskStatus[];
  #written: Promise<void> = Promise.resolve();

  constructor(options: TaskRecordOptions) {
    this.#options = options;
    this.task = options.task;
    this.ids = options.ids;
    this.containerId = options.containerId;
    this.#statuses = [...(options.statuses ?? [])];
  }

  get id(): string {
    return this.task.task_id.value;
  }

  get state(): TaskState {
    return this.#statuses.at(-1)?.state ?? 'TASK_STAGING';
  }

  get isOver(): boolean {
    return isTerminalState(this.state);
  }

  /** In order, without what came after a terminal one; of several with the same state in a row the newest. */
  get statuses(): readonly TaskStatus[] {
    return this.#statuses;
  }

  /** Resolves when everything that was said so far is written down; never rejects. */
  get written(): Promise<void> {
    return this.#written;
  }

  /** As the APIs show it. */
  toTask(): Task {
    const { task, state, statuses } = this;
    const frameworkId = { value: this.ids.frameworkId };
    return toTask(task, { frameworkId, executorId: task.executor?.executor_id, state, statuses });
  }

  /** A status of the agent's own, or of an executor that it hosts; ignored after the end. */
  report(source: 'SOURCE_AGENT' | 'SOURCE_EXECUTOR', { state, message, reason }: TaskReport): void {
    this.add({
      task_id: this.task.task_id,
      state,
      source,
      timestamp: Date.now() / 1000,
      uuid: Buffer.from(randomUUID().replaceAll('-', ''), 'hex'),
      ...(message === undefined ? {} : { message }),
      ...(reason === undefined ? {} : { reason }),
    });
  }

  /** A status as somebody else has made it; ignored after the end. The agent adds what only it knows. */
  add(said: TaskStatus): void {
    if (this.isOver) return;
    const status: TaskStatus = {
      ...said,
      agent_id: { value: this.ids.agentId },
      executor_id: { value: this.ids.executorId },
      container_status: { ...said.container_status, ...this.#options.containerStatus() },
    };
    this.#remember(status);
    const written = this.#options.onStatus(this, status);
    this.#written = this.#written.then(async () => await written);
  }

  #remember(status: TaskStatus): void {
    // What an executor attaches may be large, and is for the framework.
    const { data: _, ...remembered } = status;
    if (this.#statuses.at(-1)?.state === status.state) this.#statuses.pop();
    this.#statuses.push(remembered);
    if (this.#statuses.length > STATUS_COUNT_MAX) this.#statuses.shift();
  }
}

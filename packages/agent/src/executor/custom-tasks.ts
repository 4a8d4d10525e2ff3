import type { TaskInfo, TaskStatus } from '@drydock/mesos';
import type { TaskLaunch } from './executor-run.ts';
import { makeRoom } from './make-room.ts';
import type { TaskRecord } from './task-record.ts';

/** A task, or a group of them, on its way to the executor. */
export interface QueuedLaunch {
  readonly tasks: readonly TaskRecord[];
  readonly isGroup: boolean;
  /** It is written down, and the container has room for it. */
  isReady: boolean;
}

/** An executor says again only what it has not heard to be noted, which is the newest. */
const NOTED_COUNT_MAX = 4_096;

/** The tasks of a custom executor: which it has been told of, and what it has said of them. */
export class CustomTasks {
  readonly #createRecord: (task: TaskInfo, statuses?: readonly TaskStatus[]) => TaskRecord;
  #records: readonly TaskRecord[] = [];
  #queue: QueuedLaunch[] = [];
  /** Uuids of the updates that came, oldest first. */
  readonly #noted = new Set<string>();
  /** It knows of a task, or did. */
  hasDelivered = false;

  constructor(createRecord: (task: TaskInfo, statuses?: readonly TaskStatus[]) => TaskRecord) {
    this.#createRecord = createRecord;
  }

  /** In the order in which they came. */
  get all(): readonly TaskRecord[] {
    return this.#records;
  }

  /** Those that have not ended. */
  get living(): readonly TaskRecord[] {
    return this.#records.filter(({ isOver }) => !isOver);
  }

  /** The newest of that id. */
  get(taskId: string): TaskRecord | undefined {
    return this.#records.findLast(({ id }) => id === taskId);
  }

  /** One that an earlier agent knew: whether it told the executor of it the executor has to say. */
  recover(task: TaskInfo, statuses: readonly TaskStatus[]): void {
    this.#records = [...this.#records, this.#createRecord(task, statuses)];
    for (const status of statuses) this.note(status);
    this.hasDelivered = true;
  }

  /** @returns what is to be delivered; `forgotten` are ids of ended tasks that make room */
  add({ tasks, isGroup }: TaskLaunch): { readonly launch: QueuedLaunch; readonly forgotten: readonly string[] } {
    const again = new Set(tasks.map(({ task_id: { value } }) => value));
    const records = tasks.map((task) => this.#createRecord(task));
    for (const record of records) record.isQueued = true;
    const launch: QueuedLaunch = { tasks: records, isGroup, isReady: false };
    this.#queue.push(launch);
    const { kept, forgotten } = makeRoom(this.#records, again);
    this.#records = [...kept, ...records];
    return { launch, forgotten };
  }

  /** The launches that the executor is to be told of now, in order; it knows of them then. */
  takeReady(): readonly QueuedLaunch[] {
    const end = this.#queue.findIndex(({ isReady }) => !isReady);
    const ready = this.#queue.splice(0, end === -1 ? this.#queue.length : end);
    for (const { tasks } of ready) for (const task of tasks) task.isQueued = false;
    if (ready.length > 0) this.hasDelivered = true;
    return ready;
  }

  /** The executor is not to be told of the task any more, nor of others of its group: these all. */
  withdraw(record: TaskRecord): readonly TaskRecord[] {
    const launch = this.#queue.find(({ tasks }) => tasks.includes(record));
    if (launch === undefined) return [];
    this.#queue = this.#queue.filter((one) => one !== launch);
    for (const task of launch.tasks) task.isQueued = false;
    return launch.tasks;
  }

  /** Whether an update has come before. */
  isNoted({ uuid }: TaskStatus): boolean {
    return uuid !== undefined && this.#noted.has(keyOf(uuid));
  }

  /** An update has come. */
  note({ uuid }: TaskStatus): void {
    if (uuid === undefined) return;
    this.#noted.add(keyOf(uuid));
    const [oldest] = this.#noted;
    if (this.#noted.size > NOTED_COUNT_MAX && oldest !== undefined) this.#noted.delete(oldest);
  }
}

function keyOf(uuid: Uint8Array): string {
  return Buffer.from(uuid).toString('hex');
}

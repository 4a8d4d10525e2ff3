/** Tasks: launched, followed by their status updates, ended, forgotten. */
import {
  addResources,
  isTerminalState,
  subtractResources,
  type ExecutorInfo,
  type TaskInfo,
  type TaskState,
  type TaskStatus,
  type TaskStatusReason,
} from '@drydock/mesos';
import type { Master } from './master.ts';
import {
  isPartitionAware,
  stateOf,
  taskKey,
  trimToNewest,
  type AgentRecord,
  type FrameworkRecord,
  type TaskRecord,
} from './registry.ts';

/** What the master says of a task. */
export interface MasterStatus {
  readonly state: TaskState;
  readonly reason?: TaskStatusReason;
  readonly message?: string;
  /** Seconds since the epoch. */
  readonly unreachableAt?: number;
}

/** States that only frameworks with PARTITION_AWARE know; for the others such a task is lost. */
const PARTITION_STATES: ReadonlySet<TaskState> = new Set<TaskState>([
  'TASK_DROPPED',
  'TASK_UNREACHABLE',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
  'TASK_UNKNOWN',
]);

/** Of a task, so many statuses are remembered: the first one, which says when it began, and the newest ones. */
const STATUS_COUNT_MAX = 128;

/** `state` as the framework knows it. */
export function stateFor(framework: FrameworkRecord, state: TaskState): TaskState {
  return PARTITION_STATES.has(state) && !isPartitionAware(framework) ? 'TASK_LOST' : state;
}

export class Tasks {
  readonly #master: Master;

  constructor(master: Master) {
    this.#master = master;
  }

  /** Records the task, and the executor that it names, and tells its agent. */
  launch(framework: FrameworkRecord, agent: AgentRecord, info: TaskInfo, role: string): void {
    // As upstream: whoever runs the task sees for whom.
    const resources = (info.resources ?? []).map((resource) => ({ ...resource, allocation_info: { role } }));
    if (info.executor !== undefined) this.#master.executors.add(framework, agent, info.executor, role);
    const task = this.add(framework, agent, { ...info, resources }, role);
    const runTask = { framework_info: framework.info, task: task.info };
    if (agent.channel?.send({ type: 'RUN_TASK', run_task: runTask }) !== true) this.#drop(task);
  }

  /**
   * The same for tasks that start and end together, in an executor that is new or running; all of it names its role.
   * Nothing can kill one of them before it is delivered: upstream waits for an authorizer there, and here is none.
   */
  launchGroup(
    framework: FrameworkRecord,
    agent: AgentRecord,
    group: { readonly executor: ExecutorInfo; readonly tasks: readonly TaskInfo[] },
    role: string,
  ): void {
    const executor = this.#master.executors.add(framework, agent, group.executor, role);
    const tasks = group.tasks.map((info) => this.add(framework, agent, info, role));
    const runTaskGroup = {
      framework_info: framework.info,
      executor: executor.info,
      task_group: { tasks: tasks.map(({ info }) => info) },
    };
    if (agent.channel?.send({ type: 'RUN_TASK_GROUP', run_task_group: runTaskGroup }) === true) return;
    for (const task of tasks) this.#drop(task);
  }

  #drop(task: TaskRecord): void {
    this.end(task, { state: 'TASK_DROPPED', reason: 'REASON_AGENT_DISCONNECTED', message: 'Agent disconnected' });
  }

  /** Records a task, new or in the state that its agent tells. */
  add(framework: FrameworkRecord, agent: AgentRecord, info: TaskInfo, role: string, state?: TaskState): TaskRecord {
    const task: TaskRecord = {
      info,
      framework,
      agentId: agent.id,
      role,
      status: undefined,
      statuses: [],
      updateUuid: undefined,
      isAcknowledged: false,
    };
    framework.tasks.set(info.task_id.value, task);
    agent.tasks.set(taskKey(framework.id, info.task_id.value), task);
    agent.used = addResources(agent.used, info.resources ?? []);
    framework.shares.add(role, info.resources ?? []);
    this.#master.events.taskAdded(task);
    if (state !== undefined) this.#record(task, this.statusOf(task, { state }));
    return task;
  }

  /** An update of the agent: remembered, and handed to the framework if it is there. */
  update(task: TaskRecord, status: TaskStatus): void {
    this.#record(task, status);
    task.framework.channel?.send({ type: 'UPDATE', update: { status } });
  }

  /** The framework has seen the status with `uuid`: a task that ended with it is forgotten. */
  acknowledge(task: TaskRecord, uuid: Uint8Array): void {
    // Only the acknowledgement of the newest status ends a task; an older one may come late.
    if (task.updateUuid === undefined || Buffer.compare(task.updateUuid, uuid) !== 0) return;
    if (!isTerminalState(stateOf(task))) return;
    task.isAcknowledged = true;
    this.complete(task);
  }

  /** The master itself ends a task; nobody has to acknowledge that. */
  end(task: TaskRecord, facts: MasterStatus): void {
    this.update(task, this.statusOf(task, { ...facts, state: stateFor(task.framework, facts.state) }));
    this.complete(task);
  }

  /** Ends a task of a framework that is removed: nobody is told. */
  abandon(task: TaskRecord): void {
    const { framework } = task;
    this.#record(
      task,
      this.statusOf(task, {
        state: 'TASK_KILLED',
        reason: 'REASON_FRAMEWORK_REMOVED',
        message: `Framework ${framework.id} removed`,
      }),
    );
    framework.unreachableTasks.delete(task.info.task_id.value);
    this.complete(task);
  }

  /** The task's agent is unreachable: the task waits for it among the unreachable ones. */
  makeUnreachable(task: TaskRecord, message: string, unreachableAt: number): void {
    const { framework, info } = task;
    const state = stateFor(framework, 'TASK_UNREACHABLE');
    this.update(task, this.statusOf(task, { state, reason: 'REASON_AGENT_REMOVED', message, unreachableAt }));
    this.#forget(task);
    framework.unreachableTasks.set(info.task_id.value, task);
    trimToNewest(framework.unreachableTasks, this.#master.options.unreachableTaskCountMax);
  }

  /** Its agent is gone for good. */
  endUnreachable(task: TaskRecord, facts: MasterStatus): void {
    const { framework, info } = task;
    const status = this.statusOf(task, { ...facts, state: stateFor(framework, facts.state) });
    this.#record(task, status);
    framework.channel?.send({ type: 'UPDATE', update: { status } });
    framework.unreachableTasks.delete(info.task_id.value);
    this.#remember(task);
  }

  /** The task does not get as far as a record. */
  refuse(framework: FrameworkRecord, task: TaskInfo, facts: MasterStatus): void {
    const state = stateFor(framework, facts.state);
    this.#master.counters.countEnd(state);
    const status = this.#status({ taskId: task.task_id.value, agentId: task.agent_id.value }, { ...facts, state });
    framework.channel?.send({ type: 'UPDATE', update: { status } });
  }

  /** A status of the master's own for a task that it knows. */
  statusOf(task: TaskRecord, facts: MasterStatus): TaskStatus {
    const { healthy, container_status: container } = task.status ?? {};
    const executorId = task.status?.executor_id ?? task.info.executor?.executor_id;
    return {
      ...this.#status({ taskId: task.info.task_id.value, agentId: task.agentId }, facts),
      ...(executorId === undefined ? {} : { executor_id: executorId }),
      ...(healthy === undefined ? {} : { healthy }),
      ...(container === undefined ? {} : { container_status: container }),
    };
  }

  /** A status of the master's own for a task that it does not know. */
  statusOfUnknown(taskId: string, agentId: string | undefined, facts: MasterStatus): TaskStatus {
    return this.#status({ taskId, agentId }, facts);
  }

  #status(
    { taskId, agentId }: { readonly taskId: string; readonly agentId: string | undefined },
    { unreachableAt, ...facts }: MasterStatus,
  ): TaskStatus {
    return {
      task_id: { value: taskId },
      ...(agentId === undefined ? {} : { agent_id: { value: agentId } }),
      source: 'SOURCE_MASTER',
      timestamp: this.#master.nowSeconds(),
      ...facts,
      ...(unreachableAt === undefined ? {} : { unreachable_time: { nanoseconds: Math.round(unreachableAt * 1e9) } }),
    };
  }

  #record(task: TaskRecord, status: TaskStatus): void {
    const before = stateOf(task);
    const wasOver = isOver(before);
    // A copy that was long on its way: an ended task stays ended, so that its end can be acknowledged.
    if (isTerminalState(before) && !isTerminalState(status.state)) return;
    if (status.uuid !== undefined) task.updateUuid = status.uuid;
    if (isTerminalState(before) && before !== status.state) return;
    task.status = status;
    if (task.statuses.at(-1)?.state === status.state) task.statuses.pop();
    // What an executor attaches may be large, and the framework has got it.
    const { data: _, ...remembered } = status;
    task.statuses.push(remembered);
    // DEVIATION: upstream keeps them all, and an executor may go to and fro between two states for ever.
    if (task.statuses.length > STATUS_COUNT_MAX) task.statuses.splice(1, 1);
    if (before !== status.state) this.#master.events.taskUpdated(task, status, status.state);
    // One that was unreachable holds nothing any more, and comes to its end only now.
    if (!isTerminalState(before)) this.#master.counters.countEnd(status.state);
    if (!wasOver && isOver(status.state)) this.#release(task);
  }

  #release({ framework, agentId, role, info }: TaskRecord): void {
    const agent = this.#master.registry.agents.get(agentId);
    if (agent !== undefined) agent.used = subtractResources(agent.used, info.resources ?? []);
    framework.shares.subtract(role, info.resources ?? []);
    this.#master.offers.allocateSoon();
  }

  /** The task is over and nobody has to hear of it any more. */
  complete(task: TaskRecord): void {
    this.#forget(task);
    this.#remember(task);
  }

  #remember(task: TaskRecord): void {
    const { completedTasks } = task.framework;
    completedTasks.push(task);
    if (completedTasks.length > this.#master.options.completedTaskCountMax) completedTasks.shift();
  }

  #forget({ framework, info, agentId }: TaskRecord): void {
    const key = taskKey(framework.id, info.task_id.value);
    framework.tasks.delete(info.task_id.value);
    const agent = this.#master.registry.agents.get(agentId);
    agent?.tasks.delete(key);
    agent?.killed.delete(key);
  }
}

/** The task holds nothing any more. */
function isOver(state: TaskState): boolean {
  return isTerminalState(state) || state === 'TASK_UNREACHABLE';
}

/**
 * What happens in the master, for whoever shows it: the event stream of the operator API.
 * @see src/master/master.hpp Subscribers, include/mesos/v1/master/master.proto Event
 */
import type { TaskState, TaskStatus } from '@drydock/mesos';
import type { AgentRecord, FrameworkRecord, TaskRecord } from './registry.ts';

/**
 * Told of each change right after the records hold it, in the order of the changes, within the same turn. The records
 * are the master's own and go on changing: take from them now what is needed later.
 */
export interface MasterObserver {
  /** A task was launched, or came with an agent that registered. */
  readonly taskAdded?: (task: TaskRecord) => void;
  /** A task has another state than before. */
  readonly taskUpdated?: (task: TaskRecord, status: TaskStatus, state: TaskState) => void;
  /** A new agent, or one that comes back after it was removed or unreachable; not one that was only disconnected. */
  readonly agentAdded?: (agent: AgentRecord) => void;
  /** An agent left, or is unreachable. */
  readonly agentRemoved?: (agent: AgentRecord) => void;
  /** A framework subscribed for the first time, or became known through an agent's tasks. */
  readonly frameworkAdded?: (framework: FrameworkRecord) => void;
  /** A framework subscribed again, or changed what it says of itself. */
  readonly frameworkUpdated?: (framework: FrameworkRecord) => void;
  /** A framework was torn down, or did not come back in time. */
  readonly frameworkRemoved?: (framework: FrameworkRecord) => void;
}

/** Hands every change to all observers. */
export class MasterEvents implements Required<MasterObserver> {
  readonly #observers = new Set<MasterObserver>();

  /** Tells `observer` of every change from now on, until the result is disposed. */
  observe(observer: MasterObserver): Disposable {
    this.#observers.add(observer);
    return { [Symbol.dispose]: () => void this.#observers.delete(observer) };
  }

  /** Nobody has to make what nobody looks at. */
  get isObserved(): boolean {
    return this.#observers.size > 0;
  }

  taskAdded(task: TaskRecord): void {
    for (const one of this.#observers) one.taskAdded?.(task);
  }

  taskUpdated(task: TaskRecord, status: TaskStatus, state: TaskState): void {
    for (const one of this.#observers) one.taskUpdated?.(task, status, state);
  }

  agentAdded(agent: AgentRecord): void {
    for (const one of this.#observers) one.agentAdded?.(agent);
  }

  agentRemoved(agent: AgentRecord): void {
    for (const one of this.#observers) one.agentRemoved?.(agent);
  }

  frameworkAdded(framework: FrameworkRecord): void {
    for (const one of this.#observers) one.frameworkAdded?.(framework);
  }

  frameworkUpdated(framework: FrameworkRecord): void {
    for (const one of this.#observers) one.frameworkUpdated?.(framework);
  }

  frameworkRemoved(framework: FrameworkRecord): void {
    for (const one of this.#observers) one.frameworkRemoved?.(framework);
  }
}

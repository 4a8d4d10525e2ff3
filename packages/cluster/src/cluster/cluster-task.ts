/** A task as master and agents tell of it, over their HTTP interfaces. */
import { waitUntil } from '@drydock/base/wait-until';
import { isTerminalState, type TaskState } from '@drydock/mesos/task-state';
import type { AgentExecutor, AgentState } from '../agent-state.ts';
import { getJson, getText } from './http-get.ts';

export interface TaskQuery {
  /** The task's id. */
  readonly id: string;
  /** Default: the framework that came last with such a task. */
  readonly frameworkId?: string;
}

/** One status of a task, as the master has it. */
export interface SeenStatus {
  readonly state: string;
  readonly timestamp: number;
}

interface StateTask {
  readonly id: string;
  readonly framework_id: string;
  readonly slave_id: string;
  readonly state: string;
  readonly statuses: readonly SeenStatus[];
}
interface StateFramework {
  readonly id: string;
  readonly tasks: readonly StateTask[];
  readonly completed_tasks: readonly StateTask[];
  readonly unreachable_tasks?: readonly StateTask[];
}
interface MasterState {
  readonly frameworks: readonly StateFramework[];
  readonly completed_frameworks: readonly StateFramework[];
}
const STATE_MS_MAX = 60_000;

/** A handle: it looks each time it is asked. */
export class ClusterTask {
  readonly id: string;
  readonly #query: TaskQuery;
  readonly #masterUrl: () => string;

  constructor(query: TaskQuery, masterUrl: () => string) {
    this.id = query.id;
    this.#query = query;
    this.#masterUrl = masterUrl;
  }

  /** Undefined as long as the master does not know it. */
  async state(): Promise<string | undefined> {
    return (await this.#find())?.state;
  }

  /** Every state that the master was told, oldest first. */
  async states(): Promise<readonly string[]> {
    return ((await this.#find())?.statuses ?? []).map(({ state }) => state);
  }

  /** Of the agent that runs it, or did. */
  async agentId(): Promise<string | undefined> {
    return (await this.#find())?.slave_id;
  }

  async frameworkId(): Promise<string | undefined> {
    return (await this.#find())?.framework_id;
  }

  /**
   * Resolves when the master has been told the state, also when another came after it.
   * @throws WaitTimedOutError; Error at once when the task has ended in another state
   */
  async reaches(state: string, options: { readonly timeoutMs?: number } = {}): Promise<void> {
    await waitUntil(
      async () => {
        const seen = await this.states();
        const last = seen.at(-1);
        if (last !== undefined && isTerminalState(last as TaskState) && !seen.includes(state)) {
          throw new Error(`Expected task ${this.id} to reach ${state}; it went ${seen.join(', ')}`);
        }
        return seen;
      },
      {
        what: `task ${this.id} to reach ${state}`,
        until: (seen) => seen.includes(state),
        timeoutMs: options.timeoutMs ?? STATE_MS_MAX,
        intervalMs: 50,
      },
    );
  }

  async #find(): Promise<StateTask | undefined> {
    const state = (await getJson(this.#masterUrl(), '/state')) as MasterState;
    const { id, frameworkId } = this.#query;
    // The running ones come last, since they are newer.
    for (const framework of [...state.completed_frameworks, ...state.frameworks].toReversed()) {
      if (frameworkId !== undefined && framework.id !== frameworkId) continue;
      const tasks = [...framework.completed_tasks, ...(framework.unreachable_tasks ?? []), ...framework.tasks];
      const task = tasks.findLast((one) => one.id === id);
      if (task !== undefined) return task;
    }
    return undefined;
  }
}

/** Where a task writes, on its agent. */
export class Sandbox {
  /** Of the agent's host. */
  readonly directory: string;
  readonly #agentUrl: string;

  constructor(agentUrl: string, directory: string) {
    this.#agentUrl = agentUrl;
    this.directory = directory;
  }

  async stdout(): Promise<string> {
    return await this.read('stdout');
  }

  async stderr(): Promise<string> {
    return await this.read('stderr');
  }

  /** A file below it. */
  async read(path: string): Promise<string> {
    const query = new URLSearchParams({ path: `${this.directory}/${path}` });
    return await getText(this.#agentUrl, `/files/download?${query.toString()}`);
  }
}

/** Asks the agents; undefined when none of them has had the task. */
export async function findSandbox(query: TaskQuery, agentUrls: readonly string[]): Promise<Sandbox | undefined> {
  for (const url of agentUrls) {
    const state = (await getJson(url, '/state')) as AgentState;
    for (const framework of [...state.completed_frameworks, ...state.frameworks].toReversed()) {
      if (query.frameworkId !== undefined && framework.id !== query.frameworkId) continue;
      const executors = [...framework.completed_executors, ...framework.executors].toReversed();
      const executor = executors.find((one) => hasTask(one, query.id));
      if (executor !== undefined && executor.directory !== '') return new Sandbox(url, executor.directory);
    }
  }
  return undefined;
}

function hasTask(executor: AgentExecutor, taskId: string): boolean {
  return executor.id === taskId || [...executor.tasks, ...executor.completed_tasks].some(({ id }) => id === taskId);
}

/** Tasks on the agent that a test names: a framework that stays, in this process. */
import type { MesosCluster, StartedAgent } from '@drydock/cluster';
import { LastingFramework, type Status } from './lasting-framework.ts';

const IMAGE = 'ubuntu:14.04';
const TERMINAL_MS_MAX = 60_000;

export interface PinnedTask {
  /** Its id. */
  readonly name: string;
  readonly command: string;
  readonly volumes?: readonly Record<string, unknown>[];
  readonly user?: string;
}

/** How a task ended. */
export interface EndedTask {
  readonly state: string;
  readonly message: string;
  /** Empty for one that never ran. */
  readonly stdout: string;
}

export class PinnedTasks implements AsyncDisposable {
  readonly framework: LastingFramework;
  /** Somebody else has ended the framework. */
  isTornDown = false;
  /** One launch at a time: the end of each gives back the offers that it did not use. */
  #launching: Promise<void> = Promise.resolve();
  readonly #cluster: MesosCluster;

  private constructor(cluster: MesosCluster, framework: LastingFramework) {
    this.#cluster = cluster;
    this.framework = framework;
  }

  static async subscribe(cluster: MesosCluster, info: Record<string, unknown> = {}): Promise<PinnedTasks> {
    const framework = new LastingFramework(new URL(cluster.master.url).host);
    await framework.subscribe({ capabilities: [{ type: 'PARTITION_AWARE' }], checkpoint: true, ...info });
    await framework.rest();
    return new PinnedTasks(cluster, framework);
  }

  /** Resolves when the master has taken it. */
  async launch(agent: StartedAgent, task: PinnedTask): Promise<void> {
    await this.launchAll(agent, [task]);
  }

  /** Several with one ACCEPT. */
  async launchAll(agent: StartedAgent, tasks: readonly PinnedTask[]): Promise<void> {
    const before = this.#launching;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#launching = promise;
    await before;
    try {
      await this.framework.launchTasks(await agent.id(), tasks.map(toTaskInfo));
      await this.framework.rest();
    } finally {
      resolve();
    }
  }

  /** Launches it and waits for its end. */
  async run(agent: StartedAgent, task: PinnedTask): Promise<EndedTask> {
    await this.launch(agent, task);
    return await this.end(task.name);
  }

  /** Waits for the end of a task. */
  async end(name: string): Promise<EndedTask> {
    const { state, message = '' } = await this.framework.ended(name, TERMINAL_MS_MAX);
    const hasStarted = this.framework.statesOf(name).includes('TASK_RUNNING');
    const stdout = hasStarted ? await (await this.#cluster.sandbox({ id: name })).stdout() : '';
    return { state, message, stdout };
  }

  /** Resolves when it runs. */
  async running(name: string): Promise<Status> {
    return await this.framework.status(name, 'TASK_RUNNING');
  }

  async kill(name: string): Promise<EndedTask> {
    await this.framework.kill(name);
    return await this.end(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isTornDown) await this.framework.call({ type: 'TEARDOWN' });
    await this.framework[Symbol.asyncDispose]();
  }
}

function toTaskInfo({ name, command, volumes = [], user }: PinnedTask): Record<string, unknown> & { name: string } {
  return {
    name,
    command: { value: command, ...(user === undefined ? {} : { user }) },
    container: { type: 'MESOS', mesos: { image: { type: 'DOCKER', docker: { name: IMAGE } } }, volumes },
  };
}

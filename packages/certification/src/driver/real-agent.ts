/** The real way of a task to the driver: master, agent, isolator, dvdcli and containers, where the Mesos agent would run. */
import { LocalCluster, STANDIN_IMAGES_DIRECTORY, type ExecutedTask, type StartedAgentProcess } from '@drydock/cluster';
import type { VolumeOptions } from '@drydock/volume-plugin';
import type { History } from '../run/history.ts';

export interface RealAgentOptions {
  /** Holds the mount namespace. */
  readonly namespaceOf: number;
  /** Where dvdcli finds the relay by the driver's name. */
  readonly pluginDirectory: string;
  readonly driver: string;
  readonly history: History;
  /** Told before a task with this volume is launched. */
  readonly onMount: (volume: string) => Promise<void>;
}

export interface TaskVolume {
  readonly name: string;
  readonly containerPath: string;
  /** Default RW. */
  readonly mode?: 'RW' | 'RO';
  readonly options?: VolumeOptions;
}

export interface AgentTask {
  readonly command: string;
  readonly volumes: readonly TaskVolume[];
  /** Default `ubuntu:14.04`, a stand-in; null: the task sees the host's file system. */
  readonly image?: string | null;
  /** Further flags of mesos-execute. */
  readonly flags?: readonly string[];
  readonly signal?: AbortSignal;
}

export class RealAgent implements AsyncDisposable {
  /** To kill and start agents, to read their logs and checkpoints. */
  readonly cluster: LocalCluster;
  agent: StartedAgentProcess;
  readonly #options: RealAgentOptions;
  #taskCount = 0;

  private constructor(cluster: LocalCluster, agent: StartedAgentProcess, options: RealAgentOptions) {
    this.cluster = cluster;
    this.agent = agent;
    this.#options = options;
  }

  /** Needs root, runc and what set-up brings. */
  static async start(options: RealAgentOptions): Promise<RealAgent> {
    const cluster = await LocalCluster.create({
      imagesDirectory: STANDIN_IMAGES_DIRECTORY,
      namespaceOf: options.namespaceOf,
      env: { ...process.env, DVDCLI_PLUGIN_DIRECTORIES: options.pluginDirectory },
    });
    try {
      await cluster.startMaster();
      return new RealAgent(cluster, await cluster.startAgent(), options);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Runs a task to its end with mesos-execute, and keeps what came of it as evidence. */
  async task(task: AgentTask): Promise<ExecutedTask> {
    for (const { name } of task.volumes) await this.#options.onMount(name);
    const startedAt = performance.now();
    const executed = await this.cluster.execute({
      command: task.command,
      name: `cert-${++this.#taskCount}`,
      volumes: this.volumesJson(task.volumes),
      ...(task.image === undefined ? {} : { image: task.image }),
      ...(task.flags === undefined ? {} : { flags: task.flags }),
      ...(task.signal === undefined ? {} : { signal: task.signal }),
    });
    this.#options.history.record({
      kind: 'command',
      argv: executed.result.command.split(' '),
      stdout: `${executed.states.join(' ')}\n${executed.message}\n--- stdout of the sandbox\n${executed.stdout}`,
      stderr: executed.stderr,
      durationMs: Math.round(performance.now() - startedAt),
      ...(executed.result.exitCode === undefined ? {} : { exitCode: executed.result.exitCode }),
    });
    return executed;
  }

  /** The value of `--volumes`, and of ContainerInfo.volumes, with this driver. */
  volumesJson(volumes: readonly TaskVolume[]): string {
    return JSON.stringify(
      volumes.map(({ name, containerPath, mode = 'RW', options = {} }) => {
        const parameter = Object.entries(options).map(([key, value]) => ({ key, value }));
        const driverOptions = parameter.length === 0 ? {} : { driver_options: { parameter } };
        const volume = { driver: this.#options.driver, name, ...driverOptions };
        return { container_path: containerPath, mode, source: { type: 'DOCKER_VOLUME', docker_volume: volume } };
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster.stop();
  }
}

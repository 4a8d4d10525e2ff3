/** A cluster with one driver and one volume of it, in which the host and the tasks leave files for each other. */
import { join } from 'node:path';
import { waitUntil } from '@drydock/base/wait-until';
import type { LocalCluster, StartedAgentProcess } from '@drydock/cluster';
import {
  aVolume,
  startTestCluster,
  startTestDriver,
  type TestClusterOptions,
  type TestDriver,
} from './test-cluster.ts';

const DRIVER = 'shared-files';

export class VolumeWorld implements AsyncDisposable {
  readonly cluster: LocalCluster;
  readonly driver: TestDriver;

  private constructor(cluster: LocalCluster, driver: TestDriver) {
    this.cluster = cluster;
    this.driver = driver;
  }

  static async start(options: TestClusterOptions = {}): Promise<VolumeWorld> {
    const cluster = await startTestCluster(options);
    try {
      return new VolumeWorld(cluster, await startTestDriver(cluster, DRIVER));
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** The volume at a container_path. */
  volumeAt(path: string): Record<string, unknown> {
    return aVolume({ driver: DRIVER, path });
  }

  /** Whether the volume has a file of that name. */
  async has(name: string): Promise<boolean> {
    return (await this.cluster.exec(['test', '-e', this.#pathOf(name)])).exitCode === 0;
  }

  /** Resolves when the volume has all of them. */
  async appeared(...names: readonly string[]): Promise<void> {
    await waitUntil(async () => (await Promise.all(names.map(async (name) => await this.has(name)))).every(Boolean), {
      what: `${names.join(', ')} to be in the volume`,
      timeoutMs: 30_000,
    });
  }

  /** Makes a file in the volume. */
  async touch(name: string): Promise<void> {
    const { exitCode, stderr } = await this.cluster.exec(['touch', this.#pathOf(name)]);
    if (exitCode !== 0) throw new Error(`Failed to make '${name}' in the volume: ${stderr}`);
  }

  get agent(): StartedAgentProcess {
    const [agent] = this.cluster.agents;
    if (agent === undefined) throw new Error('The cluster has an agent');
    return agent;
  }

  /** SIGKILL; resolves when the agent is gone. */
  async killAgent(): Promise<void> {
    this.agent.daemon.kill('SIGKILL');
    await this.agent.daemon.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster.stop();
  }

  #pathOf(name: string): string {
    return join(this.cluster.directory, `driver-${DRIVER}`, 'data', 'v1', name);
  }
}

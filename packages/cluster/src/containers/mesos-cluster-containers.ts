/**
 * A cluster in containers: a host each for the master, for frameworks, for every agent with its drivers, and, where
 * drivers share a service, for that. They have a network of their own and disks that outlive them.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getReaper, LABEL_TESTCONTAINERS_SESSION_ID, type ContainerRuntimeClient } from 'testcontainers';
import { ClusterBuilder, type ClusterSpec } from '../cluster/cluster-builder.ts';
import { ClusterTask, findSandbox, type Sandbox, type TaskQuery } from '../cluster/cluster-task.ts';
import { getJson } from '../cluster/http-get.ts';
import { launchTask } from '../cluster/launch-task.ts';
import type { LaunchedTask, MesosCluster } from '../cluster/mesos-cluster.ts';
import { toExecutedTask, type ExecutedTask, type ExecuteOptions } from '../executed-task.ts';
import { RUN_ID_VARIABLE, type Leak } from '../leaks.ts';
import { settleAll } from '../settle-all.ts';
import { waitUntil } from '@drydock/base/wait-until';
import { AGENT_PORT, ContainerAgent } from './container-agent.ts';
import { ContainerDaemon } from './container-daemon.ts';
import { ContainerDriver, driverProgram } from './container-driver.ts';
import { engineClient, newRunName } from './engine.ts';
import { FrameworkHost } from './framework-host.ts';
import { StartedHost, type HostOptions } from './host-container.ts';
import { ensureHostImage } from './host-image/host-image.ts';
import { RUN_LABEL, startNetwork, type RunNetwork } from './run-network.ts';
import { needsOf, SHARED_DIRECTORY, startServices, STORAGE_HOST, type DriverNeeds } from './storage-service.ts';

const MASTER_PORT = 5050;
const IDLE_MS_MAX = 60_000;

export class MesosClusterContainers extends ClusterBuilder<StartedContainersCluster> {
  /** @throws EngineFailedError, HostImageError; Error of testcontainers when no engine can be reached */
  protected async startCluster(spec: ClusterSpec): Promise<StartedContainersCluster> {
    return await StartedContainersCluster.start(spec);
  }
}

/** What all hosts of a run have in common. */
interface Grounds {
  readonly client: ContainerRuntimeClient;
  readonly runName: string;
  readonly image: string;
  readonly network: RunNetwork;
  readonly labels: Readonly<Record<string, string>>;
}

export class StartedContainersCluster implements MesosCluster {
  readonly #grounds: Grounds;
  readonly #spec: ClusterSpec;
  readonly #hosts: StartedHost[] = [];
  readonly #agents: ContainerAgent[] = [];
  #master: ContainerDaemon | undefined;
  #frameworks: FrameworkHost | undefined;
  #stopping: Promise<void> | undefined;

  private constructor(grounds: Grounds, spec: ClusterSpec) {
    this.#grounds = grounds;
    this.#spec = spec;
  }

  static async start(spec: ClusterSpec): Promise<StartedContainersCluster> {
    const client = await engineClient();
    const { host: image, reaper } = await ensureHostImage(client);
    process.env['RYUK_CONTAINER_IMAGE'] ??= reaper;
    const runName = newRunName();
    const { sessionId } = await getReaper(client);
    const labels = { [RUN_LABEL]: runName, [LABEL_TESTCONTAINERS_SESSION_ID]: sessionId };
    const network = await startNetwork(client, runName, labels);
    const cluster = new StartedContainersCluster({ client, runName, image, network, labels }, spec);
    try {
      await cluster.#start();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** The value of the label `drydock.run` on everything that the cluster made. */
  get runName(): string {
    return this.#grounds.runName;
  }

  get master(): ContainerDaemon {
    if (this.#master === undefined) throw new Error('The master of this cluster is not started');
    return this.#master;
  }

  get agents(): readonly ContainerAgent[] {
    return this.#agents;
  }

  /** Where mesos-execute runs. */
  get frameworks(): FrameworkHost {
    if (this.#frameworks === undefined) throw new Error('The host for frameworks is not started');
    return this.#frameworks;
  }

  async #start(): Promise<void> {
    const { agentCount, drivers } = this.#spec;
    const names = Array.from({ length: agentCount }, (_, index) => `agent-${index + 1}`);
    await settleAll(['shared', 'master', ...names].map(async (name) => await this.#createVolume(name)));
    const [master, frameworks, ...hosts] = await settleAll([
      this.#boot('master', { ports: [MASTER_PORT], programs: ['mesos-master'] }),
      this.#boot('frameworks', {}),
      ...names.map(async (name) => await this.#bootAgent(name)),
    ]);
    if (master === undefined || frameworks === undefined) throw new Error('settleAll gives what every promise gave');
    this.#master = new ContainerDaemon(master, {
      program: 'mesos-master',
      port: MASTER_PORT,
      argv: () => masterArgv(master, this.#spec.masterFlags),
    });
    await this.#master.run();
    this.#frameworks = new FrameworkHost(frameworks, this.#master);
    const needs = await needsOf(drivers, frameworks);
    const endpoints = needs.some(({ needsService }) => needsService)
      ? await this.#startStorage(needs)
      : drivers.map(() => undefined);
    for (const [index, name] of names.entries()) {
      const host = hosts[index];
      if (host !== undefined) this.#agents.push(this.#toAgent(name, host, needs, endpoints));
    }
    await settleAll(this.#agents.map(async (agent) => await agent.bootUp()));
  }

  async #startStorage(needs: readonly DriverNeeds[]): Promise<readonly (string | undefined)[]> {
    const { drivers } = this.#spec;
    const programs = drivers.map(({ name }) => `service-${name}`);
    return await startServices(drivers, needs, await this.#boot(STORAGE_HOST, { programs }));
  }

  #toAgent(
    name: string,
    host: StartedHost,
    needs: readonly DriverNeeds[],
    endpoints: readonly (string | undefined)[],
  ): ContainerAgent {
    const drivers = (current: () => StartedHost): readonly ContainerDriver[] =>
      this.#spec.drivers.map(
        (spec, index) =>
          new ContainerDriver(spec, {
            host: current,
            endpoint: endpoints[index],
            isShared: needs[index]?.isShared === true,
          }),
      );
    const bootAgain = async (): Promise<StartedHost> => await this.#bootAgent(name);
    return new ContainerAgent(host, { master: this.master, flags: this.#spec.agentFlags, drivers, bootAgain });
  }

  async #bootAgent(name: string): Promise<StartedHost> {
    const programs = ['mesos-agent', ...this.#spec.drivers.map(driverProgram)];
    return await this.#boot(name, { ports: [AGENT_PORT], programs, hasDisk: true });
  }

  async #boot(
    name: string,
    parts: { readonly ports?: readonly number[]; readonly programs?: readonly string[]; readonly hasDisk?: boolean },
  ): Promise<StartedHost> {
    const { image, network, labels, runName } = this.#grounds;
    const disk =
      parts.hasDisk === true || name === 'master' ? [{ volume: this.#volumeName(name), target: '/var/lib' }] : [];
    const options: HostOptions = {
      image,
      name,
      network: network.name,
      labels: { ...labels, 'drydock.host': name },
      volumes: [...disk, { volume: this.#volumeName('shared'), target: SHARED_DIRECTORY }],
      ports: parts.ports ?? [],
      environment: { [RUN_ID_VARIABLE]: runName },
      programs: parts.programs ?? [],
    };
    const host = await StartedHost.start(options);
    this.#hosts.push(host);
    return host;
  }

  #volumeName(name: string): string {
    return `${this.#grounds.runName}-${name}`;
  }

  async #createVolume(name: string): Promise<void> {
    const { client, labels } = this.#grounds;
    await client.container.dockerode.createVolume({ Name: this.#volumeName(name), Labels: { ...labels } });
  }

  async execute(options: ExecuteOptions): Promise<ExecutedTask> {
    const result = await this.frameworks.execute(options);
    return await toExecutedTask(
      result,
      options,
      async (frameworkId, id) => await this.#findSandbox({ id, frameworkId }),
    );
  }

  async launch(options: ExecuteOptions): Promise<LaunchedTask> {
    return await launchTask(this, options);
  }

  task(query: TaskQuery): ClusterTask {
    return new ClusterTask(query, () => this.master.url);
  }

  async sandbox(query: TaskQuery): Promise<Sandbox> {
    const sandbox = await this.#findSandbox(query);
    if (sandbox === undefined) throw new Error(`Expected an agent to know the task ${query.id}; none does`);
    return sandbox;
  }

  async #findSandbox(query: TaskQuery): Promise<Sandbox | undefined> {
    return await findSandbox(
      query,
      this.#agents.map(({ url }) => url),
    );
  }

  async waitUntilIdle(): Promise<void> {
    await waitUntil(
      async () =>
        (
          await Promise.all(this.#agents.map(async ({ url }) => (await getJson(url, '/containers')) as unknown[]))
        ).flat(),
      {
        what: 'all containers to be cleaned up',
        until: (containers) => containers.length === 0,
        timeoutMs: IDLE_MS_MAX,
        intervalMs: 50,
      },
    );
  }

  async leaks(): Promise<readonly Leak[]> {
    const perAgent = await Promise.all(
      this.#agents.map(async (agent) =>
        (await agent.leaks()).map(({ kind, what }): Leak => ({ kind, what: `${agent.name}: ${what}` })),
      ),
    );
    return perAgent.flat();
  }

  async stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    await this.#stopping;
  }

  async #stop(): Promise<void> {
    const { client, network, runName } = this.#grounds;
    await this.#keepLogs();
    await settleAll(this.#hosts.map(async (host) => await host.stop()));
    await network.stop();
    const filters = { label: [`${RUN_LABEL}=${runName}`] };
    const { Volumes: volumes } = await client.container.dockerode.listVolumes({ filters });
    for (const { Name: name } of volumes) await client.container.dockerode.getVolume(name).remove();
  }

  async #keepLogs(): Promise<void> {
    const { logsDirectory } = this.#spec;
    if (logsDirectory === undefined) return;
    await mkdir(logsDirectory, { recursive: true });
    for (const host of this.#hosts) {
      if (host.isStopped) continue;
      await writeFile(join(logsDirectory, `${host.name}.log`), await host.allLogs());
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function masterArgv(host: StartedHost, flags: readonly string[]): readonly string[] {
  const addresses = ['--ip=0.0.0.0', `--advertise_ip=${host.address}`, `--hostname=${host.name}`];
  return ['mesos-master', '--work_dir=/var/lib/mesos/master', ...addresses, ...flags];
}

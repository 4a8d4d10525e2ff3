/** The same cluster as local processes: no containers, no network of its own, started in a second. */
import { readFile } from 'node:fs/promises';
import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { drydockArgv, STANDIN_IMAGES_DIRECTORY } from '../bins.ts';
import type { DaemonProcess } from '../daemon-process.ts';
import type { ExecutedTask, ExecuteOptions } from '../executed-task.ts';
import type { Leak } from '../leaks.ts';
import { LocalCluster, type StartedAgentProcess } from '../local-cluster.ts';
import { ClusterBuilder, type ClusterSpec, type DriverSpec } from './cluster-builder.ts';
import { ClusterDaemon } from './cluster-daemon.ts';
import { ClusterTask, findSandbox, type Sandbox, type TaskQuery } from './cluster-task.ts';
import { launchTask } from './launch-task.ts';
import { LocalDriver } from './local-driver.ts';
import type { LaunchedTask, MesosCluster, StartedAgent, StartedDaemon, StartedDriver } from './mesos-cluster.ts';

/** All agents of a local cluster share one namespace, hence one set of drivers. */
export class MesosClusterLocal extends ClusterBuilder<StartedLocalCluster> {
  protected async startCluster(spec: ClusterSpec): Promise<StartedLocalCluster> {
    const processes = await LocalCluster.create({ imagesDirectory: STANDIN_IMAGES_DIRECTORY });
    try {
      await processes.startMaster(spec.masterFlags);
      const drivers = new Map<string, LocalDriver>();
      for (const driver of spec.drivers) drivers.set(driver.name, await startDriver(processes, driver));
      for (let index = 0; index < spec.agentCount; index += 1) await processes.startAgent({ flags: spec.agentFlags });
      return new StartedLocalCluster(processes, spec, drivers);
    } catch (error) {
      await processes.stop();
      throw error;
    }
  }
}

async function startDriver(processes: LocalCluster, spec: DriverSpec): Promise<LocalDriver> {
  const { profile, name, flags } = spec;
  if (profile === 'convoy') {
    return new LocalDriver(
      processes,
      name,
      await processes.startConvoy(flags),
      async () => await processes.startConvoy(flags),
    );
  }
  const directory = join(processes.directory, `driver-${name}`);
  const argv = drydockArgv(
    'driver',
    'start',
    '--profile',
    profile,
    '--name',
    name,
    '--directory',
    directory,
    '--keep',
    ...flags,
  );
  const start = async (): Promise<DaemonProcess> => await processes.startPlugin(name, argv);
  return new LocalDriver(processes, name, await start(), start);
}

export class StartedLocalCluster implements MesosCluster {
  /** The processes, for what only they can do. */
  readonly processes: LocalCluster;
  readonly master: StartedDaemon;
  readonly agents: readonly StartedAgent[];
  readonly #logsDirectory: string | undefined;
  #stopping: Promise<void> | undefined;

  constructor(processes: LocalCluster, spec: ClusterSpec, drivers: ReadonlyMap<string, LocalDriver>) {
    this.processes = processes;
    this.#logsDirectory = spec.logsDirectory;
    this.master = new LocalMaster(processes);
    this.agents = processes.agents.map((_agent, index) => new LocalAgent(processes, index, drivers));
  }

  async execute(options: ExecuteOptions): Promise<ExecutedTask> {
    return await this.processes.execute(options);
  }

  async launch(options: ExecuteOptions): Promise<LaunchedTask> {
    return await launchTask(this, options);
  }

  task(query: TaskQuery): ClusterTask {
    return new ClusterTask(query, () => this.master.url);
  }

  async sandbox(query: TaskQuery): Promise<Sandbox> {
    const urls = this.agents.map(({ url }) => url);
    const sandbox = await findSandbox(query, urls);
    if (sandbox === undefined) throw new Error(`Expected an agent to know the task ${query.id}; none does`);
    return sandbox;
  }

  async waitUntilIdle(): Promise<void> {
    await this.processes.waitUntilIdle();
  }

  async leaks(): Promise<readonly Leak[]> {
    return await this.processes.leaks();
  }

  async stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    await this.#stopping;
  }

  async #stop(): Promise<void> {
    if (this.#logsDirectory !== undefined) await this.#keepLogs(this.#logsDirectory);
    await this.processes.stop();
  }

  async #keepLogs(directory: string): Promise<void> {
    await mkdir(directory, { recursive: true });
    const logs = join(this.processes.directory, 'logs');
    for (const name of await readdir(logs)) await copyFile(join(logs, name), join(directory, basename(name)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** What master and agent share; `daemon` and `address` are those of the process that runs now. */
abstract class LocalDaemon extends ClusterDaemon {
  protected abstract get daemon(): DaemonProcess;
  protected abstract get address(): string;

  get url(): string {
    return `http://${this.address}`;
  }

  async log(): Promise<string> {
    return await readFile(this.daemon.logPath, 'utf8');
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.daemon.kill(signal);
    await this.daemon.exited;
  }

  /** Only this process stands still; its tasks and drivers go on. */
  async pause(): Promise<void> {
    this.daemon.kill('SIGSTOP');
    await Promise.resolve();
  }

  async resume(): Promise<void> {
    this.daemon.kill('SIGCONT');
    await Promise.resolve();
  }
}

class LocalMaster extends LocalDaemon {
  readonly name = 'master';
  readonly #processes: LocalCluster;

  constructor(processes: LocalCluster) {
    super();
    this.#processes = processes;
  }

  protected override get daemon(): DaemonProcess {
    return this.#processes.masterDaemon;
  }

  protected override get address(): string {
    return this.#processes.master;
  }

  async restart(): Promise<void> {
    if (!this.daemon.hasEnded) await this.kill('SIGTERM');
    await this.#processes.restartMaster();
  }
}

class LocalAgent extends LocalDaemon implements StartedAgent {
  readonly #processes: LocalCluster;
  readonly #index: number;
  readonly #drivers: ReadonlyMap<string, LocalDriver>;

  constructor(processes: LocalCluster, index: number, drivers: ReadonlyMap<string, LocalDriver>) {
    super();
    this.#processes = processes;
    this.#index = index;
    this.#drivers = drivers;
  }

  get #current(): StartedAgentProcess {
    const agent = this.#processes.agents[this.#index];
    if (agent === undefined) throw new Error(`There is no agent ${this.#index}`);
    return agent;
  }

  get name(): string {
    return this.#current.name;
  }

  protected override get daemon(): DaemonProcess {
    return this.#current.daemon;
  }

  protected override get address(): string {
    return this.#current.address;
  }

  async id(): Promise<string> {
    return ((await this.state()) as { readonly id: string }).id;
  }

  driver(name: string): StartedDriver {
    const found = this.#drivers.get(name);
    if (found !== undefined) return found;
    throw new Error(`Expected a driver of ${this.name}, one of ${[...this.#drivers.keys()].join(', ')}; got '${name}'`);
  }

  async exec(argv: readonly string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
    const { exitCode = -1, stdout, stderr } = await this.#processes.exec(argv);
    return { exitCode, stdout, stderr };
  }

  async restart(): Promise<void> {
    if (!this.daemon.hasEnded) await this.kill('SIGTERM');
    await this.#processes.restartAgent(this.#current);
  }
}

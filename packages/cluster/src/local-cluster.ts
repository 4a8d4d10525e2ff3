/**
 * A cluster of real processes on this machine, in a private mount namespace: master, agents, convoy, and the tools that
 * talk to them.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTextIfThere } from '@drydock/base/read-if-there';
import { run, type RunOptions, type RunResult } from '@drydock/base/subprocess';
import { waitUntil } from '@drydock/base/wait-until';
import type { AgentState } from './agent-state.ts';
import { withDocumentFlags } from './agent-flags.ts';
import { binArgv, binPath, type BinName } from './bins.ts';
import { getJson } from './cluster/http-get.ts';
import { DaemonProcess, type StopSignal } from './daemon-process.ts';
import { executeFlags, toExecutedTask, type ExecutedTask, type ExecuteOptions } from './executed-task.ts';
import { findLeaks, RUN_ID_VARIABLE, type Leak } from './leaks.ts';
import { endLeftovers } from './leftovers.ts';
import { joinNamespace, startPrivateNamespace, type StartedNamespace } from './private-namespace.ts';
import { isOrdinaryUser } from './user-namespace.ts';

export interface LocalClusterOptions {
  /** Directory of image archives, the agents' `--docker_registry`. */
  readonly imagesDirectory: string;
  /** Environment of everything that is started; default: this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /**
   * A process in whose mount namespace everything runs, instead of in a private one: where a driver lives that was not
   * started by this cluster. Runtime directories are then below the cluster's own. Needs root.
   */
  readonly namespaceOf?: number;
  /** Told each command when it is run, as a person would type it. */
  readonly onCommand?: (program: BinName, args: readonly string[]) => void;
}

export interface StartedAgentProcess {
  readonly name: string;
  readonly daemon: DaemonProcess;
  /** `ip:port` */
  readonly address: string;
  readonly workDir: string;
  /** As seen inside. */
  readonly checkpointDir: string;
  /** Its flags. */
  readonly argv: readonly string[];
}

interface StartedMasterProcess {
  readonly address: string;
  readonly daemon: DaemonProcess;
  readonly flags: readonly string[];
}

const READY_MS_MAX = 20_000;

export class LocalCluster implements AsyncDisposable {
  readonly runId: string;
  /** Everything of the run lies below it. */
  readonly directory: string;
  readonly #namespace: StartedNamespace;
  readonly #options: LocalClusterOptions;
  readonly #env: Readonly<Record<string, string>>;
  readonly #daemons: DaemonProcess[] = [];
  readonly #agents: StartedAgentProcess[] = [];
  #master: StartedMasterProcess | undefined;
  #stopping: Promise<void> | undefined;

  private constructor(
    options: LocalClusterOptions,
    facts: { runId: string; directory: string; namespace: StartedNamespace; env: Record<string, string> },
  ) {
    this.#options = options;
    this.runId = facts.runId;
    this.directory = facts.directory;
    this.#namespace = facts.namespace;
    this.#env = facts.env;
  }

  /** Makes directory and namespace; nothing runs yet. @throws NamespaceError */
  static async create(options: LocalClusterOptions): Promise<LocalCluster> {
    const runId = randomBytes(4).toString('hex');
    const directory = await mkdtemp(join(tmpdir(), `drydock-${runId}-`));
    try {
      await mkdir(join(directory, 'logs'));
      const given = Object.entries(options.env ?? process.env).filter(([name]) => !name.startsWith('MESOS_'));
      const texts = given.filter((entry): entry is [string, string] => entry[1] !== undefined);
      const inherited: Record<string, string> = Object.fromEntries(texts);
      const env: Record<string, string> = {
        ...inherited,
        PATH: binPath(inherited['PATH'] ?? ''),
        [RUN_ID_VARIABLE]: runId,
      };
      const namespace =
        options.namespaceOf === undefined
          ? await startPrivateNamespace({ directory: join(directory, 'namespace'), env })
          : await joinNamespace({ pid: options.namespaceOf, directory, env });
      return new LocalCluster(options, { runId, directory, namespace, env });
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** `ip:port` of the master; only after `startMaster`. */
  get master(): string {
    return this.#startedMaster.address;
  }

  /** The master's process; only after `startMaster`. */
  get masterDaemon(): DaemonProcess {
    return this.#startedMaster.daemon;
  }

  get #startedMaster(): StartedMasterProcess {
    if (this.#master === undefined) throw new Error('The master of this cluster is not started');
    return this.#master;
  }

  get agents(): readonly StartedAgentProcess[] {
    return this.#agents;
  }

  get #runningAgents(): readonly StartedAgentProcess[] {
    return this.#agents.filter(({ daemon }) => !daemon.hasEnded);
  }

  /** For people who want to look around: enters the namespace. */
  get enterCommand(): string {
    return this.#namespace.enter(['bash']).join(' ');
  }

  /** The environment that stands in for flags which a person would not type. */
  get daemonSettings(): Readonly<Record<string, string>> {
    return {
      MESOS_PORT: '0',
      MESOS_DOCKER_STORE_DIR: join(this.directory, 'store'),
      MESOS_CGROUPS_ROOT: this.cgroupsRoot,
    };
  }

  /** Below it lie the control groups of everything that runs in a container of the run. */
  get cgroupsRoot(): string {
    return `drydock-${this.runId}`;
  }

  async startMaster(flags: readonly string[] = []): Promise<void> {
    const workDir = join(this.directory, 'master');
    const addressFile = join(workDir, 'master.address');
    // One that was killed leaves it behind.
    await rm(addressFile, { force: true });
    const daemon = await this.#startDaemon('mesos-master', 'mesos-master', [`--work_dir=${workDir}`, ...flags]);
    this.#master = { daemon, flags, address: await this.#readAddress(daemon, addressFile) };
  }

  /** Starts a master that has ended again, with the same flags, at the same address. */
  async restartMaster(): Promise<void> {
    const { daemon, flags, address } = this.#startedMaster;
    await daemon.exited;
    const port = address.slice(address.lastIndexOf(':') + 1);
    await this.startMaster([...flags.filter((flag) => !flag.startsWith('--port=')), `--port=${port}`]);
  }

  /** Starts an agent with the document's flags, which `flags` may replace and add to, and waits until the master has it. */
  async startAgent(options: { readonly flags?: readonly string[] } = {}): Promise<StartedAgentProcess> {
    const isFirst = this.#agents.length === 0;
    const name = isFirst ? 'agent' : `agent-${this.#agents.length + 1}`;
    const workDir = join(this.directory, name);
    // The first has the defaults, as in the document; agents must not share these.
    const isPrivate = this.#options.namespaceOf === undefined;
    const runtimeRoot = isPrivate ? '/run' : join(this.directory, 'run');
    const runtimeDir = `${runtimeRoot}/${isFirst ? 'mesos' : `mesos-${this.#agents.length + 1}`}`;
    const checkpointDir = `${runtimeDir}/isolators/docker/volume`;
    const own =
      isFirst && isPrivate ? [] : [`--runtime_dir=${runtimeDir}`, `--docker_volume_checkpoint_dir=${checkpointDir}`];
    const places = { master: this.master, workDir, registry: this.#options.imagesDirectory };
    const argv = withDocumentFlags(places, [...own, ...(options.flags ?? [])]);
    const agent = await this.#runAgent({ name, workDir, checkpointDir, argv });
    this.#agents.push(agent);
    return agent;
  }

  /** Starts an agent that has ended again, with the same flags, over what it left; gives what is in its place. */
  async restartAgent(agent: StartedAgentProcess): Promise<StartedAgentProcess> {
    await agent.daemon.exited;
    const restarted = await this.#runAgent(agent);
    this.#agents[this.#agents.indexOf(agent)] = restarted;
    return restarted;
  }

  /** Resolves when the master has it. */
  async #runAgent(
    facts: Pick<StartedAgentProcess, 'name' | 'workDir' | 'checkpointDir' | 'argv'>,
  ): Promise<StartedAgentProcess> {
    const { name, workDir, checkpointDir, argv } = facts;
    const addressFile = join(workDir, 'agent.address');
    // One that was killed leaves it behind.
    await rm(addressFile, { force: true });
    const daemon = await this.#startDaemon(`mesos-${name}`, 'mesos-agent', argv);
    const address = await this.#readAddress(daemon, addressFile);
    await waitUntil(
      async () => {
        await daemon.assertRunning();
        return (await getJson(`http://${this.master}`, '/state')) as { slaves: { pid: string; active: boolean }[] };
      },
      {
        what: `${name} to register`,
        timeoutMs: READY_MS_MAX,
        until: ({ slaves }) => slaves.some(({ pid, active }) => active && pid.endsWith(`@${address}`)),
      },
    );
    return { name, daemon, address, workDir, checkpointDir, argv };
  }

  /** Starts convoy's daemon as a Docker volume plugin and waits until it is announced. */
  async startConvoy(args: readonly string[] = []): Promise<DaemonProcess> {
    const root = join(this.directory, 'convoy');
    const daemon = await this.#startDaemon('convoy', 'convoy', ['daemon', '--root', root, ...args]);
    await waitUntil(
      async () => {
        await daemon.assertRunning();
        return await readTextIfThere(join(this.inside('/etc/docker/plugins'), 'convoy.spec'));
      },
      { what: 'convoy to announce itself', timeoutMs: READY_MS_MAX },
    );
    return daemon;
  }

  /** Starts a further program inside, stopped with the cluster; `logs/<name>.log` has its output. */
  async startProgram(name: string, argv: readonly string[], stopSignal?: StopSignal): Promise<DaemonProcess> {
    return await this.#start(name, argv, stopSignal);
  }

  /** Starts a program that serves a Docker volume plugin by this name, and resolves when its socket is there. */
  async startPlugin(name: string, argv: readonly string[]): Promise<DaemonProcess> {
    const daemon = await this.startProgram(`driver-${name}`, argv);
    const socket = this.inside(`/run/docker/plugins/${name}.sock`);
    await waitUntil(
      async () => {
        await daemon.assertRunning();
        return await stat(socket).then(
          (entry) => entry.isSocket(),
          () => false, // not there yet
        );
      },
      { what: `the driver ${name} to serve`, timeoutMs: READY_MS_MAX },
    );
    return daemon;
  }

  /** Resolves when `signal` aborts. @throws DaemonFailedError when one of the daemons ends before */
  async runUntil(signal: AbortSignal): Promise<void> {
    const { promise: aborted, resolve } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
    const endings = this.#daemons.map(async (daemon) => {
      await daemon.exited;
      if (!signal.aborted) await daemon.assertRunning();
    });
    await Promise.race([aborted, ...endings]);
  }

  /** Runs mesos-execute to its end and tells what it said. */
  async execute(options: ExecuteOptions): Promise<ExecutedTask> {
    const bound = options.signal === undefined ? {} : { signal: options.signal };
    const result = await this.run('mesos-execute', executeFlags(this.master, options), bound);
    return await toExecutedTask(result, options, async (frameworkId, taskId) => {
      const directory = await this.sandbox(frameworkId, taskId);
      if (directory === undefined) return undefined;
      return { directory, read: async (file) => await readFile(join(directory, file), 'utf8') };
    });
  }

  /** Runs a bin inside to its end. */
  async run(program: BinName, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    this.#options.onCommand?.(program, args);
    return await this.exec([...binArgv(program), ...args], options);
  }

  /** Runs any program inside to its end. */
  async exec(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return await run(this.#namespace.enter(argv), { env: this.#env, timeoutMs: 60_000, ...options });
  }

  /** The sandbox of a task, by the framework id that mesos-execute printed. Host path. */
  async sandbox(frameworkId: string, taskId: string): Promise<string | undefined> {
    for (const agent of this.#runningAgents) {
      const state = await this.#stateOf(agent);
      if (state === undefined) continue;
      for (const framework of [...state.frameworks, ...state.completed_frameworks]) {
        if (framework.id !== frameworkId) continue;
        const executors = [...framework.executors, ...framework.completed_executors];
        const executor = executors.find(({ id }) => id === taskId);
        if (executor !== undefined && executor.directory !== '') return executor.directory;
      }
    }
    return undefined;
  }

  /** Undefined when the agent ends meanwhile. */
  async #stateOf({ address, daemon }: StartedAgentProcess): Promise<AgentState | undefined> {
    try {
      return (await getJson(`http://${address}`, '/state')) as AgentState;
    } catch (error) {
      const isEnding = await waitUntil(() => daemon.hasEnded, { what: `${daemon.name} to end` }).catch(() => false);
      if (isEnding === false) throw error;
      return undefined;
    }
  }

  /** Resolves when no agent has a container that is not cleaned up. */
  async waitUntilIdle(): Promise<void> {
    await waitUntil(
      async () =>
        (
          await Promise.all(
            this.#runningAgents.map(async ({ address }) => await getJson(`http://${address}`, '/containers')),
          )
        ).flat(),
      {
        what: 'all containers to be cleaned up',
        until: (containers) => containers.length === 0,
        timeoutMs: READY_MS_MAX,
      },
    );
  }

  /** What is there that should not be, while the daemons run and no task does. */
  async leaks(): Promise<readonly Leak[]> {
    return await findLeaks({
      runId: this.runId,
      runDirectory: this.directory,
      newMounts: await this.#namespace.newMounts(),
      expectedPids: new Set([this.#namespace.pid, ...this.#daemons.map(({ pid }) => pid)]),
      checkpointDirectories: this.#agents.map(({ checkpointDir }) => this.inside(checkpointDir)),
      cgroupsRoot: this.cgroupsRoot,
    });
  }

  /** Stops everything, newest first, and removes the run's directory. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    await this.#stopping;
  }

  async #stop(): Promise<void> {
    for (const daemon of this.#daemons.toReversed()) await daemon.stop();
    await endLeftovers(async () => await this.leaks());
    // A loop device whose file lies on a file system of this namespace would outlive it while it is mounted.
    for (const mountPoint of (await this.#namespace.newMounts()).toReversed()) await this.exec(['umount', mountPoint]);
    // An overlay's work directory is closed to everybody but root, and an ordinary user is root inside only.
    if (isOrdinaryUser()) await this.exec(['rm', '-rf', this.directory]);
    await this.#namespace.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** A path inside as seen from here; `path` must not cross an absolute link. */
  inside(path: string): string {
    return `/proc/${this.#namespace.pid}/root${path}`;
  }

  async #startDaemon(name: string, program: BinName, args: readonly string[]): Promise<DaemonProcess> {
    this.#options.onCommand?.(program, args);
    // An agent that is told to stop leaves tasks of frameworks with `checkpoint` to the next one.
    const stopSignal = program === 'mesos-agent' ? 'SIGINT' : 'SIGTERM';
    return await this.#start(name, [...binArgv(program), ...args], stopSignal);
  }

  async #start(name: string, argv: readonly string[], stopSignal: StopSignal = 'SIGTERM'): Promise<DaemonProcess> {
    const daemon = await DaemonProcess.start({
      name,
      argv: this.#namespace.enter(argv),
      env: { ...this.#env, ...this.daemonSettings },
      logPath: join(this.directory, 'logs', `${name}.log`),
      stopSignal,
    });
    this.#daemons.push(daemon);
    return daemon;
  }

  async #readAddress(daemon: DaemonProcess, path: string): Promise<string> {
    const text = await waitUntil(
      async () => {
        await daemon.assertRunning();
        return await readTextIfThere(path);
      },
      { what: `${daemon.name} to listen`, timeoutMs: READY_MS_MAX },
    );
    return (text ?? '').trim();
  }
}

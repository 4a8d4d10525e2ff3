/** A container that is a host: it boots, runs programs, and has a disk that outlives it. */
import { type Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import {
  GenericContainer,
  getContainerRuntimeClient,
  Wait,
  type ContainerRuntimeClient,
  type StartedTestContainer,
} from 'testcontainers';
import { DomainError } from '@drydock/base/errors';
import { waitUntil } from '@drydock/base/wait-until';

/** A command on a host failed; the message has its output. */
export class HostCommandError extends DomainError<'HOST_COMMAND'> {
  readonly code = 'HOST_COMMAND';
}

/** The result of a command on a host. */
export interface HostResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * What a container needs to launch containers and to mount, and nothing more: not `--privileged`, which gives the host's
 * devices and fails where the engine itself lacks a capability.
 */
const CAPABILITIES = [
  'SYS_ADMIN', // mount, unshare, and the namespaces of containers
  'NET_ADMIN', // to cut it off from another host, in its own network namespace
  'SYS_PTRACE', // to look into the namespaces of its containers, as the checks for leaks do
];
/** The engine's filter for system calls forbids mount(2) to everybody; so does AppArmor's default profile. */
const SECURITY = ['seccomp=unconfined', 'apparmor=unconfined'];
/** Loop devices, for volumes that are file systems; /dev/loop-control, to find a free one. */
const DEVICES = ['b 7:* rmw', 'c 10:237 rmw'];

export interface HostOptions {
  readonly image: string;
  /** Its name in the network, and its hostname. */
  readonly name: string;
  readonly network: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Docker volumes, by name, and where they are on the host. */
  readonly volumes: readonly { readonly volume: string; readonly target: string }[];
  readonly ports: readonly number[];
  readonly environment: Readonly<Record<string, string>>;
  /** Names of the programs whose logs are the container's. */
  readonly programs: readonly string[];
}

const BOOT = ['/usr/bin/tini-static', '--', 'sh', '/opt/drydock/packages/cluster/host/boot.sh'];
const RUN_PROGRAM = '/opt/drydock/packages/cluster/host/run-program.sh';
const BOOT_MS_MAX = 60_000;

class HostContainer extends GenericContainer {
  constructor(image: string) {
    super(image);
    this.hostConfig = { ...this.hostConfig, DeviceCgroupRules: DEVICES, Tmpfs: { '/run': 'rw,exec,mode=755' } };
  }
}

export class StartedHost implements AsyncDisposable {
  readonly name: string;
  readonly #container: StartedTestContainer;
  readonly #network: string;
  readonly #client: ContainerRuntimeClient;
  #isStopped = false;

  private constructor(container: StartedTestContainer, options: HostOptions, client: ContainerRuntimeClient) {
    this.#container = container;
    this.#client = client;
    this.name = options.name;
    this.#network = options.network;
  }

  static async start(options: HostOptions): Promise<StartedHost> {
    const container = await new HostContainer(options.image)
      .withHostname(options.name)
      .withNetworkMode(options.network)
      .withNetworkAliases(options.name)
      .withLabels({ ...options.labels })
      .withEnvironment({ ...options.environment })
      .withAddedCapabilities(...CAPABILITIES)
      .withSecurityOpt(...SECURITY)
      .withBindMounts(options.volumes.map(({ volume, target }) => ({ source: volume, target, mode: 'rw' })))
      .withExposedPorts(...options.ports)
      .withCommand([...BOOT, ...options.programs])
      .withStartupTimeout(BOOT_MS_MAX)
      .withWaitStrategy(Wait.forLogMessage('host is ready'))
      .start();
    return new StartedHost(container, options, await getContainerRuntimeClient());
  }

  get containerId(): string {
    return this.#container.getId();
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** In the cluster's network. */
  get address(): string {
    return this.#container.getIpAddress(this.#network);
  }

  /** `host:port` by which this process reaches a port. */
  reach(port: number): string {
    return `${this.#container.getHost()}:${this.#container.getMappedPort(port)}`;
  }

  /** Runs a command to its end. */
  async exec(argv: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<HostResult> {
    const { exitCode, stdout, stderr } = await this.#container.exec([...argv], { env: { ...environment } });
    return { exitCode, stdout, stderr };
  }

  /** Gives what a command prints. @throws HostCommandError when it fails */
  async read(argv: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.exec(argv);
    if (exitCode === 0) return stdout;
    throw new HostCommandError(
      `On ${this.name}, '${argv.join(' ')}' ended with status ${exitCode}: ${stderr}${stdout}`,
    );
  }

  /** Runs a command to its end and passes its output on while it comes; gives its exit code. */
  async stream(
    argv: readonly string[],
    output: { readonly stdout: Writable; readonly stderr: Writable },
  ): Promise<number> {
    const container = this.#client.container.getById(this.containerId);
    const exec = await container.exec({ Cmd: [...argv], AttachStdout: true, AttachStderr: true });
    const stream = await exec.start({});
    container.modem.demuxStream(stream, output.stdout, output.stderr);
    await finished(stream);
    return (await exec.inspect()).ExitCode ?? -1;
  }

  /** Starts a program in the background; it lives as long as the host, unless it ends. */
  async startProgram(
    name: string,
    argv: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const { exitCode, stdout, stderr } = await this.exec(['sh', RUN_PROGRAM, name, ...argv], environment);
    if (exitCode !== 0) throw new HostCommandError(`On ${this.name}, ${name} could not be started: ${stderr}${stdout}`);
  }

  /** A signal to a program; one that has ended is left alone. */
  async signalProgram(name: string, signal: NodeJS.Signals): Promise<void> {
    await this.exec(['sh', '-c', `kill -${signal.slice('SIG'.length)} "$(cat /run/drydock/${name}.pid)"`]);
  }

  async isRunning(name: string): Promise<boolean> {
    // The first thread of a killed process is a zombie before the others have let go of its sockets.
    const ended =
      '/^State:/ { zombie = $2 == "Z" } /^Threads:/ { threads = $2 } END { exit !(zombie && threads <= 1) }';
    const alive = `pid=$(cat /run/drydock/${name}.pid) && [ -d /proc/$pid ] && ! awk '${ended}' /proc/$pid/status`;
    return (await this.exec(['sh', '-c', alive])).exitCode === 0;
  }

  /** Resolves when a program is gone. */
  async waitForEnd(name: string, timeoutMs = 20_000): Promise<void> {
    await waitUntil(async () => !(await this.isRunning(name)), {
      what: `${name} on ${this.name} to end`,
      timeoutMs,
      intervalMs: 100,
    });
  }

  /** All that a program has said on this host. */
  async log(name: string): Promise<string> {
    return await this.read(['cat', `/var/log/drydock/${name}.log`]);
  }

  /** What every program on it has said, with the program's name in front. */
  async allLogs(): Promise<string> {
    const script =
      'cd /var/log/drydock && for log in *.log; do [ -e "$log" ] && sed "s/^/${log%.log}: /" "$log"; done; true';
    return await this.read(['sh', '-c', script]);
  }

  /** Everything on it stands still, the network does not. */
  async pause(): Promise<void> {
    await this.#client.container.getById(this.containerId).pause();
  }

  async resume(): Promise<void> {
    await this.#client.container.getById(this.containerId).unpause();
  }

  /** Ends everything on it at once, as a power failure does, and removes the container; volumes stay. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#container.stop({ timeout: 0, remove: true, removeVolumes: false });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

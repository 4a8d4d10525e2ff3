/** A host with an agent and volume drivers. */
import { waitUntil } from '@drydock/base/wait-until';
import { withDocumentFlags } from '../agent-flags.ts';
import type { StartedAgent, StartedDriver } from '../cluster/mesos-cluster.ts';
import type { Leak } from '../leaks.ts';
import { ContainerDaemon } from './container-daemon.ts';
import type { ContainerDriver } from './container-driver.ts';
import type { HostResult, StartedHost } from './host-container.ts';
import type { Partition } from './partition.ts';

/** Of the defaults of `mesos-agent`. */
const CHECKPOINT_DIRECTORY = '/var/run/mesos/isolators/docker/volume';
const CGROUPS_ROOT = 'mesos';
const LEAKS = '/opt/drydock/packages/cluster/host/leaks.ts';
const REGISTER_MS_MAX = 60_000;
export const AGENT_PORT = 5051;

interface MasterState {
  readonly slaves: readonly { readonly hostname: string; readonly pid: string; readonly active: boolean }[];
}

export class ContainerAgent extends ContainerDaemon implements StartedAgent {
  readonly #master: ContainerDaemon;
  readonly #drivers: readonly ContainerDriver[];
  readonly #bootAgain: () => Promise<StartedHost>;

  constructor(
    host: StartedHost,
    parts: {
      readonly master: ContainerDaemon;
      readonly flags: readonly string[];
      /** Made for the host that is this agent's at the time. */
      readonly drivers: (host: () => StartedHost) => readonly ContainerDriver[];
      /** A new container over the same disk. */
      readonly bootAgain: () => Promise<StartedHost>;
    },
  ) {
    const argv = (): readonly string[] => agentArgv(this.current, parts.master, parts.flags);
    super(host, { program: 'mesos-agent', port: AGENT_PORT, argv });
    this.#master = parts.master;
    this.#bootAgain = parts.bootAgain;
    this.#drivers = parts.drivers(() => this.current);
  }

  get drivers(): readonly StartedDriver[] {
    return this.#drivers;
  }

  async id(): Promise<string> {
    return ((await this.state()) as { readonly id: string }).id;
  }

  driver(name: string): StartedDriver {
    const found = this.#drivers.find((driver) => driver.name === name);
    if (found !== undefined) return found;
    throw new Error(
      `Expected a driver of ${this.name}, one of ${this.#drivers.map((one) => one.name).join(', ')}; got '${name}'`,
    );
  }

  async exec(argv: readonly string[]): Promise<HostResult> {
    return await this.current.exec(argv);
  }

  /** Starts drivers and agent; resolves when the master has it. */
  async bootUp(): Promise<void> {
    for (const driver of this.#drivers) await driver.run();
    await this.run();
  }

  override async run(): Promise<void> {
    await super.run();
    await waitUntil(async () => (await this.#master.state()) as MasterState, {
      what: `${this.name} to register`,
      until: ({ slaves }) => slaves.some(({ pid, active }) => active && pid.endsWith(`@${this.address}`)),
      timeoutMs: REGISTER_MS_MAX,
      intervalMs: 50,
    });
  }

  /** Nothing gets from it to the master. */
  async partition(): Promise<Partition> {
    return await this.partitionFrom(this.#master.host);
  }

  /** Power failure and start: a new container over the same disk; everything else is lost. */
  async reboot(): Promise<void> {
    await this.current.stop();
    this.current = await this.#bootAgain();
    await this.bootUp();
  }

  /** What is on it that should not be, while no task runs. */
  async leaks(): Promise<readonly Leak[]> {
    return JSON.parse(await this.current.read(['node', LEAKS, CHECKPOINT_DIRECTORY, CGROUPS_ROOT])) as readonly Leak[];
  }
}

function agentArgv(host: StartedHost, master: ContainerDaemon, flags: readonly string[]): readonly string[] {
  const places = {
    master: `${master.host.name}:${master.address.split(':')[1] ?? ''}`,
    workDir: '/var/lib/mesos/agent',
    registry: '/opt/drydock/.drydock/images',
  };
  const own = ['--ip=0.0.0.0', `--advertise_ip=${host.address}`, `--hostname=${host.name}`];
  return ['mesos-agent', ...withDocumentFlags(places, [...own, '--docker_store_dir=/var/lib/mesos/store', ...flags])];
}

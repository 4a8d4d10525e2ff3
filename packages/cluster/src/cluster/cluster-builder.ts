/** What a cluster is to be, said in chained calls; the same for local processes and for containers. */
import type { MesosCluster } from './mesos-cluster.ts';

export interface DriverSpec {
  /** A profile of `drydock driver list`, or `convoy`, the program of the document. */
  readonly profile: string;
  /** The plugin's name, by which tasks ask for it. */
  readonly name: string;
  /** Further flags of `drydock driver start`, or of `convoy daemon`. */
  readonly flags: readonly string[];
}

export interface ClusterSpec {
  /** At least 1. */
  readonly agentCount: number;
  readonly drivers: readonly DriverSpec[];
  readonly masterFlags: readonly string[];
  readonly agentFlags: readonly string[];
  /** Where the logs of the run go when it is stopped. */
  readonly logsDirectory: string | undefined;
}

const AGENTS_MAX = 50;

export abstract class ClusterBuilder<Started extends MesosCluster> {
  #spec: ClusterSpec = { agentCount: 1, drivers: [], masterFlags: [], agentFlags: [], logsDirectory: undefined };

  /** Default 1. */
  withAgents(count: number): this {
    if (!Number.isInteger(count) || count < 1 || count > AGENTS_MAX) {
      throw new RangeError(`Expected 1 to ${AGENTS_MAX} agents, got ${count}`);
    }
    return this.#with({ agentCount: count });
  }

  /** A volume driver on every agent's host; may be called several times. */
  withDriver(profile: string, options: { readonly name?: string; readonly flags?: readonly string[] } = {}): this {
    const { name = profile, flags = [] } = options;
    if (this.#spec.drivers.some((driver) => driver.name === name)) {
      throw new Error(`Expected drivers with different names, got two named '${name}'`);
    }
    return this.#with({ drivers: [...this.#spec.drivers, { profile, name, flags }] });
  }

  /** Further flags of the master: `--agent_ping_timeout=1secs`. */
  withMasterFlags(...flags: readonly string[]): this {
    return this.#with({ masterFlags: [...this.#spec.masterFlags, ...flags] });
  }

  /** Further flags of every agent: `--docker_volume_client=plugin`. */
  withAgentFlags(...flags: readonly string[]): this {
    return this.#with({ agentFlags: [...this.#spec.agentFlags, ...flags] });
  }

  /** Where the logs go when the cluster is stopped; made if missing. */
  withLogsDirectory(path: string): this {
    return this.#with({ logsDirectory: path });
  }

  /** Resolves when the master has all agents and the drivers serve. Nothing is left of a start that fails. */
  async start(): Promise<Started> {
    return await this.startCluster(this.#spec);
  }

  protected abstract startCluster(spec: ClusterSpec): Promise<Started>;

  #with(change: Partial<ClusterSpec>): this {
    this.#spec = { ...this.#spec, ...change };
    return this;
  }
}

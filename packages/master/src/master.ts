/**
 * The master: takes agents and frameworks, makes offers, launches tasks, carries their status updates and the
 * acknowledgements of these. It holds no task state that an agent does not have too. What it does with each of the four
 * is in the file of that name; they share the records of `registry.ts`.
 * @see src/master/master.cpp
 */
import { randomUUID } from 'node:crypto';
import type { Logger } from '@drydock/base/log';
import { systemClock, type ClockPort } from '@drydock/base/ports';
import { formatPid, type MasterInfo } from '@drydock/mesos';
import { Agents } from './agents.ts';
import { Counters } from './counters.ts';
import { Executors } from './executors.ts';
import { Frameworks } from './frameworks.ts';
import { MasterEvents } from './master-events.ts';
import { Offers } from './offers.ts';
import { Registry } from './registry.ts';
import { Tasks } from './tasks.ts';
import { Timers } from './timers.ts';

export { stateOf, sumOf } from './registry.ts';

export interface MasterOptions {
  readonly hostname: string;
  /** Where others reach the master, which need not be where it listens. */
  readonly ip: string;
  readonly port: number;
  readonly version: string;
  /** `--allocation_interval`. */
  readonly allocationIntervalMs: number;
  readonly completedFrameworkCountMax: number;
  readonly completedTaskCountMax: number;
  readonly logger: Logger;
  /** `--max_unreachable_tasks_per_framework`. Default 1000. */
  readonly unreachableTaskCountMax?: number;
  /** How many unreachable agents, and how many gone ones, are remembered. Default 102400, as upstream. */
  readonly lostAgentCountMax?: number;
  /** `--offer_timeout`. Default: offers stay. */
  readonly offerTimeoutMs?: number;
  /** `--agent_ping_timeout`. Default 15 s. */
  readonly agentPingTimeoutMs?: number;
  /** `--max_agent_ping_timeouts`. Default 5. */
  readonly agentPingTimeoutCountMax?: number;
  /** `--agent_reregister_timeout`. Default 10 min. */
  readonly agentReregisterTimeoutMs?: number;
  /** `--roles`: the only ones that a framework may have. Default: any. */
  readonly roles?: readonly string[];
  /** `--root_submissions`. Default true. */
  readonly isRootAllowed?: boolean;
  readonly clock?: ClockPort;
}

type Defaulted =
  | 'unreachableTaskCountMax'
  | 'lostAgentCountMax'
  | 'agentPingTimeoutMs'
  | 'agentPingTimeoutCountMax'
  | 'agentReregisterTimeoutMs'
  | 'isRootAllowed'
  | 'clock';

/** With every default. */
export type ResolvedMasterOptions = MasterOptions & Required<Pick<MasterOptions, Defaulted>>;

const DEFAULTS: Pick<ResolvedMasterOptions, Defaulted> = {
  unreachableTaskCountMax: 1_000,
  lostAgentCountMax: 102_400,
  agentPingTimeoutMs: 15_000,
  agentPingTimeoutCountMax: 5,
  agentReregisterTimeoutMs: 600_000,
  isRootAllowed: true,
  clock: systemClock,
};

export class Master implements Disposable {
  readonly id: string = randomUUID();
  readonly options: ResolvedMasterOptions;
  readonly registry: Registry = new Registry();
  readonly counters: Counters = new Counters();
  /** Tells of every change; `events.observe` takes who wants to know. */
  readonly events: MasterEvents = new MasterEvents();
  readonly timers: Timers;
  readonly frameworks: Frameworks;
  readonly agents: Agents;
  readonly offers: Offers;
  readonly tasks: Tasks;
  readonly executors: Executors;

  constructor(options: MasterOptions) {
    this.options = { ...DEFAULTS, ...options };
    this.timers = new Timers(this.options.clock);
    this.tasks = new Tasks(this);
    this.executors = new Executors(this);
    this.agents = new Agents(this);
    this.frameworks = new Frameworks(this);
    this.offers = new Offers(this);
  }

  [Symbol.dispose](): void {
    this.timers[Symbol.dispose]();
  }

  get info(): MasterInfo {
    const { ip, port, hostname, version } = this.options;
    const bytes = ip.split('.').map(Number);
    // As upstream: the IPv4 address in network byte order, read by a little-endian machine.
    const number = bytes.length === 4 ? Buffer.from(bytes).readUInt32LE() : 0;
    return {
      id: this.id,
      ip: number,
      port,
      pid: formatPid('master', { ip, port }),
      hostname,
      version,
      address: { hostname, ip, port },
    };
  }

  /** Seconds since the epoch. */
  nowSeconds(): number {
    return this.options.clock.now() / 1000;
  }
}

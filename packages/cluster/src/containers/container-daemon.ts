/** A program of the products on a host: master, agent. */
import { waitUntil } from '@drydock/base/wait-until';
import { getJson } from '../cluster/http-get.ts';
import { ClusterDaemon } from '../cluster/cluster-daemon.ts';
import type { StartedHost } from './host-container.ts';
import { cutOff, type Partition } from './partition.ts';
import { excerptOf } from '../log-excerpt.ts';

export interface DaemonFacts {
  /** The program's name on its host, `mesos-master`. */
  readonly program: string;
  readonly port: number;
  readonly argv: () => readonly string[];
}

const READY_MS_MAX = 60_000;
const END_MS_MAX = 30_000;

export class ContainerDaemon extends ClusterDaemon {
  /** Replaced by the next one when the host is rebooted. */
  protected current: StartedHost;
  readonly #facts: DaemonFacts;

  constructor(host: StartedHost, facts: DaemonFacts) {
    super();
    this.current = host;
    this.#facts = facts;
  }

  /** Where it runs; programs can be run there, it can be paused and cut off. */
  get host(): StartedHost {
    return this.current;
  }

  get name(): string {
    return this.current.name;
  }

  get url(): string {
    return `http://${this.current.reach(this.#facts.port)}`;
  }

  /** `host:port` for the other hosts. */
  get address(): string {
    return `${this.current.address}:${this.#facts.port}`;
  }

  async log(): Promise<string> {
    return await this.current.log(this.#facts.program);
  }

  /** Starts the program; resolves when it answers. */
  async run(): Promise<void> {
    await this.current.startProgram(this.#facts.program, this.#facts.argv());
    await waitUntil(
      async () => {
        if (await this.#isAnswering()) return true;
        if (await this.current.isRunning(this.#facts.program)) return false;
        const end = excerptOf(await this.log());
        throw new Error(`${this.#facts.program} on ${this.name} has ended:\n${end}`);
      },
      { what: `${this.name} to answer`, timeoutMs: READY_MS_MAX, intervalMs: 50 },
    );
  }

  async #isAnswering(): Promise<boolean> {
    try {
      await getJson(this.url, '/state');
      return true;
    } catch {
      return false; // whether that is for good, `run` finds out
    }
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.current.signalProgram(this.#facts.program, signal);
    await this.current.waitForEnd(this.#facts.program, END_MS_MAX);
  }

  async restart(): Promise<void> {
    if (await this.current.isRunning(this.#facts.program)) await this.kill('SIGTERM');
    await this.run();
  }

  /** The whole host stands still: its tasks and drivers, too. */
  async pause(): Promise<void> {
    await this.current.pause();
  }

  async resume(): Promise<void> {
    await this.current.resume();
  }

  /** No packet of this host reaches the other one any more, so no connection between them works. */
  async partitionFrom(other: StartedHost): Promise<Partition> {
    return await cutOff(this.current, other);
  }
}

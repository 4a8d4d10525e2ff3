/**
 * A volume driver and the client that talks to it: slow, failing, hanging and lying as a personality and dice decide. What
 * it has mounted is the machine's, and survives the agent.
 */
import type { SeededRandom } from '@drydock/base/seeded-random';
import { DriverCallError, type DriverCallOutcome, type DriverClient } from '../docker-volume/driver-client.ts';
import type { VolumeKey } from '../docker-volume/volume-key.ts';
import type { MountCounting } from '../docker-volume/volume-operations.ts';
import type { Life, SimulatedMachine } from './simulated-machine.ts';
import type { SimulatedClock } from './simulated-clock.ts';

export interface Personality {
  readonly name: string;
  /** `none`: mounted or not. `name`: mounts are counted, and the last unmount unmounts. */
  readonly counting: 'none' | 'name';
  /** Kernel mounts, or directories of its own. */
  readonly hasKernelMounts: boolean;
  readonly isInspectable: boolean;
  /** Whether it believes after a reboot that its volumes are mounted. */
  readonly remembersOverReboot: boolean;
}

/** What goes wrong with one call. */
type Fault = 'refuse' | 'refuse-after' | 'unreachable' | 'hang' | 'hang-and-do' | 'bad-mountpoint' | 'slow';

/** What a driver does after a while, for somebody who may have gone. */
interface LateWork {
  readonly volume: string;
  readonly boot: number;
  isAbandoned: boolean;
}

interface DriverVolume {
  count: number;
}

export interface DriverObserver {
  /** The volume is about to be taken from the kernel, or from its users. */
  unmounting(volume: string): void;
  /** Two calls of one agent for one volume overlap. */
  overlapping(volume: string): void;
}

const MOUNT_MS_MAX = 120_000;
const UNMOUNT_MS_MAX = 600_000;

export class SimulatedDriver {
  readonly personality: Personality;
  readonly #machine: SimulatedMachine;
  readonly #clock: SimulatedClock;
  readonly #random: SeededRandom;
  readonly #observer: DriverObserver;
  readonly #volumes = new Map<string, DriverVolume>();
  readonly #inFlight = new Map<string, Life>();
  /** Volumes whose state the driver has lied about: what is true of them nobody can know. */
  readonly tainted: Set<string> = new Set();
  /** What will be done although nobody waits for it any more. */
  readonly #late = new Set<LateWork>();
  /** What a volume is busy with: a driver does one thing after the other, but for a mount that hangs. */
  readonly #busy = new Map<string, Promise<void>>();
  /** What was done after it was given up on. */
  readonly #doneLate = new Set<string>();
  /** How often a call goes wrong. */
  faultRate = 0;

  constructor(options: {
    readonly personality: Personality;
    readonly machine: SimulatedMachine;
    readonly clock: SimulatedClock;
    readonly random: SeededRandom;
    readonly observer: DriverObserver;
  }) {
    this.personality = options.personality;
    this.#machine = options.machine;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#observer = options.observer;
  }

  isMounted(volume: string): boolean {
    const isCounted = (this.#volumes.get(volume)?.count ?? 0) > 0;
    return this.personality.hasKernelMounts ? this.#machine.mounts.has(this.mountpointOf(volume)) : isCounted;
  }

  countOf(volume: string): number {
    return this.#volumes.get(volume)?.count ?? 0;
  }

  mountpointOf(volume: string): string {
    return `/mnt/${this.personality.name}/${volume}`;
  }

  /**
   * The agent is dead. One that dies while it waits for a mount that it gave up on forgets it: two faults at once, which
   * nobody promises to survive. What it was waiting for is given up on now.
   */
  agentDied(): void {
    for (const late of this.#late) {
      if (late.isAbandoned) this.tainted.add(late.volume);
      late.isAbandoned = true;
    }
    for (const volume of this.#doneLate) this.tainted.add(volume);
  }

  reboot(): void {
    this.#busy.clear();
    if (!this.personality.remembersOverReboot) this.#volumes.clear();
  }

  client(life: Life): DriverClient {
    return {
      mount: async (key, _, { signal }) => {
        const fault = this.#fault();
        const mountpoint = this.mountpointOf(key.name);
        await this.#call({ life, key, call: 'mount', fault, signal, msMax: MOUNT_MS_MAX }, () => {
          this.#machine.makeDirectory(mountpoint);
          const count = this.personality.counting === 'name' ? this.countOf(key.name) + 1 : 1;
          this.#volumes.set(key.name, { count });
          if (this.personality.hasKernelMounts) this.#machine.mounts.add(mountpoint);
        });
        return fault === 'bad-mountpoint' ? this.#badMountpoint() : mountpoint;
      },
      unmount: async (key, { signal }) => {
        await this.#call({ life, key, call: 'unmount', fault: this.#fault(), signal, msMax: UNMOUNT_MS_MAX }, () =>
          this.#unmount(key.name),
        );
      },
      inspect: async (key) => {
        await this.#machine.effect(life, () => undefined);
        if (!this.personality.isInspectable) return 'unknown';
        return this.isMounted(key.name) ? { mountpoint: this.mountpointOf(key.name) } : {};
      },
    };
  }

  #unmount(volume: string): void {
    const count = this.countOf(volume);
    const left = this.personality.counting === 'name' ? Math.max(0, count - 1) : 0;
    if (left > 0) {
      this.#volumes.set(volume, { count: left });
      return;
    }
    if (this.isMounted(volume)) this.#observer.unmounting(volume);
    this.#volumes.delete(volume);
    this.#doneLate.delete(volume);
    this.#machine.mounts.delete(this.mountpointOf(volume));
  }

  /** What the driver does happens once the request is there, whether or not somebody still waits for the answer. */
  async #call(
    facts: {
      readonly life: Life;
      readonly key: VolumeKey;
      readonly call: 'mount' | 'unmount';
      readonly fault: Fault | undefined;
      readonly signal: AbortSignal;
      readonly msMax: number;
    },
    apply: () => void,
  ): Promise<void> {
    const { life, key, call, fault, signal, msMax } = facts;
    const fail = (outcome: DriverCallOutcome, message: string): DriverCallError =>
      new DriverCallError({ call, volume: key, outcome, message: `${message} (simulated)` });
    await this.#machine.effect(life, () => undefined);
    const other = this.#inFlight.get(key.name);
    if (other?.isAlive === true) this.#observer.overlapping(key.name);
    this.#inFlight.set(key.name, life);
    try {
      if (fault === 'unreachable') throw fail('never-reached', 'no such driver');
      if (fault === 'refuse') throw fail('rejected', 'refused');
      const latencyMs = this.#random.between(1, fault === 'slow' ? 90_000 : 500);
      if (fault === 'hang' || fault === 'hang-and-do') {
        if (fault === 'hang-and-do') {
          const late = { volume: key.name, boot: this.#machine.bootCount, isAbandoned: true };
          const ms = msMax + this.#random.between(-60_000, 240_000);
          // A mount that hangs does not hold up what follows it; an unmount does.
          if (call === 'mount') void this.#later(ms, apply, late);
          else void this.#inOrder(key.name, async () => await this.#later(ms, apply, late));
        }
        await this.#wait(msMax, signal, fail('unclear', 'discarded'));
        throw fail('unclear', `'${call}' timed out`);
      }
      const late = { volume: key.name, boot: this.#machine.bootCount, isAbandoned: false };
      const done = this.#inOrder(key.name, async () => await this.#later(latencyMs, apply, late)).then(() => true);
      const waited = this.#wait(msMax, signal, fail('unclear', 'discarded')).then(() => false);
      try {
        if (!(await Promise.race([done, waited]))) throw fail('unclear', `'${call}' timed out`);
      } finally {
        late.isAbandoned = true;
      }
      await this.#machine.effect(life, () => undefined);
      if (fault === 'refuse-after') {
        if (!this.personality.isInspectable && call === 'mount') this.tainted.add(key.name);
        throw fail('rejected', 'refused after it was done');
      }
    } finally {
      // Answers reach the living.
      await this.#machine.effect(life, () => undefined);
      this.#inFlight.delete(key.name);
    }
  }

  async #inOrder(volume: string, work: () => Promise<void>): Promise<void> {
    const done = (this.#busy.get(volume) ?? Promise.resolve()).then(work);
    this.#busy.set(volume, done);
    await done;
  }

  async #later(ms: number, apply: () => void, late: LateWork): Promise<void> {
    this.#late.add(late);
    await this.#clock.sleep(ms);
    this.#late.delete(late);
    if (this.#machine.bootCount !== late.boot) return;
    apply();
    if (late.isAbandoned && this.isMounted(late.volume)) this.#doneLate.add(late.volume);
  }

  async #wait(ms: number, signal: AbortSignal, discarded: Error): Promise<void> {
    try {
      await this.#clock.sleep(ms, { signal });
    } catch {
      // The signal was aborted: nothing else ends a sleep early.
      throw discarded;
    }
  }

  #fault(): Fault | undefined {
    if (this.#random.fraction() >= this.faultRate) return undefined;
    const faults = [
      'refuse',
      'refuse-after',
      'unreachable',
      'hang',
      'hang-and-do',
      'bad-mountpoint',
      'slow',
      'slow',
    ] as const;
    return faults[this.#random.between(0, faults.length - 1)];
  }

  #badMountpoint(): string {
    const bad = ['', 'relative', '/', '/etc', '/nowhere', '/mnt/../etc'];
    return bad[this.#random.between(0, bad.length - 1)] ?? '';
  }
}

/** Drawn from the seed. Who counts by name needs a client that mounts once. */
export function personalityOf(name: string, mounts: MountCounting, random: SeededRandom): Personality {
  const dice = (): boolean => random.fraction() < 0.5;
  const counting = mounts === 'first_container' && dice() ? 'name' : 'none';
  return {
    name,
    counting,
    hasKernelMounts: dice(),
    isInspectable: random.fraction() < 0.75,
    remembersOverReboot: counting === 'none' && dice(),
  };
}

/** One client for all drivers. */
export function routed(clients: ReadonlyMap<string, DriverClient>): DriverClient {
  const of = (driver: string): DriverClient => {
    const client = clients.get(driver);
    if (client === undefined) throw new Error(`no driver ${driver}`);
    return client;
  };
  return {
    mount: async (key, options, o) => await of(key.driver).mount(key, options, o),
    unmount: async (key, o) => await of(key.driver).unmount(key, o),
    inspect: async (key, o) => await of(key.driver).inspect(key, o),
  };
}

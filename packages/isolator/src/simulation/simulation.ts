/**
 * Plays one seed: the very isolator code on a simulated machine, with random containers, drivers, disks, crashes and
 * reboots, and looks after every step whether what must always hold does.
 */
import { messageOf } from '@drydock/base/errors';
import { silentLogger } from '@drydock/base/log';
import { createSeededRandom, type SeededRandom } from '@drydock/base/seeded-random';
import type { ContainerID } from '@drydock/mesos';
import { DockerVolumeIsolator } from '../docker-volume/docker-volume-isolator.ts';
import type { MountCounting } from '../docker-volume/volume-operations.ts';
import type { ContainerState } from '../isolator.ts';
import { SimulatedClock, settled } from './simulated-clock.ts';
import { SimulatedContainers, configOf, depthOf, nameOf, type SimulatedContainer } from './simulated-containers.ts';
import { SimulatedDriver, personalityOf, routed } from './simulated-driver.ts';
import { SimulatedMachine } from './simulated-machine.ts';

export const CHECKPOINT_DIR = '/var/run/mesos/isolators/docker/volume';

export type ActionKind =
  | 'launch'
  | 'finish'
  | 'kill'
  | 'wait'
  | 'faults'
  | 'disk'
  | 'crash'
  | 'reboot'
  | 'finish-parent';

/** What happens next; `value` decides the details. */
export interface Action {
  readonly kind: ActionKind;
  readonly value: number;
}

interface Wait {
  readonly what: string;
  readonly since: number;
}

/** Nothing takes longer, however slow and broken the drivers are. */
const WAIT_MS_MAX = 4 * 3_600_000;
/** Until everything that is tried again has been tried, and drivers that were given up on were looked at again. */
const QUIET_MS = 6 * 3_600_000;

export class Simulation {
  readonly history: string[] = [];
  readonly violations: string[] = [];
  stepCount = 0;
  readonly #random: SeededRandom;
  readonly #clock = new SimulatedClock();
  readonly #machine: SimulatedMachine;
  readonly #drivers = new Map<string, SimulatedDriver>();
  readonly #containers = new SimulatedContainers();
  readonly #waits = new Set<Wait>();
  readonly #counting: MountCounting;
  #isolator: DockerVolumeIsolator | undefined;
  #isRecovering = false;

  constructor(seed: number) {
    this.#random = createSeededRandom(seed);
    this.#counting = this.#random.fraction() < 0.5 ? 'per_container' : 'first_container';
    this.#machine = new SimulatedMachine(this.#random);
    for (const path of ['/etc', '/mnt', '/sandbox']) this.#machine.makeDirectory(path);
    for (const name of ['d1', 'd2']) {
      const personality = personalityOf(name, this.#counting, this.#random);
      this.history.push(`driver ${JSON.stringify(personality)}`);
      const observer = {
        unmounting: (volume: string) => this.#onUnmounting(name, volume),
        overlapping: (volume: string) => this.#violate(`two calls at once for ${name}/${volume}`),
      };
      const [machine, clock] = [this.#machine, this.#clock];
      this.#drivers.set(name, new SimulatedDriver({ personality, machine, clock, random: this.#random, observer }));
    }
    this.history.push(`mounts are counted ${this.#counting}`);
  }

  /** Plays the actions, lets everything end, and gives what did not hold. */
  async play(actions: readonly Action[]): Promise<readonly string[]> {
    await this.#startAgent();
    await this.#settle();
    for (const action of actions) {
      if (this.violations.length > 0) break;
      this.stepCount += 1;
      await this.#act(action);
      await this.#settle();
      this.#check();
    }
    if (this.violations.length === 0) await this.#end();
    return this.violations;
  }

  // Actions

  async #act({ kind, value }: Action): Promise<void> {
    switch (kind) {
      case 'launch':
        return this.#launch(value);
      case 'finish':
        return this.#finish(this.#containers.pick('running', value, (one) => !this.#containers.hasChildren(one)));
      case 'finish-parent':
        return this.#finish(
          this.#containers.pick('running', value, (one) => this.#containers.hasChildren(one, 'running')),
        );
      case 'kill': {
        const container = this.#containers.pick('preparing', value);
        if (container === undefined) return;
        this.#note(`kill ${nameOf(container)}`);
        container.kill.abort(new Error('killed'));
        return;
      }
      case 'wait':
        return await this.#advance(1 + (value % 8));
      case 'faults':
        for (const driver of this.#drivers.values()) driver.faultRate = (value % 4) / 5;
        return this.#note(`faults ${(value % 4) / 5}`);
      case 'disk':
        this.#machine.disk = (['good', 'good', 'full', 'read-only'] as const)[value % 4] ?? 'good';
        return this.#note(`disk ${this.#machine.disk}`);
      case 'crash':
        this.#note(`kill the agent after ${value % 24} effects`);
        this.#machine.killAfter(value % 24);
        return;
      case 'reboot':
        return await this.#reboot();
    }
  }

  #launch(value: number): void {
    const isolator = this.#isolator;
    // The agent takes tasks once it has recovered.
    if (isolator === undefined || this.#isRecovering) return;
    const parent = value % 5 === 0 ? this.#containers.pick('running', value) : undefined;
    const id: ContainerID = {
      value: `c${this.#containers.size}`,
      ...(parent === undefined ? {} : { parent: parent.id }),
    };
    const names = ['d1/a', 'd1/b', 'd2/a', 'd2/b'];
    const first = names[value % 4] ?? 'd1/a';
    const second = value % 3 === 0 ? names[(value >> 2) % 4] : undefined;
    const volumes = [...new Set([first, ...(second === undefined ? [] : [second])])].map((text) => {
      const [driver = '', name = ''] = text.split('/');
      return { driver, name };
    });
    const container: SimulatedContainer = {
      id,
      volumes,
      config: configOf(volumes, value),
      kill: new AbortController(),
      state: 'preparing',
    };
    this.#containers.add(container);
    this.#note(`launch ${nameOf(container)} with ${volumes.map(({ driver, name }) => `${driver}/${name}`).join(', ')}`);
    void this.#prepare(isolator, container);
  }

  async #prepare(isolator: DockerVolumeIsolator, container: SimulatedContainer): Promise<void> {
    const { id, config, kill } = container;
    try {
      const preparing = isolator.prepare(id, config, { signal: kill.signal });
      const launch = await this.#bounded(`prepare of ${nameOf(container)}`, isolator, preparing);
      if (container.state !== 'preparing' || isolator !== this.#isolator) return;
      if (launch?.mounts?.length !== container.volumes.length) {
        this.#violate(`${nameOf(container)} would run without one of its volumes`);
      }
      container.state = 'running';
      this.#note(`${nameOf(container)} runs`);
      if (kill.signal.aborted) this.#finish(container);
    } catch (error) {
      if (isolator !== this.#isolator) return;
      this.#note(`${nameOf(container)} is not launched: ${messageOf(error)}`);
      this.#cleanUp(isolator, container);
    }
  }

  #finish(container: SimulatedContainer | undefined): void {
    if (container === undefined || this.#isolator === undefined || this.#isRecovering) return;
    this.#note(`${nameOf(container)} ends`);
    if (this.#containers.hasChildren(container, 'running')) {
      void this.#expectRefusal(this.#isolator, container);
      return;
    }
    this.#cleanUp(this.#isolator, container);
  }

  async #expectRefusal(isolator: DockerVolumeIsolator, container: SimulatedContainer): Promise<void> {
    try {
      await isolator.cleanup(container.id, { signal: new AbortController().signal });
      if (isolator === this.#isolator) this.#violate(`${nameOf(container)} was cleaned up before its children`);
    } catch (error) {
      this.#note(`refused: ${messageOf(error)}`);
    }
  }

  #cleanUp(isolator: DockerVolumeIsolator, container: SimulatedContainer): void {
    container.state = 'ending';
    void (async (): Promise<void> => {
      const cleaning = isolator.cleanup(container.id, { signal: new AbortController().signal });
      try {
        await this.#bounded(`cleanup of ${nameOf(container)}`, isolator, cleaning);
        this.#note(`${nameOf(container)} is cleaned up`);
      } catch (error) {
        if (isolator === this.#isolator) {
          this.#note(`the clean-up of ${nameOf(container)} failed: ${messageOf(error)}`);
        }
      }
      if (isolator === this.#isolator) container.state = 'gone';
    })();
  }

  async #reboot(): Promise<void> {
    this.#note('reboot');
    this.#machine.reboot();
    for (const driver of this.#drivers.values()) driver.reboot();
    for (const container of this.#containers.all()) container.state = 'gone';
    await this.#restart();
  }

  /** The agent is dead: what it was doing is over, what runs goes on. */
  async #restart(): Promise<void> {
    this.#waits.clear();
    for (const driver of this.#drivers.values()) driver.agentDied();
    this.#isolator = undefined;
    this.#isRecovering = false;
    this.#machine.disk = 'good';
    await this.#startAgent();
  }

  async #startAgent(): Promise<void> {
    const life = this.#machine.start();
    const clients = new Map([...this.#drivers].map(([name, driver]) => [name, driver.client(life)]));
    const isolator = await DockerVolumeIsolator.create({
      client: routed(clients),
      checkpointDir: CHECKPOINT_DIR,
      sandboxDirectory: '/mnt/mesos/sandbox',
      counting: this.#counting,
      bootId: this.#machine.bootId,
      files: this.#machine.files(life),
      mounts: this.#machine.mountTable(life),
      clock: this.#machine.clock(life, this.#clock),
      random: this.#random,
      logger: silentLogger,
    });
    this.#isolator = isolator;
    const running = this.#containers.in('running');
    // Those that were never launched or were ending: the containerizer knows some of them.
    const orphans = [...this.#containers.in('preparing'), ...this.#containers.in('ending')];
    const known = orphans.filter(() => this.#random.fraction() < 0.7);
    for (const container of orphans) container.state = known.includes(container) ? 'ending' : 'gone';
    this.#note(`start: ${running.length} run, ${known.length} orphans, ${orphans.length - known.length} unknown`);
    this.#isRecovering = true;
    void this.#recover(isolator, running, known);
  }

  async #recover(
    isolator: DockerVolumeIsolator,
    running: readonly SimulatedContainer[],
    orphans: readonly SimulatedContainer[],
  ): Promise<void> {
    const states = running.map(({ id, config }): ContainerState => {
      const { container, sandboxDirectory } = config;
      return { containerId: id, sandboxDirectory, ...(container === undefined ? {} : { container }) };
    });
    try {
      const recovering = isolator.recover(
        states,
        orphans.map(({ id }) => id),
      );
      await this.#bounded('recovery', isolator, recovering);
      if (isolator !== this.#isolator) return;
      this.#isRecovering = false;
      this.#note('recovered');
      // Children first, as the containerizer destroys them.
      const byDepth = orphans.toSorted((a, b) => depthOf(b) - depthOf(a));
      for (const container of byDepth) if (!this.#containers.hasChildren(container)) this.#cleanUp(isolator, container);
    } catch (error) {
      if (isolator === this.#isolator) this.#violate(`the recovery failed: ${messageOf(error)}`);
    }
  }

  // Time

  async #settle(): Promise<void> {
    await settled();
    if (!this.#machine.life.isAlive) {
      this.#note('the agent is dead');
      await this.#restart();
      await settled();
    }
  }

  async #advance(count: number): Promise<void> {
    for (let index = 0; index < count && this.violations.length === 0; index += 1) {
      if (!this.#clock.advance()) return;
      await this.#settle();
      this.#check();
    }
  }

  async #bounded<T>(what: string, isolator: DockerVolumeIsolator, work: Promise<T>): Promise<T> {
    const wait = { what, since: this.#clock.now() };
    this.#waits.add(wait);
    try {
      return await work;
    } finally {
      if (isolator === this.#isolator) this.#waits.delete(wait);
    }
  }

  // Checks

  #check(): void {
    for (const container of this.#containers.in('running')) {
      for (const { driver, name } of container.volumes) this.#checkHeld(container, driver, name);
      this.#checkCheckpoint(container);
    }
    for (const { what, since } of this.#waits) {
      if (this.#clock.now() - since > WAIT_MS_MAX) this.#violate(`the ${what} waits for ever`);
    }
  }

  #checkHeld(container: SimulatedContainer, driver: string, name: string): void {
    const simulated = this.#drivers.get(driver);
    if (simulated === undefined || simulated.tainted.has(name) || simulated.isMounted(name)) return;
    this.#violate(`${nameOf(container)} runs, and its volume ${driver}/${name} is not mounted`);
  }

  #checkCheckpoint(container: SimulatedContainer): void {
    if (this.#isRecovering) return;
    const text = this.#machine.readDurable(`${CHECKPOINT_DIR}/${container.id.value}/volumes`) ?? '{}';
    const { volumes = [] } = JSON.parse(text) as { volumes?: { driver: string; name: string }[] };
    for (const { driver, name } of container.volumes) {
      if (volumes.some((one) => one.driver === driver && one.name === name)) continue;
      this.#violate(`${nameOf(container)} runs, and no durable checkpoint has its volume ${driver}/${name}`);
    }
  }

  #onUnmounting(driver: string, volume: string): void {
    const user = this.#containers
      .in('running')
      .find((container) => container.volumes.some((one) => one.driver === driver && one.name === volume));
    if (user !== undefined) this.#violate(`${driver}/${volume} is pulled from under ${nameOf(user)}`);
  }

  /** No new containers, healthy drivers and disks, and time: nothing may be left. */
  async #end(): Promise<void> {
    this.#note('the end');
    this.#machine.disk = 'good';
    for (const driver of this.#drivers.values()) driver.faultRate = 0;
    for (let round = 0; round < 8; round += 1) {
      for (const container of this.#containers.in('preparing')) container.kill.abort(new Error('killed'));
      for (const container of this.#containers.in('running').toSorted((a, b) => depthOf(b) - depthOf(a))) {
        if (!this.#containers.hasChildren(container)) this.#finish(container);
      }
      const until = this.#clock.now() + QUIET_MS / 8;
      await this.#settle();
      while (this.#clock.advance(until)) {
        await this.#settle();
        this.#check();
        if (this.violations.length > 0) return;
      }
    }
    this.#checkNothingLeft();
    await this.#isolator?.[Symbol.asyncDispose]();
  }

  #checkNothingLeft(): void {
    for (const { what } of this.#waits) this.#violate(`the ${what} has not ended`);
    for (const [name, driver] of this.#drivers) {
      for (const volume of ['a', 'b']) {
        if (driver.tainted.has(volume)) continue;
        if (driver.isMounted(volume)) this.#violate(`${name}/${volume} is still mounted`);
        // What a driver believes after a reboot it is told a few times, not for ever.
        else if (driver.personality.counting === 'name' && driver.countOf(volume) > 0)
          this.#violate(`${name}/${volume} is still counted ${driver.countOf(volume)}`);
      }
    }
    const left = this.#machine.entriesNow(CHECKPOINT_DIR);
    if (left.length > 0) this.#violate(`checkpoints are left: ${left.join(', ')}`);
    const status = this.#isolator?.status;
    if (status !== undefined && status.volumeCount > 0) this.#violate(`${status.volumeCount} volumes are remembered`);
  }

  // Helpers

  #note(text: string): void {
    this.history.push(`${(this.#clock.now() / 1000).toFixed(3)} s: ${text}`);
  }

  #violate(text: string): void {
    this.#note(`VIOLATION: ${text}`);
    this.violations.push(text);
  }
}

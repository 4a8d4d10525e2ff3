/** The framework of one run: launches tasks on the one agent it cares for, keeps what it hears, and acknowledges it. */
import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '@drydock/base/errors';
import { waitUntil } from '@drydock/base/wait-until';
import {
  isTerminalState,
  subscribe,
  type SchedulerEvent,
  type SchedulerSubscription,
  type TaskInfo,
  type TaskState,
  type TaskStatus,
} from '@drydock/mesos';

import type { TaskFacts } from './task-truth.ts';

type Offer = NonNullable<NonNullable<SchedulerEvent['offers']>['offers']>[number];

export interface FrameworkOptions {
  readonly master: string;
  /** Only its offers are taken. */
  readonly hostname: string;
  /** Bounds every wait. */
  readonly waitMsMax: number;
}

export class MatrixFramework implements AsyncDisposable {
  readonly #options: FrameworkOptions;
  readonly #subscription: SchedulerSubscription;
  /** With the time at which each came. */
  readonly #offers = new Map<string, { readonly offer: Offer; readonly at: number }>();
  readonly #statuses: TaskStatus[] = [];
  /** Statuses that came after the acknowledgement of a task's end. */
  readonly #late: TaskStatus[] = [];
  readonly #acknowledgedEnds = new Map<string, Uint8Array | undefined>();
  readonly #held: TaskStatus[] = [];
  /** Ends that are not acknowledged for the time being. */
  isHoldingEnds = false;
  /** Throws when it is of no use to wait any longer. */
  assertAgent: () => void = () => undefined;
  #offerCount = 0;
  #problem: Error | undefined;

  private constructor(options: FrameworkOptions, subscription: SchedulerSubscription) {
    this.#options = options;
    this.#subscription = subscription;
    void this.#read();
  }

  static async subscribe(options: FrameworkOptions): Promise<MatrixFramework> {
    const frameworkInfo = {
      user: 'root',
      name: 'crash-matrix',
      checkpoint: true,
      failover_timeout: 60,
      capabilities: [{ type: 'PARTITION_AWARE' as const }],
    };
    return new MatrixFramework(options, await subscribe({ master: options.master, frameworkInfo }));
  }

  /** Statuses that no framework should have got. */
  get late(): readonly TaskStatus[] {
    return this.#late;
  }

  /** How many offers of the agent there were; each registration of it brings one. */
  get offerCount(): number {
    return this.#offerCount;
  }

  statesOf(task: string): readonly TaskState[] {
    return this.#statuses.filter(({ task_id }) => task_id.value === task).map(({ state }) => state);
  }

  statusOf(task: string): TaskStatus | undefined {
    return this.#statuses.findLast(({ task_id }) => task_id.value === task);
  }

  /** What was heard of a task. */
  factsOf(task: string): Pick<TaskFacts, 'name' | 'states' | 'message'> {
    const message = this.statusOf(task)?.message;
    return { name: task, states: this.statesOf(task), ...(message === undefined ? {} : { message }) };
  }

  hasEnded(task: string): boolean {
    return this.statesOf(task).some(isTerminalState);
  }

  /** Gives when the offer came that it was launched on: an agent that has died since may never hear of the task. */
  async launch(task: Omit<TaskInfo, 'agent_id'>): Promise<number> {
    const chosen = await this.#wait(`an offer for ${task.name}`, () => [...this.#offers.values()].at(-1));
    if (chosen === undefined) throw new Error('waitUntil gives only good values');
    const { offer, at } = chosen;
    this.#offers.delete(offer.id.value);
    const task_infos = [{ ...task, agent_id: offer.agent_id }];
    await this.#subscription.send({
      type: 'ACCEPT',
      accept: {
        offer_ids: [offer.id],
        operations: [{ type: 'LAUNCH', launch: { task_infos } }],
        filters: { refuse_seconds: 0 },
      },
    });
    return at;
  }

  /** Waits until the task has been in one of `states`, or has ended. */
  async reach(task: string, ...states: readonly TaskState[]): Promise<void> {
    await this.#wait(
      `${task} to be ${states.join(' or ')} or to have ended`,
      () => this.hasEnded(task) || this.statesOf(task).some((state) => states.includes(state)),
      () => `${task} was ${this.statesOf(task).join(', ')}`,
    );
  }

  async waitForOfferAfter(count: number): Promise<void> {
    await this.#wait('an offer of the agent that was started again', () => this.#offerCount > count);
  }

  /** Asks again until the task has ended, as a framework does: a call that an agent did not get is lost. */
  async kill(task: string): Promise<void> {
    let askedAt = -Infinity;
    await this.#wait(`${task} to have ended`, async () => {
      if (this.hasEnded(task)) return true;
      if (performance.now() - askedAt < 1_000) return false;
      askedAt = performance.now();
      await this.#subscription.send({ type: 'KILL', kill: { task_id: { value: task } } });
      return false;
    });
  }

  /** Acknowledges from now on whatever comes; with `all`, also what is held. */
  async stopHolding({ all }: { readonly all: boolean }): Promise<void> {
    this.isHoldingEnds = false;
    const held = this.#held.splice(0);
    if (all) for (const status of held) await this.#acknowledge(status);
  }

  async tearDown(): Promise<void> {
    await this.#subscription.send({ type: 'TEARDOWN' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#subscription.close();
  }

  async #wait<T>(what: string, read: () => T | Promise<T>, seen?: () => string): Promise<T> {
    const { waitMsMax } = this.#options;
    try {
      return await waitUntil(
        async () => {
          if (this.#problem !== undefined) throw this.#problem;
          this.assertAgent();
          return await read();
        },
        { what, timeoutMs: waitMsMax, intervalMs: 10 },
      );
    } catch (error) {
      if (seen === undefined || !(error instanceof Error)) throw error;
      throw new Error(`${error.message}; ${seen()}`, { cause: error });
    }
  }

  async #read(): Promise<void> {
    try {
      for await (const event of this.#subscription.events()) await this.#take(event);
    } catch (error) {
      this.#problem = new Error(`The framework lost its master: ${messageOf(error)}`, { cause: error });
    }
  }

  async #take({ offers, rescind, update }: SchedulerEvent): Promise<void> {
    for (const offer of offers?.offers ?? []) {
      if (offer.hostname !== this.#options.hostname) continue;
      this.#offerCount += 1;
      this.#offers.set(offer.id.value, { offer, at: performance.now() });
    }
    if (rescind !== undefined) this.#offers.delete(rescind.offer_id.value);
    if (update === undefined) return;
    const { status } = update;
    const {
      task_id: { value: task },
    } = status;
    // The same update again, whose acknowledgement was lost with the agent, is as it should be.
    if (this.#acknowledgedEnds.has(task) && !isDeepStrictEqual(this.#acknowledgedEnds.get(task), status.uuid)) {
      this.#late.push(status);
    }
    this.#statuses.push(status);
    if (this.isHoldingEnds && isTerminalState(status.state)) this.#held.push(status);
    else await this.#acknowledge(status);
  }

  async #acknowledge({ task_id, agent_id, uuid, state }: TaskStatus): Promise<void> {
    if (isTerminalState(state)) this.#acknowledgedEnds.set(task_id.value, uuid);
    if (uuid === undefined || agent_id === undefined) return;
    await this.#subscription.send({ type: 'ACKNOWLEDGE', acknowledge: { task_id, agent_id, uuid } });
  }
}

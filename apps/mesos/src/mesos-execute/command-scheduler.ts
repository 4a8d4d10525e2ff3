import {
  isTerminalState,
  subscribe,
  type Offer,
  type SchedulerEvent,
  type SchedulerSubscription,
  type TaskStatus,
} from '@drydock/mesos';
import { DomainError, messageOf } from '@drydock/base/errors';
import type { ExecuteRequest } from './execute-request.ts';
import { launchOperation, nameOf, tasksOf } from './launch-operation.ts';
import { statusText } from './status-text.ts';

/** Once for the answer and once for SUBSCRIBED, so that a master that is not there shows within 5 seconds. */
const CONNECT_MS = 2_400;
/** The longest delay of a timer, 24 days. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The master said ERROR. */
export class ErrorEventError extends DomainError<'ERROR_EVENT'> {
  readonly code = 'ERROR_EVENT';

  constructor(message: string, options?: ErrorOptions) {
    super(`Received an ERROR event: ${message}`, options);
  }
}

/** The master ended the stream while the task was under way. */
export class MasterGoneError extends DomainError<'MASTER_GONE'> {
  readonly code = 'MASTER_GONE';
}

export interface CommandSchedulerOptions {
  /** Tears the framework down, or gives up connecting. */
  readonly signal: AbortSignal;
  /** Takes one or several lines, without the last newline. */
  readonly print: (text: string) => void;
}

/**
 * Subscribes, launches the task or the group on the first offer that fits, and acknowledges the updates until all has
 * ended, however it ends. An abort tears the framework down and resolves.
 * @throws PeerUnreachableError, PeerRefusedError, SubscriptionRefusedError, StreamLostError, ErrorEventError,
 *   MasterGoneError
 * @see src/cli/execute.cpp CommandScheduler
 */
export async function runTask(request: ExecuteRequest, options: CommandSchedulerOptions): Promise<void> {
  const { signal, print } = options;
  // DEVIATION: upstream tries for ever, in silence; here a master that is not there is an error.
  await using subscription = await connect(request, signal);
  print(`Subscribed with ID ${subscription.frameworkId.value}`);
  await new CommandScheduler(request, subscription, options).run();
}

/** `signal` bounds the connecting only: afterwards the stream has to live until TEARDOWN is answered. */
async function connect(request: ExecuteRequest, signal: AbortSignal): Promise<SchedulerSubscription> {
  signal.throwIfAborted();
  const connecting = new AbortController();
  const abort = (): void => connecting.abort(signal.reason);
  signal.addEventListener('abort', abort);
  try {
    return await subscribe({
      master: request.master,
      frameworkInfo: request.frameworkInfo,
      contentType: request.contentType,
      connectTimeoutMs: CONNECT_MS,
      ...(request.credential === undefined ? {} : { credential: request.credential }),
      signal: connecting.signal,
    });
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

class CommandScheduler {
  readonly #request: ExecuteRequest;
  readonly #subscription: SchedulerSubscription;
  readonly #signal: AbortSignal;
  readonly #print: (text: string) => void;
  #isLaunched = false;
  /** Ids of the tasks that have not ended. */
  readonly #running: Set<string>;
  /** One for each TASK_RUNNING, as upstream. */
  readonly #killTimers: NodeJS.Timeout[] = [];
  /** Why the stream was closed from here. */
  #failure: Error | undefined;

  constructor(request: ExecuteRequest, subscription: SchedulerSubscription, options: CommandSchedulerOptions) {
    this.#request = request;
    this.#subscription = subscription;
    this.#signal = options.signal;
    this.#print = options.print;
    this.#running = new Set(tasksOf(request.launch).map(({ task_id: id }) => id.value));
  }

  async run(): Promise<void> {
    const tearDown = (): void => void this.#tearDown();
    this.#signal.addEventListener('abort', tearDown);
    if (this.#signal.aborted) tearDown();
    try {
      for await (const event of this.#subscription.events()) {
        if (await this.#handle(event)) return;
      }
    } catch (error) {
      // Whatever breaks after the framework was torn down, it was torn down.
      if (!this.#signal.aborted) throw error;
    } finally {
      for (const timer of this.#killTimers) clearTimeout(timer);
      this.#signal.removeEventListener('abort', tearDown);
    }
    if (this.#signal.aborted) return;
    // DEVIATION: upstream subscribes again and waits for ever, because the master has removed the framework by then
    // (it has no failover timeout).
    throw this.#failure ?? new MasterGoneError('The master ended the connection before the task had ended');
  }

  /** @returns whether all has ended */
  async #handle(event: SchedulerEvent): Promise<boolean> {
    switch (event.type) {
      case 'OFFERS':
        for (const offer of event.offers?.offers ?? []) await this.#useOffer(offer);
        return false;
      case 'UPDATE':
        return event.update !== undefined && (await this.#update(event.update.status));
      case 'ERROR':
        throw new ErrorEventError(event.error?.message ?? '');
      default:
        // Nothing that a task depends upon.
        return false;
    }
  }

  async #useOffer(offer: Offer): Promise<void> {
    const offer_ids = [offer.id];
    const { launch, frameworkInfo } = this.#request;
    const operation = this.#isLaunched ? undefined : launchOperation(launch, offer, frameworkInfo);
    if (operation === undefined) {
      await this.#subscription.send({ type: 'DECLINE', decline: { offer_ids } });
      return;
    }
    this.#isLaunched = true;
    await this.#subscription.send({ type: 'ACCEPT', accept: { offer_ids, operations: [operation] } });
    this.#print(`Submitted ${nameOf(launch)} to agent '${offer.agent_id.value}'`);
    // DEVIATION: upstream suppresses offers with the first one that is too small, and then never gets another.
    await this.#subscription.send({ type: 'SUPPRESS', suppress: {} });
  }

  async #update(status: TaskStatus): Promise<boolean> {
    this.#print(statusText(status));
    const { task_id, agent_id, uuid } = status;
    if (uuid !== undefined && agent_id !== undefined) {
      await this.#subscription.send({ type: 'ACKNOWLEDGE', acknowledge: { agent_id, task_id, uuid } });
    }
    if (status.state === 'TASK_RUNNING' && this.#request.killAfterMs !== undefined) {
      const delayMs = Math.min(this.#request.killAfterMs, TIMER_MS_MAX);
      this.#killTimers.push(setTimeout(() => void this.#kill(status), delayMs));
    }
    if (isTerminalState(status.state)) this.#running.delete(task_id.value);
    // Closing the stream is enough: without a failover timeout the master then removes the framework.
    return this.#running.size === 0;
  }

  async #kill({ task_id, agent_id }: TaskStatus): Promise<void> {
    this.#print(`Asked to kill task '${task_id.value}' on agent '${agent_id?.value ?? ''}'`);
    try {
      await this.#subscription.send({
        type: 'KILL',
        kill: { task_id, ...(agent_id === undefined ? {} : { agent_id }) },
      });
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(messageOf(error));
      await this.#subscription.close();
    }
  }

  async #tearDown(): Promise<void> {
    // A master that does not take it removes the framework when the stream ends.
    // DEVIATION: upstream just ends; its task goes on until the master notices.
    await this.#subscription.send({ type: 'TEARDOWN' }).catch(() => undefined);
    await this.#subscription.close();
  }
}

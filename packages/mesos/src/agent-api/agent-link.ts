/**
 * The agent's end of the wire to its master: registers, hands events to the agent in order, and registers again with
 * growing pauses whenever the stream is lost. It delivers a call or throws; retrying is the agent's own business.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { DomainError, messageOf } from '@drydock/base/errors';
import { silentLogger, type Logger } from '@drydock/base/log';
import type { ContentType } from '../codec/codec.ts';
import { agentApiCallType, agentApiEventType } from '../codec/schema.ts';
import { Backoff } from '../http/backoff.ts';
import { StreamLostError, openEventStream, postCall, type EventStream } from '../http/record-client.ts';
import type { AgentID, MasterInfo } from '../v1.ts';
import type { AgentApiCall, AgentApiEvent, AgentRegistration } from './messages.ts';

const HEARTBEAT_COUNT_MISSED_MAX = 5;

/** There is no registered stream now; the call was not sent. */
export class LinkDownError extends DomainError<'LINK_DOWN'> {
  readonly code = 'LINK_DOWN';
}

/** `connecting`: nobody to talk to yet or again; `registered`: events arrive, calls can be sent; `stopped`: for good. */
export type AgentLinkState = 'connecting' | 'registered' | 'stopped';

export interface AgentLinkOptions {
  /** `host:port` or a URL of the master. */
  readonly master: string;
  /** What the agent is and has now; asked for at each registration. Put the given id into `agent_info.id`. */
  readonly registration: () => AgentRegistration | Promise<AgentRegistration>;
  /** At each (re-)registration, before the first event of that stream. */
  readonly onRegistered: (registered: { agentId: AgentID; masterInfo: MasterInfo }) => void | Promise<void>;
  /** RUN_TASK, KILL_TASK, ... one after the other, each awaited; heartbeats and pings left out. What it throws is logged. */
  readonly onEvent: (event: AgentApiEvent) => void | Promise<void>;
  /** The master refused the agent for good (ERROR event): the link is stopped. */
  readonly onRefused?: (message: string) => void;
  readonly contentType?: ContentType;
  /** First pause between two attempts; doubles up to `backoffMsMax`, half of it is random. Default 100 ms. */
  readonly backoffMsMin?: number;
  /** Default 5 s. */
  readonly backoffMsMax?: number;
  readonly logger?: Logger;
}

export interface StartedAgentLink extends AsyncDisposable {
  readonly state: AgentLinkState;
  /** Resolves at the first registration. Rejects when the link is stopped before. */
  readonly registered: Promise<AgentID>;
  /**
   * Sends a call; `agent_id` is filled in.
   * @throws LinkDownError when not registered, PeerUnreachableError, PeerRefusedError
   */
  send(call: Omit<AgentApiCall, 'agent_id'>): Promise<void>;
  /** Closes the stream and stops trying. Safe twice. Does not wait for an `onEvent` that is still running. */
  stop(): Promise<void>;
}

/** The URL of the agent API of `host:port` or of a URL. */
export function agentApiUrl(master: string): string {
  const base = /^https?:\/\//.test(master) ? master : `http://${master}`;
  return `${base.replace(/\/+$/, '')}/api/v1/agent-link`;
}

/** Starts to connect; returns at once. */
export function startAgentLink(options: AgentLinkOptions): StartedAgentLink {
  return new AgentLink(options);
}

class AgentLink implements StartedAgentLink {
  readonly #options: AgentLinkOptions;
  readonly #contentType: ContentType;
  readonly #logger: Logger;
  readonly #stopping = new AbortController();
  readonly #registered = Promise.withResolvers<AgentID>();
  readonly #done: Promise<void>;
  #current: { stream: EventStream<AgentApiEvent>; agentId: AgentID } | undefined;

  constructor(options: AgentLinkOptions) {
    this.#options = options;
    this.#contentType = options.contentType ?? 'application/x-protobuf';
    this.#logger = options.logger ?? silentLogger;
    // Nobody has to wait for the registration.
    this.#registered.promise.catch(() => undefined);
    this.#done = this.#run();
  }

  get state(): AgentLinkState {
    if (this.#stopping.signal.aborted) return 'stopped';
    return this.#current === undefined ? 'connecting' : 'registered';
  }

  get registered(): Promise<AgentID> {
    return this.#registered.promise;
  }

  async send(call: Omit<AgentApiCall, 'agent_id'>): Promise<void> {
    const current = this.#current;
    if (current === undefined) throw new LinkDownError(`Not registered with the master at ${this.#options.master}`);
    await postCall({
      url: current.stream.url,
      type: agentApiCallType,
      call: { agent_id: current.agentId, ...call },
      contentType: this.#contentType,
      signal: this.#stopping.signal,
      ...(current.stream.streamId === undefined ? {} : { streamId: current.stream.streamId }),
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new LinkDownError('The link to the master is stopped'));
    this.#registered.reject(this.#stopping.signal.reason);
    await this.#current?.stream.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#done;
  }

  async #run(): Promise<void> {
    const backoff = new Backoff({
      msMin: this.#options.backoffMsMin ?? 100,
      msMax: this.#options.backoffMsMax ?? 5_000,
    });
    let lastProblem = '';
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#runStream(() => {
          backoff.reset();
          lastProblem = '';
        });
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        // The same problem again is not news.
        const problem = messageOf(error);
        if (problem !== lastProblem) this.#logger.warning('No link to the master, trying again', { error });
        lastProblem = problem;
      } finally {
        this.#current = undefined;
      }
      await delay(backoff.nextMs(), undefined, { signal: this.#stopping.signal }).catch(() => undefined); // Stopped meanwhile.
    }
  }

  /** One stream from REGISTER to its end, which is always an error. */
  async #runStream(onUp: () => void): Promise<never> {
    await using stream = await openEventStream({
      url: agentApiUrl(this.#options.master),
      type: agentApiCallType,
      eventType: agentApiEventType,
      call: { type: 'REGISTER', register: await this.#options.registration() },
      contentType: this.#contentType,
      signal: this.#stopping.signal,
    });
    const first = await stream.next({ silenceMsMax: 5_000 });
    if (first?.error !== undefined) this.#refuse(first.error.message);
    if (first?.registered === undefined)
      throw new StreamLostError(`Expected REGISTERED, got ${first?.type ?? 'nothing'}`);
    const { agent_id: agentId, master_info: masterInfo, heartbeat_interval_seconds: seconds } = first.registered;
    await this.#options.onRegistered({ agentId, masterInfo });
    this.#current = { stream, agentId };
    onUp();
    this.#registered.resolve(agentId);
    for (;;) {
      const event = await stream.next({ silenceMsMax: seconds * 1_000 * HEARTBEAT_COUNT_MISSED_MAX });
      if (event === undefined) throw new StreamLostError('The master ended the event stream');
      if (event.error !== undefined) this.#refuse(event.error.message);
      // Asked of the link rather than of the agent: what counts is that this process runs.
      if (event.type === 'PING') void this.#pong();
      else if (event.type !== 'HEARTBEAT') await this.#handle(event);
    }
  }

  async #pong(): Promise<void> {
    try {
      await this.send({ type: 'PONG' });
    } catch (error) {
      this.#logger.warning('A ping of the master was not answered', { error });
    }
  }

  async #handle(event: AgentApiEvent): Promise<void> {
    try {
      await this.#options.onEvent(event);
    } catch (error) {
      this.#logger.error('An event of the master was not handled', { type: event.type, error });
    }
  }

  #refuse(message: string): never {
    this.#options.onRefused?.(message);
    const error = new LinkDownError(message);
    this.#registered.reject(error);
    this.#stopping.abort(error);
    throw error;
  }
}

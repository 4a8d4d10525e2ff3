/**
 * The event stream of the operator API: what happens in the master, to everybody who subscribed. An event is encoded once
 * per content type, however many listen.
 *
 * DEVIATION: upstream keeps for a peer whatever it does not read. Here one with too much of it is cut off.
 * @see src/master/http.cpp subscribe, src/master/master.cpp Subscribers
 */
import {
  encode,
  masterEventType,
  streamReply,
  type ContentType,
  type HttpReply,
  type MasterEvent,
  type RecordStream,
} from '@drydock/mesos';
import { HEARTBEAT_MS } from '../event-channel.ts';
import type { Master } from '../master.ts';
import { getState, toAgent, toFramework, taskMessage } from './master-answers.ts';

/** Of events, beside the first one, that a peer has not read yet: with more it is cut off. */
const BACKLOG_BYTES_MAX = 4 * 1024 * 1024;
/** @see --max_operator_event_stream_subscribers */
const SUBSCRIBER_COUNT_MAX = 1_000;

export interface OperatorSubscribersOptions {
  /** Default 4 MiB. */
  readonly backlogBytesMax?: number;
  /** Default 1000; one more ends the oldest. */
  readonly countMax?: number;
}

export class OperatorSubscribers {
  readonly #master: () => Master;
  readonly #backlogBytesMax: number;
  readonly #countMax: number;
  /** Oldest first. */
  readonly #streams = new Map<RecordStream, ContentType>();
  #observation: Disposable | undefined;

  /** `master` is asked for with the first subscriber. */
  constructor(master: () => Master, options: OperatorSubscribersOptions = {}) {
    this.#master = master;
    this.#backlogBytesMax = options.backlogBytesMax ?? BACKLOG_BYTES_MAX;
    this.#countMax = options.countMax ?? SUBSCRIBER_COUNT_MAX;
  }

  get count(): number {
    return this.#streams.size;
  }

  /** The HTTP answer that opens a stream: SUBSCRIBED with the state, then every change of it, and heartbeats. */
  subscribe(contentType: ContentType): HttpReply {
    return streamReply({
      contentType,
      open: (stream) => {
        const subscribed = { get_state: getState(this.#master()), heartbeat_interval_seconds: HEARTBEAT_MS / 1000 };
        const first = encode(masterEventType, { type: 'SUBSCRIBED', subscribed }, contentType);
        stream.limitBuffered(first.byteLength + this.#backlogBytesMax);
        stream.send(first);
        stream.startHeartbeat(HEARTBEAT_MS, () => encode(masterEventType, { type: 'HEARTBEAT' }, contentType));
        this.#add(stream, contentType);
      },
    });
  }

  #add(stream: RecordStream, contentType: ContentType): void {
    this.#streams.set(stream, contentType);
    this.#observation ??= this.#observe();
    const [oldest] = this.#streams.keys();
    if (this.#streams.size > this.#countMax) oldest?.end();
    void stream.closed.then(() => {
      this.#streams.delete(stream);
      if (this.#streams.size > 0) return;
      this.#observation?.[Symbol.dispose]();
      this.#observation = undefined;
    });
  }

  #observe(): Disposable {
    return this.#master().events.observe({
      taskAdded: (task) => this.#send({ type: 'TASK_ADDED', task_added: { task: taskMessage(task) } }),
      taskUpdated: (task, status, state) =>
        this.#send({ type: 'TASK_UPDATED', task_updated: { framework_id: task.framework.info.id, status, state } }),
      agentAdded: (agent) => this.#send({ type: 'AGENT_ADDED', agent_added: { agent: toAgent(agent) } }),
      agentRemoved: ({ id }) => this.#send({ type: 'AGENT_REMOVED', agent_removed: { agent_id: { value: id } } }),
      frameworkAdded: (one) =>
        this.#send({ type: 'FRAMEWORK_ADDED', framework_added: { framework: toFramework(one) } }),
      frameworkUpdated: (one) =>
        this.#send({ type: 'FRAMEWORK_UPDATED', framework_updated: { framework: toFramework(one) } }),
      frameworkRemoved: ({ info }) =>
        this.#send({ type: 'FRAMEWORK_REMOVED', framework_removed: { framework_info: info } }),
    });
  }

  #send(event: MasterEvent): void {
    const encoded = new Map<ContentType, Uint8Array>();
    for (const [stream, contentType] of this.#streams) {
      const record = encoded.get(contentType) ?? encode(masterEventType, event, contentType);
      encoded.set(contentType, record);
      stream.send(record);
    }
  }
}

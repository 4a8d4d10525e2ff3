/** A custom executor's connection to its agent over the v1 executor API. */
import type { ContentType } from '../codec/codec.ts';
import { executorCallType, executorEventType } from '../codec/schema.ts';
import { openEventStream, postCall, type EventStream } from '../http/record-client.ts';
import type { ExecutorID, FrameworkID, TaskInfo, TaskStatus } from '../v1.ts';
import type { ExecutorCall, ExecutorEvent } from './messages.ts';

/** The agent sends a HEARTBEAT every 30 minutes; two may be missed before the stream counts as lost. */
const SILENCE_MS_MAX = 3 * 30 * 60 * 1_000;
const CONTENT_TYPE_DEFAULT: ContentType = 'application/x-protobuf';

export interface ConnectExecutorOptions {
  /** `host:port`, MESOS_AGENT_ENDPOINT. */
  readonly agent: string;
  /** MESOS_FRAMEWORK_ID. */
  readonly frameworkId: FrameworkID;
  /** MESOS_EXECUTOR_ID. */
  readonly executorId: ExecutorID;
  /** Tasks that the executor has, and of which no update has been acknowledged. */
  readonly unacknowledgedTasks?: readonly TaskInfo[];
  /** What the executor has said and the agent has not acknowledged, oldest first. */
  readonly unacknowledgedUpdates?: readonly TaskStatus[];
  /** Default protobuf, as upstream's clients. */
  readonly contentType?: ContentType;
  /** For the head of the answer. Default 5 s. */
  readonly timeoutMs?: number;
  /** Ends the connection. */
  readonly signal?: AbortSignal;
}

/** A subscribed executor; one whose stream is lost subscribes again with what is unacknowledged. */
export interface ExecutorConnection extends AsyncDisposable {
  /**
   * Events, SUBSCRIBED first (or SHUTDOWN alone), heartbeats left out; ends when the agent ends the stream.
   * @throws StreamLostError when the stream breaks or too many heartbeats are missed
   */
  events(): AsyncIterableIterator<ExecutorEvent>;
  /** Sends a call; the ids are filled in. @throws PeerUnreachableError, PeerRefusedError */
  send(call: Omit<ExecutorCall, 'framework_id' | 'executor_id'>): Promise<void>;
  close(): Promise<void>;
}

/**
 * Subscribes an executor; resolves when the agent has taken the call.
 * @throws PeerUnreachableError, PeerRefusedError
 */
export async function connectExecutor(options: ConnectExecutorOptions): Promise<ExecutorConnection> {
  const { unacknowledgedTasks = [], unacknowledgedUpdates = [], timeoutMs, signal } = options;
  const stream = await openEventStream({
    ...postOptions(options, {
      type: 'SUBSCRIBE',
      subscribe: {
        unacknowledged_tasks: [...unacknowledgedTasks],
        unacknowledged_updates: unacknowledgedUpdates.map((status) => ({ status })),
      },
    }),
    eventType: executorEventType,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(signal === undefined ? {} : { signal }),
  });
  return new StreamConnection(stream, options);
}

function postOptions(
  options: ConnectExecutorOptions,
  call: Omit<ExecutorCall, 'framework_id' | 'executor_id'>,
): { url: string; type: typeof executorCallType; call: ExecutorCall; contentType: ContentType } {
  const { agent, frameworkId, executorId, contentType = CONTENT_TYPE_DEFAULT } = options;
  return {
    url: `http://${agent}/api/v1/executor`,
    type: executorCallType,
    call: { framework_id: frameworkId, executor_id: executorId, ...call },
    contentType,
  };
}

class StreamConnection implements ExecutorConnection {
  readonly #stream: EventStream<ExecutorEvent>;
  readonly #options: ConnectExecutorOptions;

  constructor(stream: EventStream<ExecutorEvent>, options: ConnectExecutorOptions) {
    this.#stream = stream;
    this.#options = options;
  }

  async *events(): AsyncIterableIterator<ExecutorEvent> {
    for (;;) {
      const event = await this.#stream.next({ silenceMsMax: SILENCE_MS_MAX });
      if (event === undefined) return;
      if (event.type !== 'HEARTBEAT') yield event;
    }
  }

  async send(call: Omit<ExecutorCall, 'framework_id' | 'executor_id'>): Promise<void> {
    await postCall(postOptions(this.#options, call));
  }

  async close(): Promise<void> {
    await this.#stream.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

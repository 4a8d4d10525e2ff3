import { randomUUID } from 'node:crypto';
import { encode, streamReply, type ContentType, type HttpReply, type RecordStream } from '@drydock/mesos';

/** What a message type needs to be encoded; `schedulerEventType` and `agentApiEventType` are such. */
type EventType<Event extends object> = Parameters<typeof encode<Event>>[0];

/** @see src/master/constants.hpp DEFAULT_HEARTBEAT_INTERVAL */
export const HEARTBEAT_MS = 15_000;

/** The master's end of one subscribed peer: typed events out, and the stream id that the peer's calls must carry. */
export class EventChannel<Event extends object> {
  readonly streamId: string = randomUUID();
  readonly #contentType: ContentType;
  readonly #type: EventType<Event>;
  readonly #opened = Promise.withResolvers<RecordStream>();
  #stream: RecordStream | undefined;
  /** Sent before the head of the answer was; goes out first. */
  readonly #waiting: Event[] = [];

  constructor(type: EventType<Event>, contentType: ContentType) {
    this.#type = type;
    this.#contentType = contentType;
  }

  /** The HTTP answer that opens the stream. */
  reply(heartbeat: Event): HttpReply {
    return streamReply({
      contentType: this.#contentType,
      streamId: this.streamId,
      open: (stream) => {
        this.#stream = stream;
        for (const event of this.#waiting.splice(0)) this.send(event);
        stream.startHeartbeat(HEARTBEAT_MS, () => encode(this.#type, heartbeat, this.#contentType));
        this.#opened.resolve(stream);
      },
    });
  }

  /** The HTTP answer that opens the stream, says why nothing will come on it, and ends it. */
  refusal(event: Event): HttpReply {
    return streamReply({
      contentType: this.#contentType,
      streamId: this.streamId,
      open: (stream) => {
        stream.send(encode(this.#type, event, this.#contentType));
        stream.end();
      },
    });
  }

  /** False when the peer is gone. */
  send(event: Event): boolean {
    if (this.#stream === undefined) {
      this.#waiting.push(event);
      return true;
    }
    return this.#stream.send(encode(this.#type, event, this.#contentType));
  }

  /** Resolves when the peer is gone or the stream was ended. */
  async closed(): Promise<void> {
    const stream = await this.#opened.promise;
    await stream.closed;
  }

  /** Ends the stream after what was sent. */
  end(): void {
    void this.#opened.promise.then((stream) => stream.end());
  }
}

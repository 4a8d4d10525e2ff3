/** The server's end of one subscribed peer of a v1 API: typed events out. */
import { encode, type ContentType } from '../codec/codec.ts';
import type { MessageType } from '../codec/schema.ts';
import type { RecordStream, StreamEnd } from './record-stream.ts';
import { streamReply, type HttpReply } from './reply.ts';

export interface EventChannelOptions<Event> {
  readonly type: MessageType<Event>;
  readonly contentType: ContentType;
  /** What the peer's calls must carry as `Mesos-Stream-Id`; without it they carry nothing. */
  readonly streamId?: string;
}

export interface ChannelHeartbeat<Event> {
  readonly event: Event;
  readonly intervalMs: number;
  /** The first one comes after an interval, else at once. */
  readonly isLate: boolean;
}

export class EventChannel<Event extends object> {
  readonly #options: EventChannelOptions<Event>;
  readonly #opened = Promise.withResolvers<RecordStream>();
  #stream: RecordStream | undefined;
  /** Sent before the head of the answer was; goes out first. */
  readonly #waiting: Event[] = [];

  constructor(options: EventChannelOptions<Event>) {
    this.#options = options;
  }

  get streamId(): string | undefined {
    return this.#options.streamId;
  }

  /** The HTTP answer that opens the stream. */
  reply({ event, intervalMs, isLate }: ChannelHeartbeat<Event>): HttpReply {
    return this.#reply((stream) => {
      this.#stream = stream;
      for (const waiting of this.#waiting.splice(0)) this.send(waiting);
      stream.startHeartbeat(intervalMs, () => this.#encode(event), { isLate });
      this.#opened.resolve(stream);
    });
  }

  /** The HTTP answer that opens the stream, says why nothing will come on it, and ends it. */
  refusal(event: Event): HttpReply {
    return this.#reply((stream) => {
      stream.send(this.#encode(event));
      stream.end();
    });
  }

  /** False when the peer is gone. */
  send(event: Event): boolean {
    if (this.#stream === undefined) {
      this.#waiting.push(event);
      return true;
    }
    return this.#stream.send(this.#encode(event));
  }

  /** Resolves when the peer is gone or the stream was ended. */
  async closed(): Promise<StreamEnd> {
    const stream = await this.#opened.promise;
    return await stream.closed;
  }

  /** Ends the stream after what was sent. */
  end(): void {
    void this.#opened.promise.then((stream) => stream.end());
  }

  #reply(open: (stream: RecordStream) => void): HttpReply {
    const { contentType, streamId } = this.#options;
    return streamReply({ contentType, open, ...(streamId === undefined ? {} : { streamId }) });
  }

  #encode(event: Event): Uint8Array {
    return encode(this.#options.type, event, this.#options.contentType);
  }
}

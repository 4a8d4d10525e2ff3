/**
 * A master for the tests of a scheduler: real HTTP and RecordIO, in both content types, and for each call what the test
 * says. It decides nothing by itself.
 */
import { randomUUID } from 'node:crypto';
import { encode, type ContentType } from '../codec/codec.ts';
import { schedulerCallType, schedulerEventType } from '../codec/schema.ts';
import { acceptedContentType, readCall } from '../http/content-negotiation.ts';
import type { RecordStream } from '../http/record-stream.ts';
import { acceptedReply, streamReply, type HttpReply } from '../http/reply.ts';
import { startHttpService, type HttpRequest, type StartedHttpService } from '../http/service.ts';
import type { SchedulerCall, SchedulerEvent } from '../scheduler/messages.ts';
import type { Offer, TaskStatus } from '../v1.ts';

const FRAMEWORK_ID = 'M-0000';

/** What a master does after it has accepted a call, or opened the stream of a SUBSCRIBE: events, as a rule. */
export type Script = (call: SchedulerCall, master: ScriptedMaster) => void;

export interface ScriptedMasterOptions {
  /** Asked before a call is accepted: what it gives, or throws as an HttpError, is the answer instead. */
  readonly answer?: (call: SchedulerCall) => HttpReply | undefined | Promise<HttpReply | undefined>;
}

export class ScriptedMaster implements AsyncDisposable {
  /** In order of arrival. */
  readonly calls: SchedulerCall[] = [];
  /** The content type of SUBSCRIBE. */
  contentType: ContentType | undefined;
  /** `Authorization` of each call. */
  readonly authorizations: (string | undefined)[] = [];
  readonly #script: Script;
  readonly #options: ScriptedMasterOptions;
  #stream: RecordStream | undefined;
  #service: StartedHttpService | undefined;

  private constructor(script: Script, options: ScriptedMasterOptions) {
    this.#script = script;
    this.#options = options;
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(script: Script, options: ScriptedMasterOptions = {}): Promise<ScriptedMaster> {
    const master = new ScriptedMaster(script, options);
    const route = { method: 'POST', path: '/api/v1/scheduler', handle: master.#handle.bind(master) } as const;
    master.#service = await startHttpService({ port: 0, prefix: 'master', routes: [route] });
    return master;
  }

  /** For `--master`. */
  get address(): string {
    return `127.0.0.1:${this.#service?.port ?? 0}`;
  }

  /** Of all calls until now. */
  get callTypes(): readonly (string | undefined)[] {
    return this.calls.map(({ type }) => type);
  }

  /** Sends an event on the newest stream. */
  send(event: SchedulerEvent): void {
    this.#stream?.send(encode(schedulerEventType, event, this.contentType ?? 'application/json'));
  }

  /** Offers resources of the one agent. */
  offer(resources: Offer['resources'] & object, id = 'M-O0'): void {
    const offer: Offer = {
      id: { value: id },
      framework_id: { value: FRAMEWORK_ID },
      agent_id: { value: 'M-S0' },
      hostname: 'h',
      resources,
    };
    this.send({ type: 'OFFERS', offers: { offers: [offer] } });
  }

  /** Tells the state of a task of that agent, by default of `test`. */
  update(status: Partial<TaskStatus> & Pick<TaskStatus, 'state'>): void {
    const complete: TaskStatus = { task_id: { value: 'test' }, agent_id: { value: 'M-S0' }, ...status };
    this.send({ type: 'UPDATE', update: { status: complete } });
  }

  /** As a master that goes away in good order. */
  endStream(): void {
    this.#stream?.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service?.stop({ graceMs: 0 });
  }

  async #handle(request: HttpRequest): Promise<HttpReply> {
    const call = readCall(request, schedulerCallType);
    this.calls.push(call);
    this.authorizations.push(request.headers['authorization']);
    const answer = await this.#options.answer?.(call);
    if (answer !== undefined) return answer;
    if (call.type !== 'SUBSCRIBE') {
      // After the answer, as a master that works on it.
      setImmediate(() => this.#script(call, this));
      return acceptedReply();
    }
    const contentType = acceptedContentType(request);
    this.contentType = contentType;
    return streamReply({
      contentType,
      streamId: randomUUID(),
      open: (stream) => {
        this.#stream = stream;
        this.#script(call, this);
      },
    });
  }
}

/** SUBSCRIBED, as every script begins; the framework is `M-0000`. */
export function subscribed(): SchedulerEvent {
  return {
    type: 'SUBSCRIBED',
    subscribed: { framework_id: { value: FRAMEWORK_ID }, heartbeat_interval_seconds: 15 },
  };
}

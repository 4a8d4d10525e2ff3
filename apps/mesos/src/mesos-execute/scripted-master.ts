/** A master for tests: real HTTP, and for each event what the test says. */
import { randomUUID } from 'node:crypto';
import {
  acceptedContentType,
  acceptedReply,
  encode,
  readCall,
  schedulerCallType,
  schedulerEventType,
  startHttpService,
  streamReply,
  type ContentType,
  type HttpReply,
  type HttpRequest,
  type Offer,
  type RecordStream,
  type SchedulerCall,
  type SchedulerEvent,
  type StartedHttpService,
  type TaskStatus,
} from '@drydock/mesos';

const FRAMEWORK_ID = 'M-0000';

/** Who answers a call: events that go out after it was accepted. */
export type Script = (call: SchedulerCall, master: ScriptedMaster) => void;

export class ScriptedMaster implements AsyncDisposable {
  /** In order of arrival. */
  readonly calls: SchedulerCall[] = [];
  /** The content type of SUBSCRIBE. */
  contentType: ContentType | undefined;
  /** `Authorization` of each call. */
  readonly authorizations: (string | undefined)[] = [];
  readonly #script: Script;
  #stream: RecordStream | undefined;
  #service: StartedHttpService | undefined;

  private constructor(script: Script) {
    this.#script = script;
  }

  static async start(script: Script): Promise<ScriptedMaster> {
    const master = new ScriptedMaster(script);
    const route = { method: 'POST', path: '/api/v1/scheduler', handle: master.#handle.bind(master) } as const;
    master.#service = await startHttpService({ port: 0, prefix: 'master', routes: [route] });
    return master;
  }

  get address(): string {
    return `127.0.0.1:${this.#service?.port ?? 0}`;
  }

  get callTypes(): readonly (string | undefined)[] {
    return this.calls.map(({ type }) => type);
  }

  send(event: SchedulerEvent): void {
    this.#stream?.send(encode(schedulerEventType, event, this.contentType ?? 'application/json'));
  }

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

  update(status: Partial<TaskStatus> & Pick<TaskStatus, 'state'>): void {
    const complete: TaskStatus = { task_id: { value: 'test' }, agent_id: { value: 'M-S0' }, ...status };
    this.send({ type: 'UPDATE', update: { status: complete } });
  }

  endStream(): void {
    this.#stream?.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service?.stop({ graceMs: 0 });
  }

  #handle(request: HttpRequest): HttpReply {
    const call = readCall(request, schedulerCallType);
    this.calls.push(call);
    this.authorizations.push(request.headers['authorization']);
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

/** SUBSCRIBED, as every script begins. */
export function subscribed(): SchedulerEvent {
  return {
    type: 'SUBSCRIBED',
    subscribed: { framework_id: { value: FRAMEWORK_ID }, heartbeat_interval_seconds: 15 },
  };
}

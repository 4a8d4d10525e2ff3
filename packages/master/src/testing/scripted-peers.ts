/** A master that serves HTTP, a framework that speaks plain JSON to it, and an agent that does as it is told. */
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@drydock/base/log';
import { waitUntil } from '@drydock/base/wait-until';
import {
  VirtualFiles,
  agentApiCallType,
  parseResources,
  startAgentLink,
  startHttpService,
  toJson,
  type AgentApiCall,
  type AgentApiEvent,
  type AgentInfo,
  type AgentRegistration,
  type FrameworkInfo,
  type KnownExecutor,
  type KnownTask,
  type ProcessFacts,
  type StartedAgentLink,
  type StartedHttpService,
  type SchedulerEvent,
  type TaskState,
  type TaskStatus,
} from '@drydock/mesos';
import { masterRoutes } from '../http/master-routes.ts';
import { Master, type MasterOptions } from '../master.ts';
import { readRecords } from './read-records.ts';

export interface ServedMaster extends AsyncDisposable {
  readonly address: string;
  readonly master: Master;
}

export interface ServeMasterOptions extends Partial<MasterOptions> {
  readonly facts?: Partial<ProcessFacts>;
}

export async function serveMaster({ facts, ...options }: ServeMasterOptions = {}): Promise<ServedMaster> {
  const stack = new AsyncDisposableStack();
  const started: { master?: Master } = {};
  const files = new VirtualFiles();
  files.attach('/here', fileURLToPath(new URL('../..', import.meta.url)));
  const service: StartedHttpService = stack.use(
    await startHttpService({
      port: 0,
      prefix: 'master',
      routes: masterRoutes(
        () => started.master,
        { flags: { cluster: 'test' }, startTime: 1, build: { build_user: 'builder' }, ...facts },
        files,
      ),
    }),
  );
  const master = stack.use(
    new Master({
      hostname: 'localhost',
      ip: service.ip,
      port: service.port,
      version: '1.12.0',
      allocationIntervalMs: 50,
      completedFrameworkCountMax: 50,
      completedTaskCountMax: 1000,
      logger: silentLogger,
      ...options,
    }),
  );
  started.master = master;
  return {
    address: `${service.ip}:${service.port}`,
    master,
    [Symbol.asyncDispose]: async () => await stack.disposeAsync(),
  };
}

type Json = Record<string, unknown>;

/**
 * A message as its JSON is. Tests look into it as if every field were there and no list empty: where that is not so, they
 * fail.
 */
export type Parsed<T> = T extends Uint8Array
  ? string // base64
  : T extends readonly (infer Element)[]
    ? [Parsed<Element>, ...Parsed<Element>[]]
    : T extends object
      ? { [Name in keyof T]-?: Parsed<T[Name]> }
      : T;

/** Events of a JSON RecordIO stream, as they come. */
class JsonStream<Event extends { type?: string }> {
  readonly events: Parsed<Event>[] = [];
  readonly #closing = new AbortController();
  isEnded = false;

  constructor(response: Response) {
    const keep = (record: Buffer): void => void this.events.push(JSON.parse(record.toString()));
    void readRecords(response, keep, this.#closing.signal).then(() => {
      this.isEnded = true;
    });
  }

  /** The first event of a type from the `from`th event on, when it is there. */
  async next(type: Event['type'], from = 0): Promise<Parsed<Event>> {
    return await waitUntil(() => this.events.slice(from).find((event) => event.type === type), {
      what: `an event ${type}`,
      timeoutMs: 5_000,
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.resolve();
  }
}

/** A JSON client of the scheduler API, written against its public description only. */
export class ScriptedFramework implements AsyncDisposable {
  readonly address: string;
  readonly streamId: string;
  readonly #stream: JsonStream<SchedulerEvent>;

  private constructor(address: string, response: Response) {
    this.address = address;
    this.streamId = response.headers.get('mesos-stream-id') ?? '';
    this.#stream = new JsonStream(response);
  }

  get events(): readonly Parsed<SchedulerEvent>[] {
    return this.#stream.events;
  }

  get isEnded(): boolean {
    return this.#stream.isEnded;
  }

  /** `rest`: what the subscription says beside what the framework is. */
  static async subscribe(address: string, info: Json = {}, rest: Json = {}): Promise<ScriptedFramework> {
    const id = info['id'];
    const response = await post(address, {
      type: 'SUBSCRIBE',
      ...(id === undefined ? {} : { framework_id: id }),
      subscribe: { framework_info: { user: 'root', name: 'scripted', ...info }, ...rest },
    });
    if (response.status !== 200) throw new Error(`SUBSCRIBE: ${response.status} ${await response.text()}`);
    const framework = new ScriptedFramework(address, response);
    await framework.next('SUBSCRIBED');
    return framework;
  }

  get id(): { value: string } {
    const subscribed = this.events.find((event) => event.type === 'SUBSCRIBED');
    if (subscribed === undefined) throw new Error('Expected the events to begin with SUBSCRIBED');
    return subscribed.subscribed.framework_id;
  }

  /** The first event of a type from the `from`th event on, when it is there. */
  async next(type: SchedulerEvent['type'], from = 0): Promise<Parsed<SchedulerEvent>> {
    return await this.#stream.next(type, from);
  }

  /** The status of a task in a state, when it is there. */
  async status(taskId: string, state: TaskState): Promise<Parsed<TaskStatus>> {
    return await waitUntil(
      () =>
        this.events
          .filter((event) => event.type === 'UPDATE')
          .map((event) => event.update.status)
          .find((status) => status.task_id.value === taskId && status.state === state),
      { what: `${taskId} in ${state}`, timeoutMs: 5_000 },
    );
  }

  async call(body: Json): Promise<Response> {
    return await post(this.address, { framework_id: this.id, ...body }, { 'Mesos-Stream-Id': this.streamId });
  }

  /** Launches tasks of one cpu on the newest offer. */
  async launch(...ids: readonly string[]): Promise<void> {
    const event = await this.next('OFFERS');
    const [offer] = event.offers.offers;
    const taskInfos = ids.map((id) => ({
      name: id,
      task_id: { value: id },
      agent_id: offer.agent_id,
      resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 1 } }],
      command: { value: 'true' },
    }));
    const operations = [{ type: 'LAUNCH', launch: { task_infos: taskInfos } }];
    await this.call({ type: 'ACCEPT', accept: { offer_ids: [offer.id], operations } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stream.close();
  }
}

export async function post(address: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return await postTo(`http://${address}/master/api/v1/scheduler`, body, headers);
}

async function postTo(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

export interface ScriptedAgentOptions {
  readonly id?: string;
  readonly hostname?: string;
  /** Where it says that it is. */
  readonly pid?: string;
  readonly resources?: string;
  /** In place of parts of what the agent says of itself. */
  readonly info?: Partial<AgentInfo>;
  readonly frameworks?: FrameworkInfo[];
  readonly tasks?: KnownTask[];
  readonly executors?: KnownExecutor[];
}

const agentCounts = new Map<string, number>();

/** Each agent of a master is at an address of its own unless it is told otherwise, the first at port 5051. */
function aRegistration(master: string, options: ScriptedAgentOptions): AgentRegistration {
  const { id, hostname = 'agent-host', pid, resources = 'cpus:4;mem:1024', info } = options;
  const agentCount = (agentCounts.get(master) ?? 0) + 1;
  agentCounts.set(master, agentCount);
  return {
    agent_info: {
      hostname,
      port: 5051,
      resources: parseResources(resources),
      ...info,
      ...(id === undefined ? {} : { id: { value: id } }),
    },
    version: '1.12.0',
    pid: pid ?? `slave(1)@127.0.0.1:${5_050 + agentCount}`,
    frameworks: options.frameworks ?? [],
    tasks: options.tasks ?? [],
    executors: options.executors ?? [],
  };
}

/** `t1`, of one cpu, as an agent lists it when it registers. */
export function aKnownTask(frameworkId: { value: string }, agentId: string, state: TaskState): KnownTask {
  const resources = [{ name: 'cpus', type: 'SCALAR' as const, scalar: { value: 1 } }];
  const task = { name: 't1', task_id: { value: 't1' }, agent_id: { value: agentId }, resources };
  return { framework_id: frameworkId, task, state };
}

/** An agent that keeps what it is told and reports what the test says. */
export class ScriptedAgent implements AsyncDisposable {
  readonly events: AgentApiEvent[] = [];
  readonly link: StartedAgentLink;
  #uuidCount = 0;
  id = '';

  private constructor(address: string, options: ScriptedAgentOptions) {
    const registration = aRegistration(address, options);
    this.link = startAgentLink({
      master: address,
      backoffMsMin: 5,
      registration: () => {
        const { agent_info: info } = registration;
        return this.id === '' ? registration : { ...registration, agent_info: { ...info, id: { value: this.id } } };
      },
      onRegistered: ({ agentId }) => {
        this.id = agentId.value;
      },
      onEvent: (event) => void this.events.push(event),
    });
  }

  static async register(address: string, options: ScriptedAgentOptions = {}): Promise<ScriptedAgent> {
    const agent = new ScriptedAgent(address, options);
    await agent.link.registered;
    return agent;
  }

  async told(type: AgentApiEvent['type']): Promise<AgentApiEvent> {
    return await waitUntil(() => this.events.find((one) => one.type === type), {
      what: `the agent to be told ${type}`,
      timeoutMs: 5_000,
    });
  }

  async report(frameworkId: { value: string }, taskId: string, state: TaskState): Promise<void> {
    this.#uuidCount += 1;
    const status = {
      task_id: { value: taskId },
      state,
      agent_id: { value: this.id },
      source: 'SOURCE_EXECUTOR' as const,
      uuid: Buffer.alloc(16, this.#uuidCount),
    };
    await this.link.send({ type: 'UPDATE_STATUS', update_status: { framework_id: frameworkId, status } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.link.stop();
  }
}

/** An agent in plain JSON that does nothing by itself: it answers no ping and does not come back. */
export class SilentAgent implements AsyncDisposable {
  readonly #address: string;
  readonly #stream: JsonStream<AgentApiEvent>;
  readonly #streamId: string;

  private constructor(address: string, response: Response) {
    this.#address = address;
    this.#stream = new JsonStream(response);
    this.#streamId = response.headers.get('mesos-stream-id') ?? '';
  }

  /** @throws Error with status and text of a refusal */
  static async register(address: string, options: ScriptedAgentOptions = {}): Promise<SilentAgent> {
    const response = await postTo(
      `http://${address}/master/api/v1/agent-link`,
      toJson(agentApiCallType, { type: 'REGISTER', register: aRegistration(address, options) }),
    );
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return new SilentAgent(address, response);
  }

  get events(): readonly Parsed<AgentApiEvent>[] {
    return this.#stream.events;
  }

  get isEnded(): boolean {
    return this.#stream.isEnded;
  }

  get id(): string {
    return this.events.find((event) => event.type === 'REGISTERED')?.registered.agent_id.value ?? '';
  }

  async told(type: AgentApiEvent['type'], from = 0): Promise<Parsed<AgentApiEvent>> {
    return await this.#stream.next(type ?? 'UNKNOWN', from);
  }

  async call(body: Omit<AgentApiCall, 'agent_id'>): Promise<Response> {
    const call = toJson(agentApiCallType, { agent_id: { value: this.id }, ...body });
    return await postTo(`http://${this.#address}/master/api/v1/agent-link`, call, {
      'Mesos-Stream-Id': this.#streamId,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stream.close();
  }
}

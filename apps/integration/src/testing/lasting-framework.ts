/** A framework in plain `fetch` that stays, keeps what it hears and acknowledges it. Only the names of the terminal states are ours. */
import { waitUntil } from '@drydock/base/wait-until';
import { isTerminalState, type TaskState } from '@drydock/mesos';

type Json = Record<string, unknown>;

/** What the tests look at. */
export interface Status {
  readonly task_id: { readonly value: string };
  readonly agent_id: { readonly value: string };
  readonly state: string;
  readonly message?: string;
  readonly reason?: string;
  readonly uuid?: string;
}

interface Offer {
  readonly id: Json;
  readonly resources?: readonly { readonly name: string; readonly scalar?: { readonly value: number } }[];
  readonly agent_id: { readonly value: string };
}

/** An event as parsed, with what the tests look at. */
export interface Heard {
  readonly type: string;
  readonly subscribed?: { readonly framework_id: Json };
  readonly offers?: { readonly offers: readonly Offer[] };
  readonly rescind?: { readonly offer_id: Json };
  readonly update?: { readonly status: Status };
  /** `data` in base64. */
  readonly message?: { readonly executor_id: Json; readonly data: string };
  readonly error?: { readonly message: string };
  readonly failure?: { readonly agent_id?: Json; readonly executor_id?: Json; readonly status?: number };
}

type NamedTask = Json & { readonly name: string };

const scalar = (name: string, value: number): Json => ({ name, type: 'SCALAR', scalar: { value } });

export class LastingFramework implements AsyncDisposable {
  readonly events: Heard[] = [];
  /** Whether it acknowledges what it is told, at once; what it did not, `acknowledgeAll` does. */
  acknowledges = true;
  readonly #api: string;
  readonly #closing = new AbortController();
  #streamId = '';
  #id: Json | undefined;
  /** Ids of offers. */
  readonly #answered = new Set<unknown>();

  constructor(master: string) {
    this.#api = `http://${master}/api/v1/scheduler`;
  }

  /** Whether it has an id, from SUBSCRIBED on. */
  get isSubscribed(): boolean {
    return this.#id !== undefined;
  }

  /** Also again, under the id that it got before, or under that of another instance. */
  async subscribe(info: Json = {}, takeOver?: Json): Promise<void> {
    this.#id = takeOver ?? this.#id;
    const id = this.#id === undefined ? {} : { framework_id: this.#id };
    const own = this.#id === undefined ? {} : { id: this.#id };
    const frameworkInfo = { user: 'root', name: 'lasting', failover_timeout: 600, ...own, ...info };
    const response = await this.#post({ type: 'SUBSCRIBE', ...id, subscribe: { framework_info: frameworkInfo } });
    if (response.status !== 200) throw new Error(`SUBSCRIBE: ${response.status} ${await response.text()}`);
    this.#streamId = response.headers.get('Mesos-Stream-Id') ?? '';
    const seen = this.events.length;
    void this.#read(response);
    const event = await this.next('SUBSCRIBED', seen);
    this.#id = event.subscribed?.framework_id;
  }

  async call(body: Json): Promise<void> {
    const response = await this.#post({ framework_id: this.#id, ...body }, { 'Mesos-Stream-Id': this.#streamId });
    if (response.status !== 202)
      throw new Error(`${String(body['type'])}: ${response.status} ${await response.text()}`);
  }

  /** Runs a shell command on an agent, when it is offered. */
  async launch(agentId: string, name: string, command: string): Promise<void> {
    await this.launchTasks(agentId, [{ name, command: { value: command } }]);
  }

  /** Runs tasks on an agent, when it is offered; their ids are their names, and each is small. */
  async launchTasks(agentId: string, tasks: readonly NamedTask[]): Promise<void> {
    await this.#accept(agentId, tasks, (task_infos) => ({ type: 'LAUNCH', launch: { task_infos } }));
  }

  /** The same for a task group, in a default executor with this id and container, or another one by its `fields`. */
  async launchGroup(
    agentId: string,
    executor: { readonly id: string; readonly container: Json; readonly fields?: Json },
    tasks: readonly NamedTask[],
  ): Promise<void> {
    const info = {
      type: 'DEFAULT',
      executor_id: { value: executor.id },
      container: executor.container,
      resources: [scalar('cpus', 0.1), scalar('mem', 32), scalar('disk', 32)],
      ...executor.fields,
    };
    await this.#accept(agentId, tasks, (task_infos) => {
      return { type: 'LAUNCH_GROUP', launch_group: { executor: info, task_group: { tasks: task_infos } } };
    });
  }

  async #accept(
    agentId: string,
    tasks: readonly NamedTask[],
    toOperation: (tasks: readonly Json[]) => Json,
  ): Promise<void> {
    await this.call({ type: 'REVIVE' });
    const offer = await waitUntil(() => this.#offers().find(({ agent_id: { value } }) => value === agentId), {
      what: `an offer of ${agentId}`,
      timeoutMs: 20_000,
    });
    this.#answered.add(offer.id['value']);
    const resources = [scalar('cpus', 0.1), scalar('mem', 32)];
    const taskInfos = tasks.map((task) => ({
      task_id: { value: task.name },
      agent_id: { value: agentId },
      resources,
      ...task,
    }));
    const operations = [toOperation(taskInfos)];
    await this.call({ type: 'ACCEPT', accept: { offer_ids: [offer.id], operations } });
  }

  /** Gives back the offers that it holds and asks for none, so that other frameworks get them. */
  async rest(): Promise<void> {
    const offers = this.#offers();
    for (const { id } of offers) this.#answered.add(id['value']);
    await this.call({ type: 'SUPPRESS' });
    const filters = { refuse_seconds: 0 };
    if (offers.length > 0)
      await this.call({ type: 'DECLINE', decline: { offer_ids: offers.map(({ id }) => id), filters } });
  }

  async kill(taskId: string): Promise<void> {
    await this.call({ type: 'KILL', kill: { task_id: { value: taskId } } });
  }

  /** Of a task, in the order in which they came. */
  statesOf(taskId: string): readonly string[] {
    return this.#statuses(0)
      .filter((status) => status.task_id.value === taskId)
      .map(({ state }) => state);
  }

  async next(type: string, from = 0): Promise<Heard> {
    return await waitUntil(() => this.events.slice(from).find((one) => one.type === type), {
      what: `an event ${type}`,
      timeoutMs: 20_000,
    });
  }

  /** The first status of a task in a state from the `from`th event on, when it is there. */
  async status(taskId: string, state: string, from = 0): Promise<Status> {
    return await waitUntil(
      () => this.#statuses(from).find((one) => one.task_id.value === taskId && one.state === state),
      {
        what: `${taskId} in ${state}`,
        timeoutMs: 20_000,
      },
    );
  }

  /** The last status of a task, when it is a terminal one. */
  async ended(taskId: string, timeoutMs = 20_000): Promise<Status> {
    const last = (): Status | undefined => this.#statuses(0).findLast((one) => one.task_id.value === taskId);
    const status = await waitUntil(last, {
      what: `the end of ${taskId}`,
      timeoutMs,
      until: (one) => one !== undefined && isTerminalState(one.state as TaskState),
    });
    if (status === undefined) throw new Error('waitUntil gives only good values');
    return status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.resolve();
  }

  /** Those that were neither rescinded nor answered, newest first. */
  #offers(): Offer[] {
    const gone = new Set(this.events.map(({ rescind }) => rescind?.offer_id['value']));
    const all = this.events.flatMap(({ offers }) => offers?.offers ?? []);
    return all.filter(({ id }) => !gone.has(id['value']) && !this.#answered.has(id['value'])).toReversed();
  }

  #statuses(from: number): Status[] {
    return this.events.slice(from).flatMap(({ update }) => (update === undefined ? [] : [update.status]));
  }

  async #post(body: Json, headers: Record<string, string> = {}): Promise<Response> {
    return await fetch(this.#api, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json', ...headers },
      body: JSON.stringify(body),
      signal: this.#closing.signal,
    });
  }

  async #read(response: Response): Promise<void> {
    let bytes = Buffer.alloc(0);
    try {
      for await (const chunk of response.body ?? []) {
        bytes = Buffer.concat([bytes, chunk]);
        for (let newline = bytes.indexOf(10); newline > 0; newline = bytes.indexOf(10)) {
          const end = newline + 1 + Number(bytes.subarray(0, newline));
          if (bytes.length < end) break;
          this.#take(JSON.parse(bytes.toString('utf8', newline + 1, end)) as Heard);
          bytes = bytes.subarray(end);
        }
      }
    } catch {
      // The master or this framework is gone: tests look at what came before.
    }
  }

  #take(event: Heard): void {
    this.events.push(event);
    const status = event.update?.status;
    // Of a master that is gone; the agent tells its update again.
    if (status !== undefined && this.acknowledges) void this.#acknowledge(status).catch(() => undefined);
  }

  /** Everything that it was told, once more or for the first time, and from now on at once. */
  async acknowledgeAll(): Promise<void> {
    this.acknowledges = true;
    for (const status of this.#statuses(0)) await this.#acknowledge(status);
  }

  async #acknowledge({ agent_id: agentId, task_id: taskId, uuid }: Status): Promise<void> {
    if (uuid === undefined) return;
    await this.call({ type: 'ACKNOWLEDGE', acknowledge: { agent_id: agentId, task_id: taskId, uuid } });
  }
}

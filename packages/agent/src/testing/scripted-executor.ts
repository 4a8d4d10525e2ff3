/** A custom executor that says what the test wants. */
import { randomBytes } from 'node:crypto';
import { waitUntil } from '@drydock/base/wait-until';
import {
  connectExecutor,
  type ExecutorConnection,
  type ExecutorEvent,
  type TaskInfo,
  type TaskState,
  type TaskStatus,
} from '@drydock/mesos';

export interface ScriptedExecutorOptions {
  /** Default: `e`; its framework is `F`. */
  readonly executorId?: string;
  readonly unacknowledgedTasks?: readonly TaskInfo[];
  readonly unacknowledgedUpdates?: readonly TaskStatus[];
}

type SentStatus = TaskStatus & { readonly uuid: Uint8Array };

export class ScriptedExecutor implements AsyncDisposable {
  readonly events: ExecutorEvent[] = [];
  readonly #connection: ExecutorConnection;
  readonly #read: Promise<void>;

  private constructor(connection: ExecutorConnection) {
    this.#connection = connection;
    this.#read = this.#collect();
  }

  /** At the agent `ip:port`. */
  static async connect(address: string, options: ScriptedExecutorOptions = {}): Promise<ScriptedExecutor> {
    const { executorId = 'e', ...known } = options;
    const ids = { frameworkId: { value: 'F' }, executorId: { value: executorId } };
    return new ScriptedExecutor(await connectExecutor({ agent: address, ...ids, ...known }));
  }

  static status(taskId: string, state: TaskState, fields: Partial<TaskStatus> = {}): SentStatus {
    return {
      task_id: { value: taskId },
      state,
      source: 'SOURCE_EXECUTOR',
      uuid: randomBytes(16),
      ...fields,
    } as SentStatus;
  }

  get acknowledgements(): readonly Buffer[] {
    return this.events.flatMap(({ acknowledged }) =>
      acknowledged === undefined ? [] : [Buffer.from(acknowledged.uuid)],
    );
  }

  get messages(): readonly string[] {
    return this.events.flatMap(({ message }) => (message === undefined ? [] : [Buffer.from(message.data).toString()]));
  }

  async next(type: ExecutorEvent['type']): Promise<ExecutorEvent> {
    return await waitUntil(() => this.events.find((one) => one.type === type), { what: `an event ${type}` });
  }

  /** UPDATE with a new status, which is the result. */
  async update(taskId: string, state: TaskState, fields: Partial<TaskStatus> = {}): Promise<SentStatus> {
    const status = ScriptedExecutor.status(taskId, state, fields);
    await this.send(status);
    return status;
  }

  async send(status: TaskStatus): Promise<void> {
    await this.#connection.send({ type: 'UPDATE', update: { status } });
  }

  async say(text: string): Promise<void> {
    await this.#connection.send({ type: 'MESSAGE', message: { data: Buffer.from(text) } });
  }

  /** Resolves when the agent has ended the stream. */
  async ended(): Promise<void> {
    await this.#read;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }

  async #collect(): Promise<void> {
    for await (const event of this.#connection.events()) this.events.push(event);
  }
}

/**
 * The HTTP surface of a master and an agent that run as processes: every request gets the code and the text of its class,
 * none hangs, and the memory stays bounded.
 */
import { readFile } from 'node:fs/promises';
import { LocalCluster, STANDIN_IMAGES_DIRECTORY } from '@drydock/cluster';
import fc from 'fast-check';
import { defineFuzzTarget, type FuzzSession, type FuzzTarget } from '../fuzz-frame.ts';
import { Connection, type Answer } from './http/answer.ts';
import { operatorInputs } from './http/operator-inputs.ts';
import { readInputs } from './http/read-inputs.ts';
import { bytesOf, type Expected, type FuzzInput } from './http/request.ts';
import { FRAMEWORK_ID, VICTIM_ID, schedulerInputs } from './http/scheduler-inputs.ts';

/** What the servers may have grown by, whatever the number of inputs. */
const GROWTH_BYTES_MAX = 256 * 1024 * 1024;

type Server = 'master' | 'agent';

class HttpSession implements FuzzSession<FuzzInput> {
  readonly #cluster: LocalCluster;
  readonly #addresses: Readonly<Record<Server, string>>;
  readonly #connections: Partial<Record<Server, Connection>> = {};
  readonly #subscriptions = new Map<string, Subscriber>();
  #memoryAtStart: Readonly<Record<Server, number>> = { master: 0, agent: 0 };

  private constructor(cluster: LocalCluster, agentAddress: string) {
    this.#cluster = cluster;
    this.#addresses = { master: cluster.master, agent: agentAddress };
  }

  static async start(): Promise<HttpSession> {
    const cluster = await LocalCluster.create({ imagesDirectory: STANDIN_IMAGES_DIRECTORY });
    try {
      await cluster.startMaster();
      const agent = await cluster.startAgent();
      const session = new HttpSession(cluster, agent.address);
      session.#memoryAtStart = await session.#memory();
      return session;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  async feed({ kind, requests }: FuzzInput): Promise<string> {
    const server = requests[0]?.server ?? 'master';
    const known = { stream: await this.#streamOf(FRAMEWORK_ID), 'victim-stream': await this.#streamOf(VICTIM_ID) };
    const connection = await this.#connectionTo(server);
    connection.send(Buffer.concat(requests.map((one) => bytesOf(one, known))));
    for (const { expected, cutAt } of requests) {
      if (cutAt !== undefined) {
        connection.reset();
        break;
      }
      const answer = await connection.next();
      assertExpected(answer, expected);
      if (answer.isLast) connection.close();
    }
    return kind;
  }

  async conclude(): Promise<Readonly<Record<string, string>>> {
    for (const [server, address] of Object.entries(this.#addresses)) {
      const response = await fetch(`http://${address}/health`, { signal: AbortSignal.timeout(10_000) });
      if (response.status !== 200) throw new Error(`The ${server} answers /health with ${response.status}`);
    }
    const after = await this.#memory();
    const facts: Record<string, string> = {};
    for (const server of ['master', 'agent'] as const) {
      const before = this.#memoryAtStart[server];
      facts[`resident memory of the ${server}`] = `${mebibytes(before)} before, ${mebibytes(after[server])} after`;
      if (after[server] - before > GROWTH_BYTES_MAX) throw new Error(`The ${server} has grown: ${facts[server]}`);
    }
    return facts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of Object.values(this.#connections)) connection.close();
    for (const subscriber of this.#subscriptions.values()) subscriber.stop();
    await this.#cluster.stop();
  }

  async #connectionTo(server: Server): Promise<Connection> {
    const open = this.#connections[server];
    if (open?.isUsable === true) return open;
    open?.close();
    const connection = await Connection.open(this.#addresses[server]);
    this.#connections[server] = connection;
    return connection;
  }

  /** Of a framework that is subscribed; again when an input ended it. */
  async #streamOf(frameworkId: string): Promise<string> {
    const known = this.#subscriptions.get(frameworkId);
    if (known?.isOpen === true) return known.streamId;
    const subscriber = await Subscriber.start(this.#addresses.master, frameworkId);
    this.#subscriptions.set(frameworkId, subscriber);
    return subscriber.streamId;
  }

  async #memory(): Promise<Record<Server, number>> {
    const [agent] = this.#cluster.agents;
    return {
      master: await residentBytes(this.#cluster.masterDaemon.pid),
      agent: await residentBytes(agent?.daemon.pid ?? -1),
    };
  }
}

/** A framework that reads its events and does nothing. */
class Subscriber {
  readonly streamId: string;
  readonly #end = new AbortController();
  isOpen = true;

  private constructor(streamId: string) {
    this.streamId = streamId;
  }

  static async start(master: string, frameworkId: string): Promise<Subscriber> {
    const id = { value: frameworkId };
    const call = {
      type: 'SUBSCRIBE',
      framework_id: id,
      subscribe: { framework_info: { user: 'root', name: 'fuzz', id } },
    };
    const end = new AbortController();
    const response = await fetch(`http://${master}/api/v1/scheduler`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(call),
      signal: end.signal,
    });
    const subscriber = new Subscriber(response.headers.get('Mesos-Stream-Id') ?? '');
    subscriber.#end.signal.addEventListener('abort', () => end.abort());
    void subscriber.#drain(response);
    return subscriber;
  }

  stop(): void {
    this.#end.abort();
  }

  async #drain(response: Response): Promise<void> {
    try {
      for await (const _ of response.body ?? []);
    } catch (error) {
      if (!this.#end.signal.aborted) throw error;
    } finally {
      this.isOpen = false;
    }
  }
}

function assertExpected(answer: Answer | undefined, { statuses, text }: Expected): asserts answer is Answer {
  const wanted = `${statuses.join(' or ')}${text === undefined ? '' : ` ${String(text)}`}`;
  if (answer === undefined) throw new Error(`Expected ${wanted}, the connection ended without an answer`);
  const isText = text === undefined || (typeof text === 'string' ? answer.text === text : text.test(answer.text));
  if (statuses.includes(answer.status) && isText) return;
  throw new Error(`Expected ${wanted}, got ${answer.status} ${JSON.stringify(answer.text.slice(0, 500))}`);
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}

export const target: FuzzTarget = defineFuzzTarget<FuzzInput>({
  about: 'the HTTP surface of master and agent: methods, types, encodings, framing, calls, paths',
  inputs: fc.oneof(
    { weight: 3, arbitrary: schedulerInputs },
    { weight: 2, arbitrary: operatorInputs },
    { weight: 1, arbitrary: readInputs },
  ),
  start: async () => await HttpSession.start(),
});

/**
 * The volume plugin protocol, both sides: a plugin's server gets whatever bytes, its client whatever replies. Rules: no
 * crash, no hang, an answer or a named error of the right kind, bounded memory, and no call without a name at a driver.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DomainError } from '@drydock/base/errors';
import { waitUntil } from '@drydock/base/wait-until';
import { connectVolumeDriver, type VolumeDriverClient } from '@drydock/volume-plugin';
import {
  SkippingClock,
  startScriptedPlugin,
  type ScriptedAnswer,
  type ScriptedPlugin,
} from '@drydock/volume-plugin/fake';
import { defineFuzzTarget, type FuzzSession, type FuzzTarget } from '../fuzz-frame.ts';
import { pluginInputs, type ClientInput, type PluginInput, type ServerInput } from './plugin/inputs.ts';

/** Longer than the server's own limit for a request, so that it has to act first. */
const HANG_MS = 8_000;
/** How long the client waits for a plugin that says no more. */
const CALL_TIMEOUT_MS = 20;
/** Of a reply; more would only take time. */
const PIECE_COUNT_MAX = 500;
const SERVER_MIB_MAX = 256;
const CLIENT_MIB_MAX = 512;

/** A healthy request now and then shows that the server still serves. */
const PROBE_EVERY = 50;
const PROBE = 'POST /VolumeDriver.Mount HTTP/1.1\r\nHost: \r\nContent-Length: 12\r\n\r\n{"Name":"v"}';

/** What a server may say to any request. */
const STATUSES: ReadonlySet<string> = new Set(['100', '200', '400', '404', '408', '413', '417', '431']);

export const target: FuzzTarget = defineFuzzTarget<PluginInput>({
  about: 'the volume plugin protocol: hostile requests to its server, garbage answers to its client',
  inputs: pluginInputs,
  start: async () => await PluginSession.start(),
});

class PluginSession implements FuzzSession<PluginInput> {
  readonly #directory: string;
  #server: ChildProcess;
  readonly #answers: Record<string, ScriptedAnswer>;
  readonly #plugin: ScriptedPlugin;
  #fedCount = 0;
  #isEndTold = false;

  private constructor(parts: {
    directory: string;
    server: ChildProcess;
    answers: Record<string, ScriptedAnswer>;
    plugin: ScriptedPlugin;
  }) {
    this.#directory = parts.directory;
    this.#server = parts.server;
    this.#answers = parts.answers;
    this.#plugin = parts.plugin;
  }

  static async start(): Promise<PluginSession> {
    const directory = await mkdtemp(join(tmpdir(), 'fuzz-plugin-'));
    const server = await startServer(directory);
    const answers: Record<string, ScriptedAnswer> = {};
    const plugin = await startScriptedPlugin({ socketPath: join(directory, 'client.sock'), answers });
    return new PluginSession({ directory, server, answers, plugin });
  }

  async feed(input: PluginInput): Promise<string> {
    this.#fedCount++;
    // An input that ended the server is made smaller by feeding others like it, each to a server of its own.
    if (this.#isEndTold) this.#server = await startServer(this.#directory);
    this.#isEndTold = false;
    const outcome = input.to === 'server' ? await this.#feedServer(input) : await this.#feedClient(input);
    if (this.#fedCount % PROBE_EVERY === 0) await this.#probe();
    return `${input.to}: ${outcome}`;
  }

  async conclude(): Promise<Readonly<Record<string, string>>> {
    await this.#probe();
    const status = await readFile(`/proc/${this.#server.pid}/status`, 'utf8');
    const serverMiB = Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]) / 1024;
    const clientMiB = process.memoryUsage.rss() / 2 ** 20;
    if (!(serverMiB < SERVER_MIB_MAX))
      throw new Error(`The server took ${serverMiB} MiB, at most ${SERVER_MIB_MAX} expected`);
    if (clientMiB >= CLIENT_MIB_MAX)
      throw new Error(`The client takes ${clientMiB} MiB, at most ${CLIENT_MIB_MAX} expected`);
    return {
      "server's peak memory": `${serverMiB.toFixed(0)} MiB`,
      "this process's memory": `${clientMiB.toFixed(0)} MiB`,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#plugin[Symbol.asyncDispose]();
    if (!this.#hasEnded) {
      const exited = once(this.#server, 'exit');
      this.#server.stdin?.end();
      await exited;
    }
    await rm(this.#directory, { recursive: true });
  }

  async #feedServer({ pieces, end }: ServerInput): Promise<string> {
    const answer = await this.#exchange(pieces, end);
    // Silence is an answer only of a server that still serves.
    if (answer === '') await this.#probe();
    if (end === 'destroy') return 'left alone';
    const statuses = [...answer.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status = '']) => status);
    const wrong = statuses.find((status) => !STATUSES.has(status));
    if (wrong !== undefined) throw new Error(`The server answered with status ${wrong}:\n${answer.slice(0, 2_000)}`);
    if (answer !== '' && !answer.startsWith('HTTP/1.1 ')) throw new Error(`No HTTP: ${answer.slice(0, 200)}`);
    return statuses.length === 0 ? 'no answer' : `status ${statuses.at(-1)}`;
  }

  async #feedClient(input: ClientInput): Promise<string> {
    const { call, client, isEnded } = input;
    const pieceBytes = Math.max(input.pieceBytes, Math.ceil(input.reply.length / PIECE_COUNT_MAX));
    const reply = { raw: Buffer.from(input.reply, 'latin1'), isLast: isEnded, pieceBytes };
    const method = call === 'activate' ? 'Plugin.Activate' : `VolumeDriver.${call[0]?.toUpperCase()}${call.slice(1)}`;
    for (const key of Object.keys(this.#answers)) delete this.#answers[key];
    this.#answers[method] = reply;
    const bound = AbortSignal.timeout(HANG_MS);
    try {
      using driver = await connectVolumeDriver('client', {
        signal: bound,
        client,
        clock: new SkippingClock(),
        callTimeoutMs: CALL_TIMEOUT_MS * (isEnded ? 250 : 1),
        directories: { sockets: this.#directory, specs: [] },
      });
      await callDriver(driver, call, bound);
      return `an answer to ${call}`;
    } catch (error) {
      if (bound.aborted) throw new Error(`The client hangs in ${call}`, { cause: error });
      // Anything else is an error of the client, not of the plugin.
      if (!(error instanceof DomainError)) throw error;
      return error.code;
    }
  }

  /** What the server sends to `pieces` until the connection is over. */
  async #exchange(pieces: readonly string[], end: ServerInput['end']): Promise<string> {
    this.#assertAlive();
    const socket = connect({ path: join(this.#directory, 'server.sock') });
    const { promise: over, resolve, reject } = Promise.withResolvers<void>();
    const chunks: Buffer[] = [];
    socket.on('data', (bytes: Buffer) => chunks.push(bytes)).on('close', () => resolve());
    // A server may hang up while it is written to.
    socket.on('error', () => resolve());
    const timer = setTimeout(
      () => reject(new Error(`The server hangs; it sent ${Buffer.concat(chunks).toString()}`)),
      HANG_MS,
    );
    try {
      for (const piece of pieces) socket.write(piece, 'latin1');
      if (end === 'destroy') socket.destroy();
      else socket.end();
      await over;
    } finally {
      clearTimeout(timer);
      socket.destroy();
    }
    this.#assertAlive();
    return Buffer.concat(chunks).toString('latin1');
  }

  async #probe(): Promise<void> {
    const answer = await this.#exchange([PROBE], 'half-close');
    if (answer.endsWith('{"Mountpoint":"/mnt/v"}\n')) return;
    // A process that ends closes its sockets before its parent is told.
    await waitUntil(() => this.#hasEnded, { what: 'a silent server to end', timeoutMs: 1_000 }).catch(() => undefined);
    this.#assertAlive();
    throw new Error(`The server no longer serves: ${answer}`);
  }

  get #hasEnded(): boolean {
    return this.#server.exitCode !== null || this.#server.signalCode !== null;
  }

  #assertAlive(): void {
    if (!this.#hasEnded) return;
    this.#isEndTold = true;
    const { exitCode, signalCode } = this.#server;
    throw new Error(
      exitCode === 3 ? 'A call without a name reached the driver' : `The server ended with ${exitCode ?? signalCode}`,
    );
  }
}

async function startServer(directory: string): Promise<ChildProcess> {
  const program = join(import.meta.dirname, 'plugin', 'server.ts');
  const server = spawn(process.execPath, [program, join(directory, 'server.sock')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [first] = (await once(server.stdout, 'data')) as [Buffer];
  if (first.toString() !== 'ready\n') throw new Error(`Expected the server to be ready, got ${first.toString()}`);
  return server;
}

async function callDriver(driver: VolumeDriverClient, call: ClientInput['call'], signal: AbortSignal): Promise<void> {
  switch (call) {
    case 'activate':
      return; // done by connecting
    case 'create':
      return await driver.create('v', {}, { signal });
    case 'list':
      return void (await driver.list({ signal }));
    case 'capabilities':
      return void (await driver.capabilities({ signal }));
    default:
      return void (await driver[call]('v', { signal }));
  }
}

/** What all checks of a run share: the driver's place, the relay in front of it, the books. */
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, messageOf } from '@drydock/base/errors';
import { joinNamespace } from '@drydock/cluster';
import {
  dial,
  type ClientName,
  type DiscoveryDirectories,
  type PluginAddress,
  type VolumeOptions,
} from '@drydock/volume-plugin';
import { AgentSide } from '../driver/agent-side.ts';
import { RELAY_PLUGIN } from '../driver/check-client.ts';
import { locateDriver, type DriverLocation } from '../driver/driver-location.ts';
import { DriverProcess } from '../driver/driver-process.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { BarePlugin, isObject } from '../wire/bare-plugin.ts';
import { startRelay, type StartedRelay } from '../wire/relay.ts';
import { RealAgent } from '../driver/real-agent.ts';
import type { CleanUpParts } from './clean-up.ts';
import type { History } from './history.ts';
import type { Journal } from './journal.ts';
import { HarnessError } from './outcome.ts';

const DIAL_MS_MAX = 5_000;
const CLEAN_UP_MS_MAX = 30_000;
const SETTLE_MS_MAX = 200;

export interface PrepareOptions {
  readonly id: string;
  readonly manifest: Manifest;
  readonly createOptions: VolumeOptions;
  readonly secrets: readonly string[];
  readonly seed: number;
  readonly history: History;
  readonly journal: Journal;
  /** Ends the run. */
  readonly signal: AbortSignal;
  readonly rerunCommand: (id: string, client: ClientName | undefined) => string;
}

export class PreparedRun implements AsyncDisposable {
  readonly id: string;
  readonly manifest: Manifest;
  readonly createOptions: VolumeOptions;
  readonly secrets: readonly string[];
  readonly seed: number;
  readonly history: History;
  readonly journal: Journal;
  readonly signal: AbortSignal;
  readonly rerunCommand: PrepareOptions['rerunCommand'];
  readonly location: DriverLocation;
  readonly agentSide: AgentSide;
  readonly driver: DriverProcess;
  /** Where clients find the relay. */
  readonly relayDirectories: DiscoveryDirectories;
  readonly #relay: StartedRelay;
  readonly #resources: AsyncDisposableStack;
  #realAgent: Promise<RealAgent> | undefined;
  readonly #issued = new Set<string>();

  private constructor(
    options: PrepareOptions,
    parts: {
      readonly location: DriverLocation;
      readonly agentSide: AgentSide;
      readonly relay: StartedRelay;
      readonly directory: string;
      readonly resources: AsyncDisposableStack;
    },
  ) {
    this.id = options.id;
    this.manifest = options.manifest;
    this.createOptions = options.createOptions;
    this.secrets = options.secrets;
    this.seed = options.seed;
    this.history = options.history;
    this.journal = options.journal;
    this.signal = options.signal;
    this.rerunCommand = options.rerunCommand;
    this.location = parts.location;
    this.agentSide = parts.agentSide;
    this.#relay = parts.relay;
    this.#resources = parts.resources;
    this.relayDirectories = { sockets: parts.directory, specs: [] };
    const { address } = parts.location;
    this.driver = new DriverProcess({
      manifest: options.manifest,
      socketPath: address.kind === 'unix' ? address.socketPath : undefined,
      side: parts.agentSide,
      history: options.history,
    });
  }

  /** Finds the driver and stands in front of it. @throws HarnessError when there is none */
  static async start(options: PrepareOptions): Promise<PreparedRun> {
    const { manifest, history, signal } = options;
    await using resources = new AsyncDisposableStack();
    const directory = await mkdtemp(join(tmpdir(), 'drydock-certify-'));
    resources.defer(async () => await rm(directory, { recursive: true, force: true }));
    await options.journal.directory(directory);
    const agentSide = new AgentSide(await holdNamespace(manifest, directory, resources), history, signal);
    const location = await locateDriver(manifest, (path) => agentSide.pathFromHere(path));
    const relay = resources.use(
      await startRelay({
        socketPath: join(directory, `${RELAY_PLUGIN}.sock`),
        dial: async () =>
          await dial(fromHere(location.address, agentSide), 'certify', AbortSignal.timeout(DIAL_MS_MAX)),
        onExchange: (exchange) => history.exchange(exchange),
      }),
    );
    // A real agent's dvdcli finds the relay by the driver's own name.
    if (manifest.name !== RELAY_PLUGIN) await symlink(relay.socketPath, join(directory, `${manifest.name}.sock`));
    return new PreparedRun(options, { location, agentSide, relay, directory, resources: resources.move() });
  }

  /** A master and an agent where the Mesos agent would run; started when it is first asked for, and shared by checks. */
  async realAgent(): Promise<RealAgent> {
    this.#realAgent ??= RealAgent.start({
      namespaceOf: this.agentSide.pid ?? process.pid,
      pluginDirectory: this.relayDirectories.sockets,
      driver: this.manifest.name,
      history: this.history,
      onMount: async (volume) => {
        this.mustBeOurs(volume);
        await this.journal.mount(volume);
      },
    });
    return await this.#realAgent;
  }

  /** Ends the agent that checks share: the next one that asks gets another. */
  async dropRealAgent(): Promise<void> {
    const agent = this.#realAgent;
    this.#realAgent = undefined;
    // One that did not start has nothing to stop; the check that asked for it has the error.
    await (await agent?.catch(() => undefined))?.[Symbol.asyncDispose]();
  }

  /** The bare protocol, for work that ends with `signal`. */
  plugin(signal: AbortSignal): BarePlugin {
    const { budgets } = this.manifest;
    return new BarePlugin({
      socketPath: this.#relay.socketPath,
      timeoutMs: (method) => (method === 'VolumeDriver.Mount' ? budgets.mountMs : budgets.callMs),
      signal,
      onCall: async (method, body) => await this.#keepBooks(method, body),
    });
  }

  /** What clean-up works with: also after the run was interrupted, and in bounded time. */
  cleanUpParts(): CleanUpParts {
    return { manifest: this.manifest, plugin: this.plugin(AbortSignal.timeout(CLEAN_UP_MS_MAX)) };
  }

  /** Waits, a little, until the history has everything that was asked so far. */
  async settled(): Promise<void> {
    await this.#relay.settled(SETTLE_MS_MAX);
  }

  /** A name that is nobody else's, in the journal. */
  async newVolume(
    checkId: string,
    name = `cert-${this.id}-${checkId.toLowerCase()}-${this.#issued.size + 1}`,
  ): Promise<string> {
    this.#issued.add(name);
    await this.journal.volume(name);
    return name;
  }

  /** Lets clean-up speak of what an earlier run has left. */
  adopt(name: string): void {
    this.#issued.add(name);
  }

  /** Nothing is sent to the driver of a volume that this run did not name. */
  mustBeOurs(name: string): void {
    assert(this.#issued.has(name), `'${name}' is a name that context.volume() gave`);
  }

  async #keepBooks(method: string, body: unknown): Promise<void> {
    const request = typeof body === 'string' ? parseOrNothing(body) : body;
    if (!isObject(request) || typeof request['Name'] !== 'string' || request['Name'] === '') return;
    this.mustBeOurs(request['Name']);
    if (method !== 'VolumeDriver.Mount') return;
    const id = request['ID'];
    await this.journal.mount(request['Name'], typeof id === 'string' && id !== '' ? id : undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dropRealAgent();
    await this.#resources.disposeAsync();
  }
}

/** The process that holds the agent's namespace; undefined: this one does. It must outlive the driver, which checks end. */
async function holdNamespace(
  { namespace }: Manifest,
  directory: string,
  resources: AsyncDisposableStack,
): Promise<number | undefined> {
  if (namespace === 'host') return undefined;
  const env = { PATH: process.env['PATH'] ?? '' };
  try {
    return resources.use(await joinNamespace({ pid: namespace.pid, directory, env })).pid;
  } catch (error) {
    throw new HarnessError(messageOf(error), 'see that `namespace.pid` is right, and run the suite as root', {
      cause: error,
    });
  }
}

function fromHere(address: PluginAddress, side: AgentSide): PluginAddress {
  return address.kind === 'unix' ? { kind: 'unix', socketPath: side.pathFromHere(address.socketPath) } : address;
}

function parseOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // a check sends what is no JSON
  }
}

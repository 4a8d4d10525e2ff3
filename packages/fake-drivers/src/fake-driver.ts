/** A fake driver that serves the plugin protocol on a unix socket: a profile's behaviour, with faults on demand. */
import { mkdir, realpath, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { assert, messageOf } from '@drydock/base/errors';
import { systemClock, systemFiles, systemRandom } from '@drydock/base/ports';
import {
  createPluginRouter,
  startUnixHttpServer,
  type HttpAnswer,
  type HttpRequest,
  type PluginCall,
  type StartedUnixHttpServer,
} from '@drydock/volume-plugin/server';
import { OWN_OPTION_PREFIX } from './create-request.ts';
import { routeControl } from './control.ts';
import type { DriverEngine, EnginePorts } from './driver-engine.ts';
import { applyFault, type FaultEffects } from './faults/apply-fault.ts';
import type { FaultAction } from './faults/fault-action.ts';
import { FaultPlan } from './faults/fault-plan.ts';
import { MisuseWatch, type Misuse } from './misuse.ts';
import { openEngine, type OpenedEngine, type OpenEngineOptions } from './open-engine.ts';
import type { DriverProfile, StoreKind } from './profile.ts';
import { damageState, type StateDamage } from './records/record-book.ts';
import { createSeededRandom, type SeededRandom } from '@drydock/base/seeded-random';
import { parseFirstJson } from '@drydock/volume-plugin';
import { createVolumeDriverHandlers } from './volume-driver-handlers.ts';

export interface FakeDriverOptions {
  readonly socketPath: string;
  readonly profile: DriverProfile;
  /** Holds everything that survives the driver: records below `volumes`, data below `data` unless said otherwise. */
  readonly directory: string;
  readonly dataDirectory?: string;
  /** Default: the profile's. */
  readonly store?: StoreKind;
  /** What several nodes share; default: something of this driver's own. */
  readonly shared?: OpenEngineOptions['shared'];
  /** The cluster that the store `glusterfs` mounts from. */
  readonly servers?: OpenEngineOptions['servers'];
  /** Terms as `FaultPlan` reads them; default: none. */
  readonly faults?: string;
  /** Of latencies and of faults with a percentage. Default: drawn, see `seed` of what is started. */
  readonly seed?: number;
  /** How a `crash` fault ends the driver. Default: it stops to serve, as if killed; a program ends itself. */
  readonly onCrash?: () => void;
  /** Answers what is neither of the plugin protocol nor of the control endpoint; undefined = nothing does. */
  readonly fallback?: (request: HttpRequest, engine: DriverEngine) => Promise<HttpAnswer | undefined>;
  readonly ports?: EnginePorts;
}

/** A plugin call that a fake driver got. */
export interface RecordedRequest extends PluginCall {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** How it was answered; absent while it is in the making. */
  readonly outcome?: 'done' | 'refused' | 'no-answer';
}

/** A fake driver that serves. */
export interface StartedFakeDriver extends AsyncDisposable {
  readonly socketPath: string;
  readonly profile: DriverProfile;
  /** Repeats the run's random choices. */
  readonly seed: number;
  /** Of the service that knows the volumes, where the profile has one. */
  readonly endpoint: string | undefined;
  /** The engine that serves now; another one after a `restart`. */
  readonly engine: DriverEngine;
  /** The latest 10,000 plugin calls, oldest first. */
  requests(): readonly RecordedRequest[];
  /** What clients did wrong. */
  misuses(): readonly Misuse[];
  /** The faults in force. */
  readonly faults: string;
  /** Replaces the faults. @throws FaultSyntaxError */
  useFaults(faults: string): void;
  /** Opens its state anew, as a driver does that died and is started again. */
  restart(state?: StateDamage): Promise<void>;
  /** Ends with the calls in the making; mounted volumes stay mounted, unless the profile says otherwise. */
  stop(options?: { readonly unmountsAll?: boolean }): Promise<void>;
}

const REQUESTS_MAX = 10_000;

/**
 * Opens the volumes of an earlier run and serves them.
 * @throws FaultSyntaxError, BrokenRecordError, SocketInUseError, UnusableStoreError
 */
export async function startFakeDriver(options: FakeDriverOptions): Promise<StartedFakeDriver> {
  const driver = await FakeDriver.open(options);
  try {
    await driver.serve();
  } catch (error) {
    await driver.stop();
    throw error;
  }
  return driver;
}

class FakeDriver implements StartedFakeDriver {
  readonly #options: FakeDriverOptions;
  readonly #ports: EnginePorts;
  readonly #random: SeededRandom;
  readonly #directory: string;
  readonly #stopping = new AbortController();
  readonly #requests: RecordedRequest[] = [];
  readonly #misuse = new MisuseWatch();
  readonly #volumeFaults = new Map<string, FaultPlan>();
  #faults: FaultPlan;
  #opened: OpenedEngine | undefined;
  #server: StartedUnixHttpServer | undefined;
  #stopped: Promise<void> | undefined;

  private constructor(options: FakeDriverOptions, directory: string, faults: FaultPlan, seed: number) {
    this.#options = options;
    this.#ports = options.ports ?? { files: systemFiles, clock: systemClock, random: systemRandom };
    this.#random = createSeededRandom(seed);
    this.#directory = directory;
    this.#faults = faults;
  }

  static async open(options: FakeDriverOptions): Promise<FakeDriver> {
    const faults = FaultPlan.parse(options.faults ?? '');
    await mkdir(options.directory, { recursive: true });
    const seed = options.seed ?? Number.parseInt(systemRandom.hex(4), 16);
    const driver = new FakeDriver(options, await realpath(options.directory), faults, seed);
    await driver.#openEngine();
    return driver;
  }

  async serve(): Promise<void> {
    const { fallback, socketPath, profile } = this.#options;
    const router = createPluginRouter({
      handlers: createVolumeDriverHandlers(() => this.engine),
      style: profile.replyStyle,
      missingCalls: profile.missingCalls,
      takesEmptyNames: true, // what a real driver says to one is the profile's to say
      intercept: async (call, proceed) => await this.#answer(call, proceed),
    });
    this.#server = await startUnixHttpServer({
      socketPath,
      handle: async (request) =>
        (await router.route(request)) ??
        (await routeControl(request, this)) ??
        (await fallback?.(request, this.engine)) ??
        router.notFound(request),
    });
  }

  get socketPath(): string {
    return this.#options.socketPath;
  }

  get profile(): DriverProfile {
    return this.#options.profile;
  }

  get seed(): number {
    return this.#random.seed;
  }

  get engine(): DriverEngine {
    assert(this.#opened !== undefined, 'the driver was opened');
    return this.#opened.engine;
  }

  get endpoint(): string | undefined {
    return this.#opened?.endpoint;
  }

  get faults(): string {
    return this.#faults.text;
  }

  requests(): readonly RecordedRequest[] {
    return [...this.#requests];
  }

  misuses(): readonly Misuse[] {
    return this.#misuse.list();
  }

  useFaults(faults: string): void {
    this.#faults = FaultPlan.parse(faults);
  }

  async restart(state: StateDamage = 'kept'): Promise<void> {
    await damageState(join(this.#directory, 'volumes'), state, this.#ports.files);
    await this.#opened?.[Symbol.asyncDispose]();
    await this.#openEngine();
  }

  async stop(options: { readonly unmountsAll?: boolean } = {}): Promise<void> {
    this.#stopped ??= this.#stop(options.unmountsAll ?? this.profile.onStop === 'unmount');
    await this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(unmountsAll: boolean): Promise<void> {
    this.#stopping.abort(new Error('the driver stops'));
    await this.#server?.stop();
    if (unmountsAll) await this.engine.unmountAll();
    await this.#opened?.[Symbol.asyncDispose]();
  }

  async #openEngine(): Promise<void> {
    const { profile, store, shared, servers, dataDirectory } = this.#options;
    this.#opened = await openEngine({
      profile,
      directory: this.#directory,
      ports: this.#ports,
      random: this.#random,
      signal: this.#stopping.signal,
      ...(dataDirectory === undefined ? {} : { dataDirectory }),
      ...(store === undefined ? {} : { store }),
      ...(shared === undefined ? {} : { shared }),
      ...(servers === undefined ? {} : { servers }),
    });
    for (const { name, isMounted } of this.#opened.records.list()) this.#misuse.knows(name, isMounted);
  }

  /** Records the call, lets its fault happen, and tells the watch how it ended. */
  async #answer(call: PluginCall, proceed: () => Promise<HttpAnswer>): Promise<HttpAnswer> {
    const recorded: RecordedRequest = { ...call, at: this.#ports.clock.now() };
    this.#requests.push(recorded);
    if (this.#requests.length > REQUESTS_MAX) this.#requests.shift();
    this.#takeVolumeFaults(call);
    let isDone = false;
    const watched = async (): Promise<HttpAnswer> => {
      await this.#takeTime(call);
      const answer = await proceed();
      isDone = isSuccess(answer);
      return answer;
    };
    let answer: HttpAnswer;
    try {
      answer = await applyFault(this.#nextFault(call), call, watched, this.#effects());
    } catch (error) {
      answer = { status: 500, contentType: 'text/plain; charset=utf-8', body: `${messageOf(error)}\n` };
    }
    const outcome = typeof answer === 'string' ? 'no-answer' : isSuccess(answer) ? 'done' : 'refused';
    const at = this.#requests.lastIndexOf(recorded); // near the end, where calls in the making are
    if (at !== -1) this.#requests[at] = { ...recorded, outcome };
    this.#misuse.hear(call, { isDone, at: recorded.at });
    if (isDone && call.method === 'VolumeDriver.Remove') this.#volumeFaults.delete(call.request.Name);
    return answer;
  }

  #nextFault({ method, request }: PluginCall): FaultAction {
    const { Name: name } = request;
    return (
      this.#volumeFaults.get(name)?.next(method, name, this.#random) ??
      this.#faults.next(method, name, this.#random) ?? { kind: 'off' }
    );
  }

  /** `drydock.faults` in the options of a Create: faults of that volume. */
  #takeVolumeFaults({ method, request }: PluginCall): void {
    const faults = request.Opts[`${OWN_OPTION_PREFIX}faults`];
    if (method !== 'VolumeDriver.Create' || faults === undefined) return;
    this.#volumeFaults.set(request.Name, FaultPlan.parse(faults).forVolume(request.Name));
  }

  async #takeTime({ method }: PluginCall): Promise<void> {
    if (method === 'Plugin.Activate') return;
    const latency = this.profile.latencyMs[method];
    if (latency === undefined) return;
    await this.#ports.clock.sleep(this.#random.between(latency[0], latency[1]), { signal: this.#stopping.signal });
  }

  #effects(): FaultEffects {
    return {
      style: this.profile.replyStyle,
      clock: this.#ports.clock,
      random: this.#random,
      signal: this.#stopping.signal,
      crash: this.#options.onCrash ?? (() => this.#server?.kill()),
      restart: async (state) => await this.restart(state),
      link: async (target) => {
        const path = join(this.#directory, 'links', Buffer.from(target).toString('hex').slice(-200));
        await mkdir(join(this.#directory, 'links'), { recursive: true });
        await rm(path, { force: true });
        await symlink(target, path);
        return path;
      },
    };
  }
}

function isSuccess(answer: HttpAnswer): boolean {
  if (typeof answer === 'string' || answer.status !== 200) return false;
  try {
    const value = parseFirstJson(answer.body);
    return typeof value === 'object' && value !== null && (!('Err' in value) || value.Err === '');
  } catch {
    return false; // no JSON, which is no success either
  }
}

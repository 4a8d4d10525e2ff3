/** A fake driver that serves the plugin protocol on a unix socket: a profile's behaviour, with faults on demand. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { assertNever } from '@drydock/base/errors';
import { systemClock, systemFiles, systemRandom } from '@drydock/base/ports';
import {
  createPluginRouter,
  replyStyles,
  startUnixHttpServer,
  type HttpAnswer,
  type HttpRequest,
  type PluginCall,
} from '@drydock/volume-plugin/server';
import { DriverEngine, type EnginePorts } from './driver-engine.ts';
import { FaultPlan } from './fault-plan.ts';
import type { DriverProfile } from './profile.ts';
import { createDirectoryStore } from './store/directory-store.ts';
import { openExt4LoopStore } from './store/ext4-loop-store.ts';
import { createVolumeDriverHandlers } from './volume-driver-handlers.ts';

export interface FakeDriverOptions {
  readonly socketPath: string;
  readonly profile: DriverProfile;
  /** Holds everything that survives the driver: records below `volumes`, data below `data` unless said otherwise. */
  readonly directory: string;
  readonly dataDirectory?: string;
  /** Terms as `FaultPlan` reads them; default: none. */
  readonly faults?: string;
  /** Answers what is not of the plugin protocol; undefined = nothing does. */
  readonly fallback?: (request: HttpRequest, engine: DriverEngine) => Promise<HttpAnswer | undefined>;
  readonly ports?: EnginePorts;
}

/** A plugin call that a fake driver got. */
export interface RecordedRequest extends PluginCall {
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A fake driver that serves. */
export interface StartedFakeDriver extends AsyncDisposable {
  readonly socketPath: string;
  readonly engine: DriverEngine;
  /** The latest 10,000 plugin calls, oldest first. */
  requests(): readonly RecordedRequest[];
  /** Replaces the faults. @throws FaultSyntaxError */
  useFaults(faults: string): void;
  /** Ends with the calls in the making; mounted volumes stay mounted. */
  stop(): Promise<void>;
}

const REQUESTS_MAX = 10_000;

/**
 * Opens the volumes of an earlier run and serves them.
 * @throws FaultSyntaxError, BrokenRecordError, SocketInUseError
 */
export async function startFakeDriver(options: FakeDriverOptions): Promise<StartedFakeDriver> {
  const { socketPath, profile, directory, fallback } = options;
  const ports = options.ports ?? { files: systemFiles, clock: systemClock, random: systemRandom };
  let faults = FaultPlan.parse(options.faults ?? '');
  const dataDirectory = options.dataDirectory ?? join(directory, 'data');
  await mkdir(dataDirectory, { recursive: true });
  const store =
    profile.store === 'directory' ? createDirectoryStore(dataDirectory) : await openExt4LoopStore(dataDirectory);
  const recordsDirectory = join(directory, 'volumes');
  const engine = await DriverEngine.open({ profile, store, recordsDirectory, ports });
  const requests: RecordedRequest[] = [];
  const router = createPluginRouter({
    handlers: createVolumeDriverHandlers(engine),
    style: profile.replyStyle,
    async intercept(call) {
      requests.push({ ...call, at: ports.clock.now() });
      if (requests.length > REQUESTS_MAX) requests.shift();
      return await applyFault(faults, call, profile, ports);
    },
  });
  const server = await startUnixHttpServer({
    socketPath,
    handle: async (request) =>
      (await router.route(request)) ?? (await fallback?.(request, engine)) ?? router.notFound(request),
  });
  return {
    socketPath,
    engine,
    requests: () => [...requests],
    useFaults: (terms) => {
      faults = FaultPlan.parse(terms);
    },
    stop: async () => await server.stop(),
    [Symbol.asyncDispose]: async () => await server.stop(),
  };
}

async function applyFault(
  faults: FaultPlan,
  call: PluginCall,
  profile: DriverProfile,
  ports: EnginePorts,
): Promise<HttpAnswer | undefined> {
  const style = replyStyles[profile.replyStyle];
  const action = faults.next(call.method);
  switch (action.kind) {
    case 'off':
      return undefined;
    case 'error':
      return style.failure(action.text);
    case 'mountpoint':
      return style.success({ Mountpoint: action.path });
    case 'malformed':
      return { status: 200, contentType: 'application/json', body: '{"Mountpoint": "/' };
    case 'empty':
      return { status: 200, contentType: 'application/json', body: '' };
    case 'hang':
      return 'no-reply';
    case 'delay':
      await ports.clock.sleep(action.ms);
      return undefined;
    default:
      return assertNever(action);
  }
}

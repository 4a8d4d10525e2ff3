/** The Docker Engine that clusters in containers run on: one that can be reached, or one of our own. */
import { randomUUID } from 'node:crypto';
import { getContainerRuntimeClient, type ContainerRuntimeClient } from 'testcontainers';
import { run } from '@drydock/base/subprocess';
import { ensureHostImage, HOST_IMAGE_VARIABLE } from './host-image/host-image.ts';
import { startOwnEngine, type OwnEngine } from './own-engine.ts';

/** An engine, and how it was come by. */
export interface FoundEngine extends AsyncDisposable {
  /** For people: `Docker Engine 20.10.24, of our own, since none was reachable`. */
  readonly description: string;
  /** Its log, where it is ours. */
  readonly logPath: string | undefined;
}

/**
 * Finds the engine that the environment names (`DOCKER_HOST`, or the usual socket) or starts one, which ends with the
 * disposal or with this process. This process's environment then names it, for testcontainers and for child processes.
 * @throws EngineFailedError
 */
export async function findEngine(): Promise<FoundEngine> {
  const version = await reachableVersion();
  if (version !== undefined) {
    return {
      description: `Docker Engine ${version}, found`,
      logPath: undefined,
      [Symbol.asyncDispose]: async () => undefined, // It is not ours.
    };
  }
  const engine = await startOwnEngine();
  const before = Object.keys(engine.env).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, engine.env);
  return {
    description: `Docker Engine ${await reachableVersion()}, of our own, since none was reachable`,
    logPath: engine.logPath,
    [Symbol.asyncDispose]: async () => await endEngine(engine, before),
  };
}

/**
 * An engine with the image of the hosts in it, said to this process's environment, so that child processes neither look
 * for an engine nor build the image again.
 * @throws EngineFailedError, MissingProgramError, HostImageError
 */
export async function prepareEngine(): Promise<FoundEngine> {
  const engine = await findEngine();
  try {
    const image = await ensureHostImage(await engineClient());
    process.env[HOST_IMAGE_VARIABLE] = image.host;
    process.env['RYUK_CONTAINER_IMAGE'] ??= image.reaper;
    return { ...engine, description: `${engine.description}; ${image.description}` };
  } catch (error) {
    await engine[Symbol.asyncDispose]();
    throw error;
  }
}

async function endEngine(engine: OwnEngine, before: readonly (readonly [string, string | undefined])[]): Promise<void> {
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  await engine.stop();
}

/** Of the engine that the environment names; undefined when it does not answer. */
async function reachableVersion(): Promise<string | undefined> {
  const argv = ['docker', 'version', '--format={{.Server.Version}}'] as const;
  const { exitCode, stdout } = await run(argv, { timeoutMs: 20_000 });
  return exitCode === 0 ? stdout.trim() : undefined;
}

/** The client that testcontainers uses. */
export async function engineClient(): Promise<ContainerRuntimeClient> {
  return await getContainerRuntimeClient();
}

/** Names what belongs together: `drydock-1a2b3c4d`. */
export function newRunName(): string {
  return `drydock-${randomUUID().slice(0, 8)}`;
}

/**
 * The image of a host: what an agent needs to launch containers, and this checkout's products. Built from what this
 * machine has and loaded into the engine, without any registry; named by its content, so that equal images are built and
 * loaded once.
 */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { messageOf } from '@drydock/base/errors';
import type { ContainerRuntimeClient } from 'testcontainers';
import { ensureLayer, removeOtherLayers, toArchive, type ImageToLoad } from './image-archive.ts';
import { HostImageError } from './host-image-error.ts';
import { digestOf } from './image-file.ts';
import { machinePrograms } from './machine-programs.ts';
import { PROJECT_DIRECTORY, projectFiles } from './project-files.ts';
import { buildPublicImage } from './public-image.ts';

export interface HostImage {
  /** What containers of hosts are started from. */
  readonly host: string;
  /** Speaks the protocol of testcontainers' reaper. */
  readonly reaper: string;
  /** For people: what it was made of. */
  readonly description: string;
}

/** What the image is made of, `machine` or `public`, or the name of one that is in the engine. */
export const HOST_IMAGE_VARIABLE = 'DRYDOCK_HOST_IMAGE';

/** Where the layers are kept between runs. */
const LAYERS_DIRECTORY = fileURLToPath(new URL('../../../../../.drydock/host-image', import.meta.url));
/** testcontainers' own reaper. @see testcontainers/build/reaper/reaper.js */
const RYUK_IMAGE = 'testcontainers/ryuk:0.14.0';

const PULL_MS_MAX = 120_000;

const IDLE = ['/usr/bin/tini-static', '--', 'sh', `${PROJECT_DIRECTORY}/packages/cluster/host/boot.sh`];
const REAPER = ['node', `${PROJECT_DIRECTORY}/packages/cluster/host/reaper.ts`];

/** One build at a time and one per process, since everything in it is the same until the process ends. */
let ensuring: Promise<HostImage> | undefined;

/** Builds and loads what is missing. @throws MissingProgramError, HostImageError */
export async function ensureHostImage(client: ContainerRuntimeClient): Promise<HostImage> {
  ensuring ??= ensure(client);
  return await ensuring;
}

async function ensure(client: ContainerRuntimeClient): Promise<HostImage> {
  const wanted = process.env[HOST_IMAGE_VARIABLE] ?? (process.platform === 'linux' ? 'machine' : 'public');
  if (wanted !== 'machine' && wanted !== 'public') return await existing(client, wanted);
  const project = await projectFiles();
  const projectKey = await digestOf(project);
  if (wanted === 'public') {
    const host = `drydock/host:public-${projectKey.slice(0, 16)}`;
    if (!(await isInEngine(client, host))) await buildPublicImage(host);
    return { host, reaper: RYUK_IMAGE, description: `${host}, from public images` };
  }
  const programs = await machinePrograms();
  const programsKey = await digestOf(programs);
  const tag = `${programsKey.slice(0, 12)}-${projectKey.slice(0, 12)}`;
  const images: readonly ImageToLoad[] = [
    { name: `drydock/host:${tag}`, command: IDLE },
    { name: `drydock/reaper:${tag}`, command: REAPER },
  ];
  const isLoaded = await Promise.all(images.map(async ({ name }) => await isInEngine(client, name)));
  if (isLoaded.includes(false)) {
    const layers = [
      await ensureLayer(LAYERS_DIRECTORY, programsKey, programs),
      await ensureLayer(LAYERS_DIRECTORY, projectKey, project),
    ];
    await load(client, async () => await toArchive(LAYERS_DIRECTORY, layers, images));
    await removeOtherLayers(LAYERS_DIRECTORY, [programsKey, projectKey]);
  }
  const canPull = await canHaveImage(client, RYUK_IMAGE);
  return {
    host: `drydock/host:${tag}`,
    reaper: canPull ? RYUK_IMAGE : `drydock/reaper:${tag}`,
    description: `drydock/host:${tag}, from this machine's programs; reaper: ${canPull ? RYUK_IMAGE : 'our stand-in'}`,
  };
}

/** Whether a public image is in the engine or can be pulled; an engine without a registry says no in milliseconds. */
async function canHaveImage(client: ContainerRuntimeClient, name: string): Promise<boolean> {
  if (await isInEngine(client, name)) return true;
  try {
    const pulling = (await client.container.dockerode.pull(name, {
      abortSignal: AbortSignal.timeout(PULL_MS_MAX),
    })) as NodeJS.ReadableStream;
    for await (const _progress of pulling) continue;
    return await isInEngine(client, name);
  } catch {
    return false; // No registry can be reached, or it does not have it: both have the same remedy.
  }
}

/** What the engine says of a load that failed, and what it says once in a while of one that would do again. */
const TRANSIENT = /Error cleaning up after pivot|device or resource busy/;
const LOAD_ATTEMPTS_MAX = 3;

async function load(client: ContainerRuntimeClient, toStream: () => Promise<Readable>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const problem = await loadOnce(client, await toStream());
    if (problem === undefined) return;
    if (attempt === LOAD_ATTEMPTS_MAX || !TRANSIENT.test(problem)) {
      throw new HostImageError(`Failed to load the image of a host into the Docker Engine: ${problem}`);
    }
  }
}

/** Gives what went wrong. */
async function loadOnce(client: ContainerRuntimeClient, archive: Readable): Promise<string | undefined> {
  try {
    const answer = await client.container.dockerode.loadImage(archive, { quiet: true });
    let problem: string | undefined;
    for await (const line of createInterface({ input: answer })) {
      if (line.trim() === '') continue;
      problem ??= (JSON.parse(line) as { readonly error?: string }).error;
    }
    return problem;
  } catch (error) {
    return messageOf(error);
  }
}

/** An image that somebody has built. */
async function existing(client: ContainerRuntimeClient, name: string): Promise<HostImage> {
  if (await isInEngine(client, name)) return { host: name, reaper: RYUK_IMAGE, description: `${name}, as given` };
  throw new HostImageError(
    `Expected ${HOST_IMAGE_VARIABLE} to be 'machine', 'public' or an image in the Docker Engine, got '${name}'`,
  );
}

async function isInEngine(client: ContainerRuntimeClient, name: string): Promise<boolean> {
  const found = await client.container.dockerode.listImages({ filters: { reference: [name] } });
  return found.length > 0;
}

/** One host by itself, in which what needs Linux and root can be run on any machine with a Docker Engine. */
import { getReaper, LABEL_TESTCONTAINERS_SESSION_ID } from 'testcontainers';
import { RUN_ID_VARIABLE } from '../leaks.ts';
import { engineClient, newRunName, prepareEngine } from './engine.ts';
import { StartedHost } from './host-container.ts';
import { RUN_LABEL, startNetwork } from './run-network.ts';
import { HOST_IMAGE_VARIABLE } from './host-image/host-image.ts';

export interface SingleHost extends AsyncDisposable {
  readonly host: StartedHost;
  /** For people: which engine it runs on, what its image is made of. */
  readonly description: string;
}

/**
 * Resolves when it has booted. Disposing removes it, its disk, and the engine where that is ours.
 * @throws EngineFailedError, MissingProgramError, HostImageError
 */
export async function startSingleHost(): Promise<SingleHost> {
  await using stack = new AsyncDisposableStack();
  const engine = stack.use(await prepareEngine());
  const client = await engineClient();
  const name = newRunName();
  const { sessionId } = await getReaper(client);
  const labels = { [RUN_LABEL]: name, [LABEL_TESTCONTAINERS_SESSION_ID]: sessionId };
  const network = await startNetwork(client, name, labels);
  stack.defer(async () => await network.stop());
  await client.container.dockerode.createVolume({ Name: name, Labels: labels });
  stack.defer(async () => await client.container.dockerode.getVolume(name).remove());
  const host = await StartedHost.start({
    image: process.env[HOST_IMAGE_VARIABLE] ?? '',
    name: 'host',
    network: network.name,
    labels,
    volumes: [{ volume: name, target: '/var/lib' }],
    ports: [],
    environment: { [RUN_ID_VARIABLE]: name, TMPDIR: '/var/lib/drydock' },
    programs: [],
  });
  stack.use(host);
  const owned = stack.move();
  return {
    host,
    description: engine.description,
    [Symbol.asyncDispose]: async () => await owned.disposeAsync(),
  };
}

/** The network of a run, with its labels. */
import type { ContainerRuntimeClient } from 'testcontainers';

/** On every container, network and volume of a run. */
export const RUN_LABEL = 'drydock.run';

export interface RunNetwork {
  readonly name: string;
  /** Its containers have to be gone. */
  stop(): Promise<void>;
}

export async function startNetwork(
  client: ContainerRuntimeClient,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<RunNetwork> {
  const network = await client.container.dockerode.createNetwork({
    Name: name,
    Driver: 'bridge',
    Labels: { ...labels },
  });
  return {
    name,
    stop: async () => {
      await network.remove();
    },
  };
}

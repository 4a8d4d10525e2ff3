/**
 * The image of a host on top of public images, for engines of machines whose own programs are of no use in a container
 * (macOS, Windows) and for whoever prefers them: `DRYDOCK_HOST_IMAGE=public`.
 */
import { fileURLToPath } from 'node:url';
import { GenericContainer } from 'testcontainers';
import { messageOf } from '@drydock/base/errors';
import { HostImageError } from './host-image-error.ts';

const ROOT = fileURLToPath(new URL('../../../../..', import.meta.url));
const DOCKERFILE = 'packages/cluster/host/Dockerfile';

/** Builds it with the checkout as its context. @throws HostImageError with the remedy, where no registry can be reached */
export async function buildPublicImage(name: string): Promise<void> {
  try {
    await GenericContainer.fromDockerfile(ROOT, DOCKERFILE).build(name, { deleteOnExit: false });
  } catch (error) {
    throw new HostImageError(
      `Failed to build ${name} from ${DOCKERFILE}, which needs a registry: ${messageOf(error)}. On Linux, DRYDOCK_HOST_IMAGE=machine needs none`,
      { cause: error },
    );
  }
}

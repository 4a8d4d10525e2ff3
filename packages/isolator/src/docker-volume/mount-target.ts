/**
 * Where a volume appears in the container: the document's table.
 *
 * | container_path | container with rootfs            | container without rootfs     |
 * |----------------|----------------------------------|------------------------------|
 * | absolute       | made in the container if missing | must exist on the host       |
 * | relative       | made in the sandbox              | made in the sandbox          |
 *
 * With a rootfs the runtime resolves and creates the target inside the container's root, so that links of an image never
 * reach the host.
 */
import { posix } from 'node:path';
import { DomainError, messageOf } from '@drydock/base/errors';
import type { FileSystemPort } from '@drydock/base/ports';

/** The container_path cannot be a mount target. */
export class MountTargetError extends DomainError<'MOUNT_TARGET_INVALID'> {
  readonly code = 'MOUNT_TARGET_INVALID';
  readonly containerPath: string;

  constructor(containerPath: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.containerPath = containerPath;
  }
}

export interface MountTargetOptions {
  readonly hasRootfs: boolean;
  /** Host path. */
  readonly sandboxDirectory: string;
  /** The sandbox as a container with a rootfs sees it: `--sandbox_directory`. */
  readonly sandboxInContainer: string;
  readonly files: FileSystemPort;
}

/**
 * The absolute target as a process in the container sees it; makes what has to exist on the host.
 * @throws MountTargetError
 */
export async function prepareMountTarget(containerPath: string, options: MountTargetOptions): Promise<string> {
  const { hasRootfs, sandboxDirectory, sandboxInContainer, files } = options;
  const path = parseContainerPath(containerPath);
  if (posix.isAbsolute(path)) {
    if (!hasRootfs && (await files.kindOf(path)) === undefined) {
      throw new MountTargetError(containerPath, `Absolute container path '${containerPath}' does not exist`);
    }
    return path;
  }
  const inSandbox = posix.join(sandboxDirectory, path);
  try {
    await files.ensureDirectory(inSandbox);
  } catch (error) {
    const message = `Failed to create the target of the mount at '${inSandbox}': ${messageOf(error)}`;
    throw new MountTargetError(containerPath, message, { cause: error });
  }
  return hasRootfs ? posix.join(sandboxInContainer, path) : inSandbox;
}

/** DEVIATION: upstream does not look for `..`, which leaves the rootfs or the sandbox. */
function parseContainerPath(containerPath: string): string {
  const expected = 'expected a path without .. and NUL that is not empty';
  if (containerPath === '' || containerPath.includes('\0') || containerPath.split('/').includes('..')) {
    throw new MountTargetError(
      containerPath,
      `Invalid container path ${JSON.stringify(containerPath)} of a docker volume: ${expected}`,
    );
  }
  const path = posix.normalize(containerPath);
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

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
  /** Targets of the container's other volumes, as far as they are known. */
  readonly others: readonly string[];
  readonly files: FileSystemPort;
}

/** What the container cannot do without, or what is not the container's. */
const FORBIDDEN_TREES = ['/proc', '/sys', '/dev'] as const;

/**
 * The absolute target as a process in the container sees it; makes what has to exist on the host.
 * @throws MountTargetError
 */
export async function prepareMountTarget(containerPath: string, options: MountTargetOptions): Promise<string> {
  const { hasRootfs, sandboxDirectory, sandboxInContainer, others, files } = options;
  const path = parseContainerPath(containerPath);
  const sandbox = hasRootfs ? sandboxInContainer : sandboxDirectory;
  const target = posix.isAbsolute(path) ? path : posix.join(sandbox, path);
  refuseForbidden(containerPath, target, sandbox);
  if (others.includes(target)) {
    throw new MountTargetError(containerPath, `Two docker volumes have the container path '${containerPath}'`);
  }
  if (!posix.isAbsolute(path)) {
    await makeInSandbox(containerPath, sandboxDirectory, path, files);
  } else if (!hasRootfs && (await files.kindOf(path)) === undefined) {
    throw new MountTargetError(containerPath, `Absolute container path '${containerPath}' does not exist`);
  }
  return target;
}

/** A mount above another one comes first, or it would hide it. */
export function orderTargets<Mount extends { readonly target: string }>(mounts: readonly Mount[]): readonly Mount[] {
  const depthOf = ({ target }: Mount): number => target.split('/').length;
  return mounts.toSorted((a, b) => depthOf(a) - depthOf(b));
}

/**
 * One part after the other, since none may be a link: the sandbox belongs to the framework's user, and this is root.
 * @throws MountTargetError
 */
async function makeInSandbox(
  containerPath: string,
  sandbox: string,
  path: string,
  files: FileSystemPort,
): Promise<void> {
  const target = posix.join(sandbox, path);
  const fail = (why: string, cause?: unknown): never => {
    const message = `Failed to create the target of the mount at '${target}': ${why}`;
    throw new MountTargetError(containerPath, message, { cause });
  };
  try {
    let made = await files.realPath(sandbox);
    for (const part of path.split('/')) {
      made = posix.join(made, part);
      if ((await files.kindOf(made)) === undefined) await files.ensureDirectory(made);
      const real = await files.realPath(made);
      if (real !== made) fail(`${made} is a link to ${real}`);
    }
  } catch (error) {
    if (error instanceof MountTargetError) throw error;
    fail(messageOf(error), error);
  }
}

/** DEVIATION: upstream mounts over anything, the root of the container and its sandbox included. */
function refuseForbidden(containerPath: string, target: string, sandbox: string): void {
  const isKernels = FORBIDDEN_TREES.some((tree) => target === tree || target.startsWith(`${tree}/`));
  const isSandbox = target === '/' || sandbox === target || sandbox.startsWith(`${target}/`);
  if (!isKernels && !isSandbox) return;
  const what = isKernels ? 'belongs to the kernel' : "covers the container's root or its sandbox";
  throw new MountTargetError(
    containerPath,
    `Invalid container path ${JSON.stringify(containerPath)} of a docker volume: it ${what}`,
  );
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

import { chown, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DomainError, messageOf } from '@drydock/base/errors';
import { resolveUser } from '@drydock/containerizer';
import { latestRunPath, sandboxPath, type RunIds } from './directories.ts';

/** The sandbox of a container cannot be made; the message is what follows `Failed to launch container: `. */
export class SandboxError extends DomainError<'SANDBOX_FAILED'> {
  readonly code = 'SANDBOX_FAILED';
}

/** How long the look-up of a user may take. */
const USER_LOOKUP_MS_MAX = 10_000;

/**
 * Makes the sandbox (mode 0750, owned by `user`) with empty stdout and stderr, and points `runs/latest` to it.
 * @returns its host path
 * @throws SandboxError
 * @see src/slave/paths.cpp createExecutorDirectory
 */
export async function createSandbox(workDir: string, ids: RunIds, user: string): Promise<string> {
  const sandbox = sandboxPath(workDir, ids);
  try {
    const { uid, gid } = await resolveUser(user, { signal: AbortSignal.timeout(USER_LOOKUP_MS_MAX) });
    await mkdir(dirname(sandbox), { recursive: true });
    await mkdir(sandbox, { mode: 0o750 });
    for (const name of ['stdout', 'stderr']) {
      await writeFile(join(sandbox, name), '');
      if (uid !== 0) await chown(join(sandbox, name), uid, gid);
    }
    if (uid !== 0) await chown(sandbox, uid, gid);
    await pointLink(latestRunPath(workDir, ids), sandbox);
    return sandbox;
  } catch (error) {
    throw new SandboxError(`Failed to create the sandbox '${sandbox}': ${messageOf(error)}`, { cause: error });
  }
}

/** Makes `link` point to `target`, whatever was there, in one step. */
export async function pointLink(link: string, target: string): Promise<void> {
  const next = `${link}.next`;
  await rm(next, { force: true });
  await symlink(target, next);
  await rename(next, link);
}

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
  return await made(sandbox, async () => {
    await mkdir(dirname(sandbox), { recursive: true });
    await fillSandbox(sandbox, user);
    await pointLink(latestRunPath(workDir, ids), sandbox);
  });
}

/**
 * Makes the sandbox of an executor that the agent hosts: root's, so that nobody else can put anything where the sandboxes
 * of its tasks are made, and open to pass through, so that tasks reach theirs.
 * @throws SandboxError
 */
export async function createExecutorSandbox(workDir: string, ids: RunIds): Promise<string> {
  const sandbox = sandboxPath(workDir, ids);
  return await made(sandbox, async () => {
    await mkdir(dirname(sandbox), { recursive: true });
    for (const path of [sandbox, join(sandbox, 'containers'), join(sandbox, 'tasks')])
      await mkdir(path, { mode: 0o755 });
    for (const name of ['stdout', 'stderr']) await writeFile(join(sandbox, name), '');
    await pointLink(latestRunPath(workDir, ids), sandbox);
  });
}

/** Of a container that is nested in that with the sandbox `executorSandbox`. */
export function nestedSandboxPath(executorSandbox: string, containerId: string): string {
  return join(executorSandbox, 'containers', containerId);
}

/**
 * Makes the sandbox of a task in that of its executor, as `createSandbox`, and the link `tasks/<task id>` to it.
 * @throws SandboxError
 * @see src/slave/paths.cpp getTaskPath
 */
export async function createNestedSandbox(
  executorSandbox: string,
  containerId: string,
  taskId: string,
  user: string,
): Promise<string> {
  const sandbox = nestedSandboxPath(executorSandbox, containerId);
  return await made(sandbox, async () => {
    await fillSandbox(sandbox, user);
    await pointLink(join(executorSandbox, 'tasks', taskId), join('..', 'containers', containerId));
  });
}

/**
 * Makes the sandbox of a container that is nobody's task, as `createSandbox`; root owns all above it.
 * @throws SandboxError
 */
export async function createNamedSandbox(sandbox: string, user: string): Promise<string> {
  return await made(sandbox, async () => {
    await mkdir(dirname(sandbox), { recursive: true });
    await fillSandbox(sandbox, user);
  });
}

async function fillSandbox(sandbox: string, user: string): Promise<void> {
  const { uid, gid } = await resolveUser(user, { signal: AbortSignal.timeout(USER_LOOKUP_MS_MAX) });
  await mkdir(sandbox, { mode: 0o750 });
  for (const name of ['stdout', 'stderr']) {
    await writeFile(join(sandbox, name), '');
    if (uid !== 0) await chown(join(sandbox, name), uid, gid);
  }
  if (uid !== 0) await chown(sandbox, uid, gid);
}

async function made(sandbox: string, make: () => Promise<void>): Promise<string> {
  try {
    await make();
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

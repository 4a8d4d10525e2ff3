import { realpath, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf, systemCodeOf } from '@drydock/base/errors';
import type { ContainerID } from '@drydock/mesos';
import { pathOf } from './container-ids.ts';
import type { MesosContainerizerOptions } from './containerizer-options.ts';
import { RemoveFailedError } from './errors.ts';
import { isolatorsFor } from './isolators/isolators-for.ts';
import { keepTermination } from './kept-files.ts';
import type { ContainerTermination } from './launcher/container-termination.ts';

/** An unmount through a driver may take 10 minutes; then the isolator's own bound has already struck. */
const CLEANUP_MS_MAX = 11 * 60_000;

/**
 * Isolators in reverse order, root file system, runtime directory, whatever fails on the way; gives what did. With `kept`
 * the runtime directory stays and holds that alone.
 */
export async function cleanUpContainer(
  options: MesosContainerizerOptions,
  containerId: ContainerID,
  kept: ContainerTermination | undefined,
): Promise<readonly string[]> {
  const path = pathOf(containerId);
  const failures: string[] = [];
  for (const isolator of isolatorsFor(options.isolators, containerId).toReversed()) {
    try {
      await isolator.cleanup(containerId, { signal: AbortSignal.timeout(CLEANUP_MS_MAX) });
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  const problems: string[] = [];
  if (failures.length > 0) {
    problems.push(`Failed to clean up an isolator when destroying container: ${failures.join('; ')}`);
  }
  try {
    await options.provisioner?.destroy(path);
  } catch (error) {
    problems.push(`Failed to destroy the provisioned root filesystem when destroying container: ${messageOf(error)}`);
  }
  const directory = join(options.runtimeDir, 'containers', path);
  try {
    if (kept === undefined) await rm(directory, { recursive: true, force: true });
    else await keepTermination(directory, kept);
  } catch (error) {
    problems.push(`Failed to remove the runtime directory: ${messageOf(error)}`);
  }
  return problems;
}

/**
 * Removes the sandbox of a nested container.
 * DEVIATION: upstream follows links on the way to it, and what lies in the root's sandbox belongs to the framework's user;
 * here nothing is removed then.
 * @throws RemoveFailedError
 */
export async function removeSandbox(rootSandbox: string, sandbox: string): Promise<void> {
  try {
    const parent = dirname(sandbox);
    const expected = join(await realpath(rootSandbox), parent.slice(rootSandbox.length));
    const real = await realpath(parent);
    if (real !== expected) throw new Error(`${parent} leads to ${real}`);
    await rm(sandbox, { recursive: true, force: true });
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return;
    throw new RemoveFailedError(`Failed to remove the sandbox directory: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * What of a container is kept in its runtime directory besides the launcher's files:
 *
 * | file          | written                          | says                                                     |
 * |---------------|----------------------------------|----------------------------------------------------------|
 * | `config`      | before it is prepared            | what it was launched with                                |
 * | `held`        | when it is prepared              | it has no process, and what it holds is there since then |
 * | `termination` | when a nested one is cleaned up  | how it ended; nothing else is left of it                 |
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@drydock/base/atomic-file';
import { readBootId } from '@drydock/base/boot-id';
import { systemCodeOf } from '@drydock/base/errors';
import { readTextIfThere } from '@drydock/base/read-if-there';
import type { ContainerConfig, ContainerState } from '@drydock/isolator';
import type { ContainerID } from '@drydock/mesos';
import type { ContainerTermination } from './launcher/container-termination.ts';

const FILES = { config: 'config', held: 'held', termination: 'termination' } as const;

/** Writes down what a container is launched with. */
export async function writeConfig(directory: string, containerId: ContainerID, config: ContainerConfig): Promise<void> {
  await writeFileAtomic(join(directory, FILES.config), JSON.stringify({ container_id: containerId, ...config }));
}

/** What a nested container was launched with; undefined when that was not written down. */
export async function readState(directory: string, containerId: ContainerID): Promise<ContainerState | undefined> {
  const config = parseObject((await readTextIfThere(join(directory, FILES.config))) ?? '');
  if (config === undefined || typeof config['sandboxDirectory'] !== 'string') return undefined;
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- written by a containerizer from one
  const container = config['container'] as ContainerState['container'];
  const sandboxDirectory = config['sandboxDirectory'];
  return { containerId, sandboxDirectory, ...(container === undefined ? {} : { container }) };
}

export async function markHeld(directory: string): Promise<void> {
  await writeFileAtomic(join(directory, FILES.held), JSON.stringify({ boot_id: await readBootId() }));
}

/** Whether it is held since the machine was started: what is mounted does not outlive that. */
export async function isHeld(directory: string): Promise<boolean> {
  const text = await readTextIfThere(join(directory, FILES.held));
  return text !== undefined && parseObject(text)?.['boot_id'] === (await readBootId());
}

export async function readTermination(directory: string): Promise<ContainerTermination | undefined> {
  const text = await readTextIfThere(join(directory, FILES.termination));
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- written by keepTermination, whole or not at all
  return text === undefined ? undefined : (parseObject(text) as ContainerTermination | undefined);
}

/** Leaves of the container its termination and those of its nested containers. */
export async function keepTermination(directory: string, termination: ContainerTermination): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFileAtomic(join(directory, FILES.termination), JSON.stringify(termination));
  const others = (await readdir(directory)).filter((name) => name !== FILES.termination && name !== 'containers');
  await Promise.all(others.map(async (name) => await rm(join(directory, name), { recursive: true, force: true })));
}

/** All that have a directory `<directory>/containers/<id>[/containers/<id>]..`, parents first. */
export async function containersBelow(directory: string, parent?: ContainerID): Promise<readonly ContainerID[]> {
  const ids: ContainerID[] = [];
  for (const value of await directoriesIn(join(directory, 'containers'))) {
    const id = parent === undefined ? { value } : { value, parent };
    ids.push(id, ...(await containersBelow(join(directory, 'containers', value), id)));
  }
  return ids;
}

async function directoriesIn(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- every object has unknown values
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    // Nobody who writes files in one step has written it.
    return undefined;
  }
}

/** Launches containers with a real runtime, one per case, and collects what became of them. */
import { chown, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerMount } from '@drydock/isolator';
import type { MesosContainerizer } from '../containerizer.ts';
import type { CommandConfig } from '../launch-info.ts';
import type { ForkedContainer } from '../launcher/container-process.ts';
import { createTestContainerizer } from './test-containerizer.ts';

export interface ContainerCase {
  readonly command: CommandConfig['command'];
  /** What the test does with the forked container before it waits for the end; default: opens the gate. */
  readonly act?: (forked: ForkedContainer, containerizer: MesosContainerizer) => Promise<void>;
  /** Default `ubuntu:14.04`; `null` for a container on the host's root. */
  readonly image?: string | null;
  readonly mounts?: readonly ContainerMount[];
  /** Instead of `mounts`: a preparation that ends only when it is aborted; destroys the container in the middle of it. */
  readonly isDestroyedWhilePreparing?: boolean;
  /** Default root. */
  readonly user?: string;
  /** Default 64. */
  readonly memoryMegabytes?: number;
}

export interface CaseRunner {
  /** Runs one container from launch to destroy; its sandbox is `<base>/sandbox-<name>`. */
  readonly run: (name: string, containerCase: ContainerCase) => Promise<void>;
  /** Ends everything and prints the outcomes by name as JSON. */
  readonly finish: () => Promise<void>;
}

/** `base` holds the image archives in `registry`; `cgroupsRoot` names the parent of the control groups. */
export async function startCaseRunner(base: string, backend: string, cgroupsRoot: string): Promise<CaseRunner> {
  const outcomes: Record<string, unknown> = {};
  const cases = new Map<string, ContainerCase & { readonly onPreparing: () => void }>();
  const containerizer = await createTestContainerizer({
    base,
    backend,
    cgroupsRoot,
    isolator: {
      prepare: async ({ value }, _config, { signal }) => {
        const { mounts = [], isDestroyedWhilePreparing = false, onPreparing } = cases.get(value) ?? {};
        onPreparing?.();
        if (isDestroyedWhilePreparing) {
          await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        }
        return { mounts };
      },
    },
  });

  async function run(name: string, containerCase: ContainerCase): Promise<void> {
    const { command, act = open, image = 'ubuntu:14.04', user = 'root', memoryMegabytes = 64 } = containerCase;
    const sandboxDirectory = join(base, `sandbox-${name}`);
    await mkdir(sandboxDirectory);
    if (/^\d+$/.test(user)) await chown(sandboxDirectory, Number(user), Number(user));
    const id = { value: `${backend}-${name}` };
    const preparing = Promise.withResolvers<void>();
    cases.set(id.value, { ...containerCase, onPreparing: preparing.resolve });
    const launching = containerizer.launch(
      id,
      {
        command,
        container: {
          type: 'MESOS',
          ...(image === null ? {} : { mesos: { image: { type: 'DOCKER', docker: { name: image } } } }),
        },
        resources: [{ name: 'mem', type: 'SCALAR', scalar: { value: memoryMegabytes } }],
        sandboxDirectory,
        user,
      },
      { signal: new AbortController().signal },
    );
    const destroying =
      containerCase.isDestroyedWhilePreparing === true
        ? preparing.promise.then(async () => await containerizer.destroy(id))
        : undefined;
    try {
      const forked = await launching;
      await act(forked, containerizer);
      const termination = await forked.exited;
      outcomes[name] = { ...termination, stdout: await readFile(join(sandboxDirectory, 'stdout'), 'utf8') };
    } catch (error) {
      outcomes[name] = { error: error instanceof Error ? error.message : String(error) };
    }
    await (destroying ?? containerizer.destroy(id));
  }

  return {
    run,
    finish: async () => {
      await containerizer[Symbol.asyncDispose]();
      process.stdout.write(JSON.stringify(outcomes));
    },
  };
}

async function open(forked: ForkedContainer): Promise<void> {
  await forked.openGate();
}

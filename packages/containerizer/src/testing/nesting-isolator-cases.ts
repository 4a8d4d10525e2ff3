/** What isolators are asked about nested containers, and a link on the way to a sandbox. Arguments: base directory, cgroups root. Prints outcomes as JSON. */
import { mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Isolator } from '@drydock/isolator';
import { containerText, type ContainerID } from '@drydock/mesos';
import { createTestContainerizer } from './test-containerizer.ts';
import { configOf, refusalOf, sandboxOf } from './volume-containers.ts';

const [base = '', cgroupsRoot = 'drydock-test'] = process.argv.slice(2);
const outcomes: Record<string, unknown> = {};
for (const supportsNesting of [true, false]) {
  const calls: string[] = [];
  const isolator: Partial<Isolator> = {
    supportsNesting,
    prepare: async (id) => void calls.push(`prepare ${containerText(id)}`),
    cleanup: async (id) => {
      calls.push(`cleanup ${containerText(id)}`);
      if (id.parent !== undefined) throw new Error('no');
    },
  };
  const containerizer = await createTestContainerizer({ base, backend: 'copy', cgroupsRoot, isolator });
  const parent = { value: `parent-${String(supportsNesting)}` };
  const child: ContainerID = { value: 'child', parent };
  const { signal } = new AbortController();
  await containerizer.launchWithoutProcess(parent, await configOf(base, parent, {}), { signal });
  await containerizer.launch(child, await configOf(base, child, { hasImage: true }), { signal });
  const refusal = await refusalOf(containerizer.destroy(parent));
  outcomes[String(supportsNesting)] = { calls, refusal, containers: containerizer.containers() };
  await containerizer[Symbol.asyncDispose]();
}

const containerizer = await createTestContainerizer({ base, backend: 'copy', cgroupsRoot });
const root = { value: 'linked' };
const child: ContainerID = { value: 'child', parent: root };
const { signal } = new AbortController();
await containerizer.launchWithoutProcess(root, await configOf(base, root, {}), { signal });
await containerizer.launch(child, await configOf(base, child, {}), { signal });
await containerizer.destroy(child);
const elsewhere = join(base, 'elsewhere');
await mkdir(join(elsewhere, 'child'), { recursive: true });
await rm(dirname(sandboxOf(base, child)), { recursive: true });
await symlink(elsewhere, dirname(sandboxOf(base, child)));
outcomes['linked'] = { refusal: await refusalOf(containerizer.remove(child)), left: await readdir(elsewhere) };
await containerizer[Symbol.asyncDispose]();
process.stdout.write(JSON.stringify(outcomes));

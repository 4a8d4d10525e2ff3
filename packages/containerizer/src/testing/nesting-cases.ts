/**
 * Nested containers, of an agent that is killed and of the next one. Arguments: base directory, cgroups root. Prints the
 * outcomes by name as JSON.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '@drydock/base/subprocess';
import { containerText, type ContainerID } from '@drydock/mesos';
import { configOf, createVolumeContainers, isMounted, sandboxOf } from './volume-containers.ts';

const [base = '', cgroupsRoot = 'drydock-test'] = process.argv.slice(2);
const first = fileURLToPath(new URL('nesting-agent.ts', import.meta.url));
const left = await run([process.execPath, first, base, cgroupsRoot], { timeoutMs: 30_000 });
if (left.signal !== 'SIGKILL') throw new Error(`The first agent did not come to its end: ${JSON.stringify(left)}`);
const outcomes: Record<string, unknown> = { first: JSON.parse(await readFile(join(base, 'first.json'), 'utf8')) };

const root = { value: 'root' };
const child = (value: string, parent: ContainerID = root): ContainerID => ({ value, parent });
const [a, inner, ended, unborn] = [child('a'), child('a', child('a')), child('ended'), child('unborn')];
const others = child('a', { value: 'other' });
const runtimeDirectory = join(base, 'run/containers');
// The machine was started again, and an agent was killed while it prepared a nested container.
await writeFile(join(runtimeDirectory, 'rebooted/held'), '{"boot_id":"another"}');
await mkdir(join(runtimeDirectory, 'root/containers/unborn'), { recursive: true });

const { containerizer, driverCalls } = await createVolumeContainers(base, cgroupsRoot);
const recovered = await containerizer.recover(
  ['root', 'other', 'rebooted'].map((value) => ({
    containerId: { value },
    sandboxDirectory: join(base, `sandbox-${value}`),
  })),
);
outcomes['recovered'] = recovered
  .map(({ containerId, process: one }) => `${containerText(containerId)}${one === undefined ? ' without process' : ''}`)
  .toSorted();
outcomes['orphans'] = { calls: [...driverCalls], isMounted: await isMounted(base, 'orphaned') };
await containerizer.destroy({ value: 'rebooted' });
outcomes['rebooted'] = await isMounted(base, 'rebooted');

for (const id of [a, inner, others]) await writeFile(join(sandboxOf(base, id), 'go'), '');
for (const id of [a, inner, others, child('gate'), unborn, ended]) {
  outcomes[containerText(id)] = await containerizer.wait(id);
}
outcomes['seen'] = {
  a: await readFile(join(sandboxOf(base, a), 'stdout'), 'utf8'),
  // A nested container has the mounts that it asked for itself, and no others.
  host: await readdir(join(sandboxOf(base, root), 'data')),
};
const sandboxNames = async (): Promise<string[]> =>
  (await readdir(join(sandboxOf(base, root), 'containers'))).toSorted();
const before = await sandboxNames();
await containerizer.remove(ended);
await containerizer.remove(ended);
outcomes['removed'] = { wait: await containerizer.wait(ended), before, after: await sandboxNames() };
const forked = await containerizer.launch(ended, await configOf(base, ended, { command: 'exit 4' }), {
  signal: new AbortController().signal,
});
await forked.openGate();
outcomes['launched again'] = await forked.exited;

await containerizer.destroy(a);
outcomes['destroyed'] = {
  a: await containerizer.wait(a),
  inner: await containerizer.wait(inner),
  left: (await readdir(join(runtimeDirectory, 'root/containers/a'))).toSorted(),
  isMounted: await isMounted(base, 'shared'),
  containers: containerizer.containers(),
};
await containerizer.destroy(root);
outcomes['root destroyed'] = {
  a: await containerizer.wait(a),
  isMounted: await isMounted(base, 'shared'),
  calls: driverCalls.filter((call) => call.endsWith('shared')),
};
await containerizer[Symbol.asyncDispose]();
process.stdout.write(JSON.stringify(outcomes));

/**
 * An agent with nested containers, which ends itself with SIGKILL. Arguments: base directory, cgroups root. Leaves what it
 * saw in `<base>/first.json`.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitUntil } from '@drydock/base/wait-until';
import type { ContainerID } from '@drydock/mesos';
import type { ForkedContainer } from '../launcher/container-process.ts';
import { configOf, createVolumeContainers, isMounted, refusalOf, sandboxOf } from './volume-containers.ts';

const [base = '', cgroupsRoot = 'drydock-test'] = process.argv.slice(2);
const { containerizer, isolator, driverCalls } = await createVolumeContainers(base, cgroupsRoot);
const { signal } = new AbortController();
await containerizer.recover([]);
/** Bounded, should the test give up on it. */
const untilAllowed = 'echo begun; i=0; until [ -e go ] || [ $i = 1000 ]; do i=$((i + 1)); sleep 0.02; done';
const below = (parent: ContainerID, value: string): ContainerID => ({ value, parent });

async function launch(id: ContainerID, options: Parameters<typeof configOf>[2]): Promise<ForkedContainer> {
  return await containerizer.launch(id, await configOf(base, id, options), { signal });
}

async function run(id: ContainerID, options: Parameters<typeof configOf>[2]): Promise<void> {
  const forked = await launch(id, options);
  await forked.openGate();
  await waitUntil(async () => /^begun$/m.test(await readFile(join(sandboxOf(base, id), 'stdout'), 'utf8')), {
    what: `${id.value} to run`,
  });
}

async function hold(id: ContainerID, volume: string): Promise<void> {
  await containerizer.launchWithoutProcess(id, await configOf(base, id, { volume }), { signal });
}

const root = { value: 'root' };
await hold(root, 'shared');
await run(below(root, 'a'), {
  command: `echo written >data/file; ${untilAllowed}; cat data/file; exit 5`,
  volume: 'shared',
});
// The same last part of an id, below a nested container and below another root.
await run(below(below(root, 'a'), 'a'), { command: `${untilAllowed}; exit 6`, hasImage: true });
const initPid = (await readFile(join(base, 'run/containers/root/containers/a/container.pid'), 'utf8')).trim();
const outcomes: Record<string, unknown> = {
  'has limits of its own': (await readFile(`/proc/${initPid}/cgroup`, 'utf8')).includes(`/${cgroupsRoot}/root.a\n`),
};
const other = { value: 'other' };
await run(other, { command: untilAllowed, hasImage: true });
await run(below(other, 'a'), { command: `ls data || ${untilAllowed}; exit 8` });
const ended = below(root, 'ended');
const process1 = await launch(ended, { command: 'exit 3', volume: 'shared' });
await process1.openGate();
outcomes['exited'] = await containerizer.wait(ended);
outcomes['not destroyed'] = await refusalOf(containerizer.remove(ended));
await containerizer.destroy(ended);
outcomes['kept'] = await containerizer.wait(ended);
outcomes['launched again'] = await refusalOf(launch(ended, {}));
outcomes['launched twice'] = await refusalOf(launch(below(root, 'a'), {}));
outcomes['without parent'] = await refusalOf(launch(below({ value: 'nobody' }, 'a'), {}));
outcomes['with a period'] = await refusalOf(launch({ value: 'root.a' }, {}));
outcomes['still running'] = await refusalOf(containerizer.remove(below(root, 'a')));
outcomes['held by a child'] = await refusalOf(isolator.cleanup(root, { signal }));
outcomes['driver calls'] = driverCalls.filter((call) => call === 'unmount shared');

const doomed = { value: 'doomed' };
await hold(doomed, 'doomed');
await run(below(doomed, 'a1'), { command: untilAllowed, volume: 'doomed' });
const unfinishedConfig = await configOf(base, below(doomed, 'a2'), { command: untilAllowed, volume: 'doomed' });
const unfinished = refusalOf(containerizer.launch(below(doomed, 'a2'), unfinishedConfig, { signal }));
const waiting = containerizer.wait(doomed);
const destroying = containerizer.destroy(doomed);
outcomes['destroying'] = await refusalOf(launch(below(doomed, 'a3'), {}));
outcomes['unfinished'] = await unfinished;
await destroying;
outcomes['destroyed'] = {
  termination: await waiting,
  isMounted: await isMounted(base, 'doomed'),
  unmounts: driverCalls.filter((call) => call === 'unmount doomed').length,
  kept: await containerizer.wait(below(doomed, 'a1')),
};

await launch(below(root, 'gate'), { command: 'true' });
await hold({ value: 'rebooted' }, 'rebooted');
await hold({ value: 'orphan' }, 'orphaned');
await run(below({ value: 'orphan' }, 'child'), { command: untilAllowed, volume: 'orphaned' });
outcomes['containers'] = containerizer.containers().toSorted();
await writeFile(join(base, 'first.json'), JSON.stringify(outcomes));
process.kill(process.pid, 'SIGKILL');

/**
 * Containers of an agent that was killed, as the next one finds them. Arguments: base directory, cgroups root. Prints the
 * outcomes by name as JSON.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '@drydock/base/subprocess';
import { waitUntil } from '@drydock/base/wait-until';
import type { KnownContainer } from '../container-recovery.ts';
import type { ForkedContainer } from '../launcher/container-process.ts';
import { identify } from '../launcher/shim-identity.ts';
import type { LeftContainer } from './leaving-agent.ts';
import { createTestContainerizer } from './test-containerizer.ts';

const [base = '', cgroupsRoot = 'drydock-test'] = process.argv.slice(2);
const outcomes: Record<string, unknown> = {};
const runtimeDirectory = (name: string): string => join(base, 'run/containers', name);
const allow = async (name: string): Promise<void> => await writeFile(join(base, `sandbox-${name}/go`), '');
const hasEnded = async (name: string): Promise<boolean> => (await readdir(runtimeDirectory(name))).includes('exit');
const shimPidOf = async (name: string): Promise<number> =>
  Number(await readFile(join(runtimeDirectory(name), 'pid'), 'utf8'));
/** Bounded, should the test give up on it. */
const untilAllowed = 'i=0; until [ -e go ] || [ $i = 1000 ]; do i=$((i + 1)); sleep 0.02; done';

const left: readonly LeftContainer[] = [
  { name: 'exits-0', command: untilAllowed, hasImage: true },
  { name: 'exits-7', command: `${untilAllowed}; exit 7` },
  { name: 'terminated', command: untilAllowed },
  { name: 'killed', command: untilAllowed, hasImage: true },
  { name: 'shim-killed', command: untilAllowed },
  { name: 'shim-killed-meanwhile', command: untilAllowed },
  { name: 'exited-meanwhile', command: `${untilAllowed}; exit 3` },
  { name: 'terminated-before', command: untilAllowed, isTerminated: true },
  { name: 'exit-143', command: `${untilAllowed}; exit 143` },
  { name: 'at-gate', command: 'true', isLeftAtGate: true, hasImage: true },
  { name: 'unknown', command: untilAllowed, hasImage: true },
];
await leaveBehind('killed', '', left);
// A second agent finds all but one of them and is killed, too; a third one goes away by itself.
const kept = left.map(({ name }) => name);
await leaveBehind('killed', kept.join(','), []);
await leaveBehind('detached', kept.join(','), []);

for (const name of ['exited-meanwhile', 'exit-143']) await allow(name);
process.kill(await shimPidOf('shim-killed-meanwhile'), 'SIGKILL');
const endedMeanwhile = ['exited-meanwhile', 'exit-143', 'at-gate', 'terminated-before'];
for (const name of endedMeanwhile) {
  await waitUntil(async () => await hasEnded(name), { what: `${name} to end` });
}
// An agent that was killed before it had forked a container, and the root file system of one that nobody knows.
await mkdir(runtimeDirectory('not-forked'), { recursive: true });
await mkdir(join(base, 'work/provisioner/containers/nobodys/backends'), { recursive: true });
const unknownShim = await shimPidOf('unknown');

const recoveries: { readonly running: readonly string[]; readonly orphans: readonly string[] }[] = [];
const cleanups: string[] = [];
const containerizer = await createTestContainerizer({
  base,
  backend: 'overlay',
  cgroupsRoot,
  isolator: {
    recover: async (running, orphans) => {
      const valuesOf = (ids: readonly { readonly value: string }[]): string[] =>
        ids.map(({ value }) => value).toSorted();
      recoveries.push({ running: valuesOf(running.map(({ containerId }) => containerId)), orphans: valuesOf(orphans) });
    },
    cleanup: async ({ value }) => void cleanups.push(value),
  },
});
const known = [...kept.filter((name) => name !== 'unknown'), 'not-forked', 'no-directory'];
const recovered = await containerizer.recover(
  known.map((value): KnownContainer => ({
    containerId: { value },
    sandboxDirectory: join(base, `sandbox-${value}`),
    ...(value === 'terminated-before' ? { sentSignals: ['SIGTERM'] } : {}),
  })),
);
outcomes['recoveries'] = recoveries;
outcomes['not recovered'] = known.filter((name) => recovered.every(({ containerId }) => containerId.value !== name));
outcomes['unknown'] = { isAlive: (await identify(unknownShim)) !== undefined, cleanups: cleanups.toSorted() };
outcomes['provisioned'] = (await readdir(join(base, 'work/provisioner/containers'))).toSorted();

const processes = new Map(
  recovered.flatMap(({ containerId, process: one }) => (one === undefined ? [] : [[containerId.value, one] as const])),
);
for (const name of [...endedMeanwhile, 'shim-killed-meanwhile']) await processes.get(name)?.exited;
outcomes['timers'] = process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
const act: Readonly<Record<string, (one: ForkedContainer) => Promise<void>>> = {
  'exits-0': async () => await allow('exits-0'),
  'exits-7': async () => await allow('exits-7'),
  terminated: async (one) => await one.terminate(),
  killed: async (one) => await one.kill(),
  'shim-killed': async ({ pid }) => void process.kill(pid, 'SIGKILL'),
};
for (const [name, one] of processes) {
  await one.openGate();
  await act[name]?.(one);
  outcomes[name] = { ...(await one.exited), pid: one.pid };
}
for (const name of known) await containerizer.destroy({ value: name });
outcomes['cleanups'] = cleanups.toSorted();
outcomes['containers'] = containerizer.containers();
await containerizer[Symbol.asyncDispose]();
process.stdout.write(JSON.stringify(outcomes));

async function leaveBehind(
  how: 'killed' | 'detached',
  names: string,
  launches: readonly LeftContainer[],
): Promise<void> {
  const script = fileURLToPath(new URL('leaving-agent.ts', import.meta.url));
  const result = await run([process.execPath, script, base, cgroupsRoot, how, names, JSON.stringify(launches)], {
    timeoutMs: 30_000,
  });
  if (how === 'killed' ? result.signal !== 'SIGKILL' : result.exitCode !== 0) {
    throw new Error(`An agent did not leave as it should: ${JSON.stringify(result)}`);
  }
}

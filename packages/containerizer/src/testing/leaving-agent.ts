/**
 * An agent that leaves its containers behind. Arguments: base directory, cgroups root, `killed` (ends itself with SIGKILL,
 * so that nothing in it can clean up) or `detached`, names of containers to take over with `,` between them, and the
 * containers to launch as JSON.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitUntil } from '@drydock/base/wait-until';
import { createTestContainerizer } from './test-containerizer.ts';

export interface LeftContainer {
  readonly name: string;
  /** Prints `begun` first. */
  readonly command: string;
  /** It has the stand-in image; default: the host's root. */
  readonly hasImage?: boolean;
  /** Default: the gate is opened, and the agent leaves when the command has begun. */
  readonly isLeftAtGate?: boolean;
  /** The agent ends it with SIGTERM and sees the end before it leaves. */
  readonly isTerminated?: boolean;
}

const [base = '', cgroupsRoot = 'drydock-test', how = 'killed', known = '', launches = '[]'] = process.argv.slice(2);
const containerizer = await createTestContainerizer({ base, backend: 'overlay', cgroupsRoot });
const names = known.split(',').filter((name) => name !== '');
const recovered = await containerizer.recover(
  names.map((value) => ({ containerId: { value }, sandboxDirectory: join(base, `sandbox-${value}`) })),
);
if (recovered.length !== names.length) throw new Error(`Took over ${recovered.length} of ${names.length} containers`);
// eslint-disable-next-line typescript/no-unsafe-type-assertion -- written by the test
await Promise.all((JSON.parse(launches) as readonly LeftContainer[]).map(leave));
if (how === 'killed') process.kill(process.pid, 'SIGKILL');
// With nothing that keeps it alive the process ends.
await containerizer.detach();

async function leave({ name, command, hasImage, isLeftAtGate, isTerminated }: LeftContainer): Promise<void> {
  const sandboxDirectory = join(base, `sandbox-${name}`);
  await mkdir(sandboxDirectory);
  const image = { image: { type: 'DOCKER' as const, docker: { name: 'ubuntu:14.04' } } };
  const forked = await containerizer.launch(
    { value: name },
    {
      command: { value: `echo begun; ${command}` },
      container: { type: 'MESOS', ...(hasImage === true ? { mesos: image } : {}) },
      resources: [{ name: 'mem', type: 'SCALAR', scalar: { value: 64 } }],
      sandboxDirectory,
      user: 'root',
    },
    { signal: new AbortController().signal },
  );
  if (isLeftAtGate === true) return;
  await forked.openGate();
  const stdout = join(sandboxDirectory, 'stdout');
  await waitUntil(async () => (await readFile(stdout, 'utf8')).includes('\nbegun\n'), {
    what: 'the first line of the command',
  });
  if (isTerminated !== true) return;
  await forked.terminate();
  await forked.exited;
}

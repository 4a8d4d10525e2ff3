/** Launches one container per case with a real runtime and prints what happened as JSON. Runs in a private namespace. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLogger } from '@drydock/base/log';
import type { ContainerConfig, ContainerLaunchInfo, Isolator } from '@drydock/isolator';
import { createMesosContainerizer } from '../create-containerizer.ts';
import type { ForkedContainer } from '../launcher/container-process.ts';
import { buildStandinImage } from '../standin-image.ts';

const [base = '', backend = 'overlay'] = process.argv.slice(2);
const outcomes: Record<string, unknown> = {};
let volume: ContainerLaunchInfo | undefined;
const preparing = Promise.withResolvers<void>();
const volumes: Isolator = {
  name: 'docker/volume',
  supportsNesting: true,
  recover: async () => undefined,
  prepare: async (_id, { sandboxDirectory }, { signal }) => {
    if (sandboxDirectory.endsWith('destroyed')) {
      preparing.resolve();
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    }
    return volume;
  },
  cleanup: async () => undefined,
};
await buildStandinImage({ outputPath: join(base, 'registry/ubuntu:14.04.tar') });
const containerizer = await createMesosContainerizer({
  workDir: join(base, 'work'),
  runtimeDir: join(base, 'run'),
  isolation: 'docker/volume,docker/runtime,filesystem/linux',
  imageProviders: 'docker',
  imageProvisionerBackend: backend,
  dockerRegistry: join(base, 'registry'),
  dockerStoreDir: join(base, 'store'),
  cgroupsRoot: `drydock-test-${process.pid}`,
  isolatorFactories: { 'docker/volume': () => volumes },
  logger: silentLogger,
});

const open = async (forked: ForkedContainer): Promise<void> => await forked.openGate();
async function runCase(
  name: string,
  command: ContainerConfig['command'],
  options: { act?: (forked: ForkedContainer) => Promise<void>; isOnHost?: boolean } = {},
): Promise<void> {
  const { act = open, isOnHost = false } = options;
  const sandboxDirectory = join(base, `sandbox-${name}`);
  await mkdir(sandboxDirectory);
  const image = { type: 'DOCKER' as const, docker: { name: 'ubuntu:14.04' } };
  const id = { value: `${backend}-${name}` };
  const launching = containerizer.launch(
    id,
    {
      command,
      container: { type: 'MESOS', ...(isOnHost ? {} : { mesos: { image } }) },
      resources: [{ name: 'mem', type: 'SCALAR', scalar: { value: 64 } }],
      sandboxDirectory,
      user: 'root',
    },
    { signal: new AbortController().signal },
  );
  const destroying =
    name === 'destroyed' ? preparing.promise.then(async () => await containerizer.destroy(id)) : undefined;
  try {
    const forked = await launching;
    await act(forked);
    const termination = await forked.exited;
    outcomes[name] = { ...termination, stdout: await readFile(join(sandboxDirectory, 'stdout'), 'utf8') };
  } catch (error) {
    outcomes[name] = { error: error instanceof Error ? error.message : String(error) };
  }
  await (destroying ?? containerizer.destroy(id));
}

await runCase('exit', { value: 'pwd; exit 3' });
await runCase('host', { value: `pwd; ls -d ${base}/registry` }, { isOnHost: true });
await runCase('aborted', { value: 'true' }, { act: async (forked) => await forked.terminate() });
await runCase(
  'killed',
  { value: 'sleep 100' },
  {
    act: async (forked) => {
      await forked.openGate();
      await forked.kill();
    },
  },
);
await runCase('destroyed', { value: 'true' });
await Promise.all(Array.from({ length: 10 }, async (_, index) => await runCase(`many-${index}`, { value: 'true' })));
volume = { mounts: [{ source: join(base, 'missing'), target: '/data', isReadOnly: false }] };
await runCase('missing-source', { value: 'true' });
volume = { mounts: [{ source: join(base, 'volume'), target: '/data', isReadOnly: true }] };
await runCase('read-only', { value: 'touch /data/x || touch /data/sub/x || echo refused; ls /data/sub' });
// /links/etc is a link to ../../../../etc on the container's side: the second volume must land on the container's /etc.
volume = {
  mounts: [
    { source: join(base, 'links'), target: '/links', isReadOnly: false },
    { source: join(base, 'payload'), target: '/links/etc', isReadOnly: false },
  ],
};
await runCase('link', { value: 'ls /etc' });
await containerizer[Symbol.asyncDispose]();
process.stdout.write(JSON.stringify(outcomes));

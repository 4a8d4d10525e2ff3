/** How containers are ended, limited and run as other users. Arguments: base directory, backend, cgroups root. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MesosContainerizer } from '../containerizer.ts';
import type { ForkedContainer } from '../launcher/container-process.ts';
import { startCaseRunner } from './case-runner.ts';

const [base = '', backend = 'overlay', cgroupsRoot = 'drydock-test'] = process.argv.slice(2);
const { run, finish } = await startCaseRunner(base, backend, cgroupsRoot);

const UNTIL_TOLD = 'until test -e told; do sleep 0.05; done';

/** Changes the limits of the running container, and tells it so. */
async function limitTo(
  megabytes: number,
  name: string,
  forked: ForkedContainer,
  containerizer: MesosContainerizer,
): Promise<void> {
  await forked.openGate();
  await forked.hasStarted();
  const resources = [{ name: 'mem', type: 'SCALAR' as const, scalar: { value: megabytes } }];
  await containerizer.update({ value: `${backend}-${name}` }, resources);
  await writeFile(join(base, `sandbox-${name}`, 'told'), '');
}

// One after the other, because each asks at another moment of the runtime's start.
for (let index = 0; index < 3; index += 1) {
  await run(`terminated-${index}`, {
    command: { value: 'sleep 20; echo not reached' },
    act: async (forked) => {
      await forked.openGate();
      await forked.terminate();
    },
  });
}
await Promise.all([
  run('deaf', {
    command: { value: "trap '' TERM; while :; do sleep 1; done" },
    act: async (forked) => {
      await forked.openGate();
      await forked.terminate();
      await forked.kill();
    },
  }),
  run('exit-143', { command: { value: 'exit 143' } }),
  run('no-such-program', { command: { shell: false, value: '/no/such/program' } }),
  run('out-of-memory', {
    command: { value: 'exec dd if=/dev/zero of=/dev/shm/fill bs=1M count=60' },
    memoryMegabytes: 32,
  }),
  run('grown', {
    command: { value: `${UNTIL_TOLD}; exec dd if=/dev/zero of=/dev/shm/fill bs=1M count=60` },
    memoryMegabytes: 32,
    act: async (forked, containerizer) => await limitTo(128, 'grown', forked, containerizer),
  }),
  run('shrunk', {
    command: { value: `${UNTIL_TOLD}; exec dd if=/dev/zero of=/dev/shm/fill bs=1M count=60` },
    memoryMegabytes: 128,
    act: async (forked, containerizer) => await limitTo(32, 'shrunk', forked, containerizer),
  }),
  run('unknown-user', { command: { value: 'true' }, user: 'no-such-user' }),
  run('numeric-user', {
    command: {
      value:
        'id -u; id -g; for path in /etc/passwd /etc/new /new; do echo x >>$path || echo refused; done; touch mine && stat -c %u mine; chown 0 mine || echo refused; grep CapEff /proc/self/status',
    },
    user: '12345',
  }),
]);
await finish();

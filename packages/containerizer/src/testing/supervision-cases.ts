/** How containers are ended, limited and run as other users. Arguments: base directory, backend, cgroups root. */
import { startCaseRunner } from './case-runner.ts';

const [base = '', backend = 'overlay', cgroupsRoot = 'drydock-test'] = process.argv.slice(2);
const { run, finish } = await startCaseRunner(base, backend, cgroupsRoot);

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

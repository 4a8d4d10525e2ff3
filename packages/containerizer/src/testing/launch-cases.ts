/** How containers are launched and end. Arguments: base directory, backend, cgroups root. */
import { join } from 'node:path';
import { startCaseRunner } from './case-runner.ts';

const [base = '', backend = 'overlay', cgroupsRoot = 'drydock-test'] = process.argv.slice(2);
const { run, finish } = await startCaseRunner(base, backend, cgroupsRoot);

await run('exit', { command: { value: 'pwd; exit 3' } });
await run('host', { command: { value: `pwd; ls -d ${base}/registry` }, image: null });
await run('aborted', { command: { value: 'true' }, act: async (forked) => await forked.terminate() });
await run('killed', {
  command: { value: 'sleep 100' },
  act: async (forked) => {
    await forked.openGate();
    await forked.kill();
  },
});
await run('destroyed', { command: { value: 'true' }, isDestroyedWhilePreparing: true });
await Promise.all(
  Array.from({ length: 10 }, async (_, index) => await run(`many-${index}`, { command: { value: 'true' } })),
);
await run('missing-source', {
  command: { value: 'true' },
  mounts: [{ source: join(base, 'missing'), target: '/data', isReadOnly: false }],
});
await run('read-only', {
  command: { value: 'touch /data/x || touch /data/sub/x || echo refused; ls /data/sub' },
  mounts: [{ source: join(base, 'volume'), target: '/data', isReadOnly: true }],
});
// /links/etc is a link to ../../../../etc on the container's side: the second volume must land on the container's /etc.
await run('link', {
  command: { value: 'ls /etc' },
  mounts: [
    { source: join(base, 'links'), target: '/links', isReadOnly: false },
    { source: join(base, 'payload'), target: '/links/etc', isReadOnly: false },
  ],
});
await finish();

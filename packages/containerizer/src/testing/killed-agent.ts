/**
 * An agent that is killed while it has a container. Arguments: base directory, `before-gate` or `after-gate`, cgroups
 * root. Ends itself with SIGKILL, so nothing in it can clean up.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitUntil } from '@drydock/base/wait-until';
import { startCaseRunner } from './case-runner.ts';

const [base = '', moment = '', cgroupsRoot = 'drydock-test'] = process.argv.slice(2);
const { run } = await startCaseRunner(base, 'overlay', cgroupsRoot);

await run('orphan', {
  // Bounded, should the test give up on it.
  command: {
    value: 'echo begun; i=0; until [ -e go ] || [ $i = 500 ]; do i=$((i + 1)); sleep 0.02; done; echo later; exit 7',
  },
  act: async (forked) => {
    if (moment === 'after-gate') {
      await forked.openGate();
      const stdout = join(base, 'sandbox-orphan/stdout');
      await waitUntil(async () => (await readFile(stdout, 'utf8')).includes('\nbegun\n'), {
        what: 'the first line of the command',
      });
    }
    process.kill(process.pid, 'SIGKILL');
    await new Promise(() => undefined);
  },
});

/** Preloaded into an agent: it ends the containers that an earlier one has left. */
import { processesOfRun } from '../holders.ts';

const hostname = process.argv.find((flag) => flag.startsWith('--hostname='))?.split('=')[1] ?? '';
for (const pid of await processesOfRun(hostname)) process.kill(pid, 'SIGKILL');

/** The program of `driverProcess`: serves a fake driver until it is killed. */
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { readTextIfThere } from '@drydock/base/read-if-there';
import { startFakeDriver } from '@drydock/fake-drivers';
import type { FakeDriverProcess } from './driver-process-mutant.ts';
import { profileOf } from './fake-driver-mutant.ts';

const told = JSON.parse(process.argv[2] ?? '') as FakeDriverProcess; // written by driverProcess
const isRestart = (await readTextIfThere(told.pidFile)) !== undefined;
await writeFile(told.pidFile, `${process.pid}`);
if (isRestart) await delay(told.slowRestartMs);
await startFakeDriver({
  socketPath: told.socketPath,
  profile: profileOf(told),
  directory: told.directory,
  store: told.store,
  faults: told.faults,
  seed: 1,
  onCrash: () => process.kill(process.pid, 'SIGKILL'),
});

if (told.pauseMsMax > 0) {
  let lastRun = performance.now();
  setInterval(() => {
    if (performance.now() - lastRun > told.pauseMsMax) process.exit(1);
    lastRun = performance.now();
  }, 50);
}

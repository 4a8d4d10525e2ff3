/** A fake driver as a process of its own, which the suite can kill and start again. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readTextIfThere } from '@drydock/base/read-if-there';
import { waitUntil } from '@drydock/base/wait-until';
import type { StoreKind } from '@drydock/fake-drivers';
import { accepts } from '../driver/accepts.ts';
import { manifestOf, profileOf, resolveChanges, type FakeDriverMutant } from './fake-driver-mutant.ts';
import type { MutantPlaces, StartedMutant } from './mutant.ts';
import { startTamperedSocket } from './tampered-socket.ts';

const PROGRAM = fileURLToPath(new URL('fake-driver-process.ts', import.meta.url));
const READY_MS_MAX = 20_000;

/** What the process is told, as JSON in its argument. */
export interface FakeDriverProcess {
  readonly profile: string | undefined;
  readonly faults: string;
  readonly store: StoreKind;
  readonly socketPath: string;
  readonly directory: string;
  readonly changes: FakeDriverMutant['changes'];
  /** Makes it wait before it listens again; the first start is as usual. */
  readonly slowRestartMs: number;
  /** It ends when it did not run for longer than that; 0: never. */
  readonly pauseMsMax: number;
  /** Its pid. */
  readonly pidFile: string;
}

export interface DriverProcessMutant extends FakeDriverMutant {
  /**
   * It mounts, in a mount namespace of its own that ends with it, and the manifest says that the agent runs there. Needs
   * root. Default: plain directories.
   */
  readonly mounts?: boolean;
  /** What it mounts; default: directories, bound. */
  readonly store?: StoreKind;
  readonly slowRestartMs?: number;
  readonly pauseMsMax?: number;
}

/** As `fakeDriver`, in a process of its own; the manifest says how to start it, unless `tamper` stands before it. */
export function driverProcess(mutant: DriverProcessMutant = {}): (places: MutantPlaces) => Promise<StartedMutant> {
  return async (places) => {
    const { mounts = false, tamper } = mutant;
    const own = tamper === undefined ? places.socketPath : join(places.directory, 'behind.sock');
    const told: FakeDriverProcess = {
      profile: mutant.profile,
      faults: mutant.faults ?? '',
      store: mounts ? (mutant.store ?? 'bind') : 'directory',
      socketPath: own,
      directory: join(places.directory, 'driver'),
      changes: mutant.changes,
      slowRestartMs: mutant.slowRestartMs ?? 0,
      pauseMsMax: mutant.pauseMsMax ?? 0,
      pidFile: join(places.directory, 'driver.pid'),
    };
    const argv = [process.execPath, PROGRAM, JSON.stringify(told)] as const;
    const namespace = mounts ? ['unshare', '--mount', '--propagation', 'private', '--'] : [];
    const [file, ...args] = [...namespace, ...argv];
    await using stack = new AsyncDisposableStack();
    const child = spawn(file, args, { cwd: '/', detached: true, stdio: 'ignore' });
    child.unref();
    stack.defer(async () => await endDriver(told.pidFile));
    await waitUntil(async () => await accepts(own), { what: `a driver at ${own}`, timeoutMs: READY_MS_MAX });
    if (tamper !== undefined) {
      stack.use(await startTamperedSocket({ socketPath: places.socketPath, behind: own, tamper }));
    }
    const manifest = manifestOf(profileOf(mutant), places, {
      ...(tamper === undefined ? { restart: { start: argv } } : {}),
      ...(mounts ? { plainDirectory: false, namespace: { pid: child.pid } } : {}),
      ...resolveChanges(mutant.manifest, { directory: places.directory, socketPath: own }),
    });
    const started = stack.move();
    return { manifest, [Symbol.asyncDispose]: async () => await started.disposeAsync() };
  };
}

/** Ends the driver, whichever process it is by now. */
async function endDriver(pidFile: string): Promise<void> {
  const pid = Number(await readTextIfThere(pidFile));
  if (!Number.isInteger(pid) || pid <= 1) return;
  const command = await readTextIfThere(`/proc/${pid}/cmdline`, ['ESRCH']);
  if (command === undefined || !command.includes(pidFile)) return; // it has ended, and the pid may be another's
  process.kill(pid, 'SIGKILL');
  await waitUntil(async () => (await readTextIfThere(`/proc/${pid}/cmdline`, ['ESRCH'])) !== command, {
    what: `driver ${pid} to end`,
  });
}

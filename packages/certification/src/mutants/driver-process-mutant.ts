/** A fake driver as a process of its own, which the suite can kill and start again. */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readTextIfThere } from '@drydock/base/read-if-there';
import { waitUntil } from '@drydock/base/wait-until';
import { manifestOf, profileOf, type FakeDriverMutant } from './fake-driver-mutant.ts';
import type { MutantPlaces, StartedMutant } from './mutant.ts';

const PROGRAM = fileURLToPath(new URL('fake-driver-process.ts', import.meta.url));
const READY_MS_MAX = 20_000;

/** What the process is told, as JSON in its argument. */
export interface FakeDriverProcess {
  readonly profile: string | undefined;
  readonly faults: string;
  readonly socketPath: string;
  readonly directory: string;
  readonly changes: FakeDriverMutant['changes'];
  /** Makes it wait before it listens again; the first start is as usual. */
  readonly slowRestartMs: number;
  /** Its pid. */
  readonly pidFile: string;
}

/** As `fakeDriver`, without changes on the wire; the manifest says how to start it. */
export function driverProcess(
  mutant: Omit<FakeDriverMutant, 'tamper'> & { readonly slowRestartMs?: number } = {},
): (places: MutantPlaces) => Promise<StartedMutant> {
  return async (places) => {
    const told: FakeDriverProcess = {
      profile: mutant.profile,
      faults: mutant.faults ?? '',
      socketPath: places.socketPath,
      directory: join(places.directory, 'driver'),
      changes: mutant.changes,
      slowRestartMs: mutant.slowRestartMs ?? 0,
      pidFile: join(places.directory, 'driver.pid'),
    };
    const argv = [process.execPath, PROGRAM, JSON.stringify(told)] as const;
    const [file, ...args] = argv;
    spawn(file, args, { cwd: '/', detached: true, stdio: 'ignore' }).unref();
    await waitUntil(async () => await accepts(places.socketPath), {
      what: `a driver at ${places.socketPath}`,
      timeoutMs: READY_MS_MAX,
    });
    const manifest = manifestOf(profileOf(mutant), places, { restart: { start: argv }, ...mutant.manifest });
    return { manifest, [Symbol.asyncDispose]: async () => await endDriver(told.pidFile) };
  };
}

/** Ends the driver, whichever process it is by now. */
async function endDriver(pidFile: string): Promise<void> {
  const pid = Number(await readTextIfThere(pidFile));
  if (!Number.isInteger(pid) || pid <= 1) return;
  const command = await readTextIfThere(`/proc/${pid}/cmdline`);
  if (command === undefined || !command.includes(pidFile)) return; // it has ended, and the pid may be another's
  process.kill(pid, 'SIGKILL');
  await waitUntil(async () => (await readTextIfThere(`/proc/${pid}/cmdline`)) !== command, {
    what: `driver ${pid} to end`,
  });
}

async function accepts(socketPath: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ path: socketPath }, () => resolve(true));
  socket.on('error', () => resolve(false));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

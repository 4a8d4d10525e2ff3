import { rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCodeOf } from '@drydock/base/errors';
import { readTextIfThere } from '@drydock/base/read-if-there';
import { waitUntil } from '@drydock/base/wait-until';
import type { Leak } from './leaks.ts';

const END_MS_MAX = 10_000;

/**
 * Ends what outlived the daemons of a run: containers and shims of an agent that could not clean up any more. Their mounts
 * go with them, and so do their control groups.
 */
export async function endLeftovers(find: () => Promise<readonly Leak[]>): Promise<void> {
  const ofProcesses = async (): Promise<readonly Leak[]> =>
    (await find()).filter(({ kind }) => kind === 'process' || kind === 'control group');
  await waitUntil(
    async () => {
      const leaks = await ofProcesses();
      for (const leak of leaks) await end(leak);
      return leaks;
    },
    { what: "the run's leftovers to end", until: (leaks) => leaks.length === 0, timeoutMs: END_MS_MAX },
  );
}

async function end({ kind, what }: Leak): Promise<void> {
  if (kind === 'process') return kill(Number(what.split(' ')[0]));
  const pids = ((await readTextIfThere(join(what, 'cgroup.procs'))) ?? '').split('\n').filter((pid) => pid !== '');
  for (const pid of pids) kill(Number(pid));
  if (pids.length > 0) return;
  await removeGroup(what);
  await removeGroup(dirname(what));
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (systemCodeOf(error) !== 'ESRCH') throw error; // It ended by itself.
  }
}

/** A group that still has members or children stays for the next round. */
async function removeGroup(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    if (!['EBUSY', 'ENOTEMPTY', 'ENOENT'].includes(systemCodeOf(error) ?? '')) throw error;
  }
}

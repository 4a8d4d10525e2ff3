/** Which processes are containers of the matrix, by the environment that their tasks were given. */
import { readdir } from 'node:fs/promises';
import { readTextIfThere } from '@drydock/base/read-if-there';

/** Names the volumes of a task in its environment, separated by commas. */
export const VOLUMES_VARIABLE = 'CRASH_MATRIX_VOLUMES';
/** Names the task. */
export const TASK_VARIABLE = 'CRASH_MATRIX_TASK';

/** Processes in containers that hold a volume. */
export async function holdersOf(volume: string): Promise<readonly number[]> {
  return await processesWith(VOLUMES_VARIABLE, (value) => value.split(',').includes(volume));
}

/** Processes of a task. */
export async function processesOf(task: string): Promise<readonly number[]> {
  return await processesWith(TASK_VARIABLE, (value) => value === task);
}

/** Whether a task has become the sleep that is its last command. */
export async function isStaying(task: string): Promise<boolean> {
  for (const pid of await processesOf(task)) {
    const command = await readTextIfThere(`/proc/${pid}/cmdline`, ['ESRCH']);
    if (command?.startsWith('sleep\0') === true) return true;
  }
  return false;
}

/** Processes of the tasks of a run, by the host name of its agent. */
export async function processesOfRun(hostname: string): Promise<readonly number[]> {
  return await processesWith(TASK_VARIABLE, (value) => value.includes(`-${hostname}-`));
}

async function processesWith(variable: string, isWanted: (value: string) => boolean): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger);
  const wanted: number[] = [];
  for (const pid of pids) {
    // Empty for one that has ended and was not waited for.
    const environment = await readTextIfThere(`/proc/${pid}/environ`, ['ESRCH', 'EACCES', 'EPERM']);
    const entry = environment?.split('\0').find((one) => one.startsWith(`${variable}=`));
    if (entry !== undefined && isWanted(entry.slice(variable.length + 1))) wanted.push(pid);
  }
  return wanted;
}

/**
 * Whether a container's init can take a signal for its task.
 *
 * Until tini has put the task into a process group of its own, a SIGTERM is lost: the runtime's own init and a tini that
 * has just been executed are pid 1 without a handler, and a tini without the group finds nobody to forward it to.
 */
import { readTextIfThere } from '@drydock/base/read-if-there';

/** `pidFile` is written by the runtime when the command runs; false while it is missing, and when the init is gone. */
export async function isInitForwarding(pidFile: string): Promise<boolean> {
  const pid = (await readTextIfThere(pidFile, ['ESRCH']))?.trim();
  if (pid === undefined || !/^\d+$/.test(pid) || (await readTextIfThere(`/proc/${pid}/stat`, ['ESRCH'])) === undefined)
    return false;
  const children = await readTextIfThere(`/proc/${pid}/task/${pid}/children`, ['ESRCH']);
  // A kernel without this file: the runtime's pid file has to do.
  if (children === undefined) return true;
  for (const child of children.trim().split(' ')) {
    const stat = child === '' ? undefined : await readTextIfThere(`/proc/${child}/stat`, ['ESRCH']);
    if (stat !== undefined && parseProcessGroup(stat) === Number(child)) return true;
  }
  return false;
}

/** Process group of a `/proc/<pid>/stat` text; the command in it may hold spaces and brackets. */
function parseProcessGroup(text: string): number {
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[2]);
}

import { readFile } from 'node:fs/promises';
import { assert } from '@drydock/base/errors';

/** Names one process for ever: a pid comes back, a pid with its start time does not. */
export interface ShimIdentity {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process. */
  readonly startTicks: number;
}

/** Identity of a living process; undefined when it is gone or a zombie. */
export async function identify(pid: number): Promise<ShimIdentity | undefined> {
  let text: string;
  try {
    text = await readFile(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // ENOENT or ESRCH: no such process.
    return undefined;
  }
  const { state, startTicks } = parseProcessStat(text);
  return state === 'Z' || state === 'X' ? undefined : { pid, startTicks };
}

/** State and start time of a `/proc/<pid>/stat` text; the command in it may hold spaces and brackets. */
export function parseProcessStat(text: string): { readonly state: string; readonly startTicks: number } {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  const startTicks = Number(fields[19]);
  assert(state !== undefined && Number.isSafeInteger(startTicks), `Expected a line of /proc/PID/stat, got '${text}'`);
  return { state, startTicks };
}

/** The text of a `shim` file; undefined when it was not written to its end. */
export function parseShimIdentity(text: string): ShimIdentity | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The agent was killed before it had written it.
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('startTicks' in value)) return undefined;
  const { pid, startTicks } = value;
  return Number.isSafeInteger(pid) && Number.isSafeInteger(startTicks)
    ? { pid: Number(pid), startTicks: Number(startTicks) }
    : undefined;
}

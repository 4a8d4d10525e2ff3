import { readFile } from 'node:fs/promises';

/** The mount points of this process's mount namespace, from /proc/self/mountinfo. */
export async function readMountpoints(): Promise<ReadonlySet<string>> {
  return parseMountpoints(await readFile('/proc/self/mountinfo', 'utf8'));
}

/** @see proc_pid_mountinfo(5); blanks and backslashes are written as octal escapes */
export function parseMountpoints(mountinfo: string): ReadonlySet<string> {
  const fields = mountinfo.split('\n').map((line) => line.split(' ')[4]);
  return new Set(
    fields.flatMap((field) =>
      field === undefined
        ? []
        : [field.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))],
    ),
  );
}

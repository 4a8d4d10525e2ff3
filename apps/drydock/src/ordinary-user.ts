/** A cluster without root: what it needs, and what it cannot show. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { userNamespaceProblem } from '@drydock/cluster';

/** Told with the result, so that nobody takes it for more than it is. */
export const ORDINARY_USER_LIMITS: readonly string[] = [
  'volumes are plain directories, no file systems on loop devices: there is no lost+found',
  'one user id: every process and every file belongs to you, who are root inside',
  'no control groups: nothing limits cpu and memory of a task, or counts them',
];

const PROGRAMS = [
  ['runc', 'runc'],
  ['tini-static', 'tini'],
] as const;

/** What an ordinary user lacks here and how to get it, in one line; undefined when a cluster can run. */
export async function ordinaryUserProblem(): Promise<string | undefined> {
  const missing: string[] = [];
  for (const [program, debianPackage] of PROGRAMS) if (!(await isInPath(program))) missing.push(debianPackage);
  if (missing.length > 0) {
    return `Missing: ${missing.join(', ')}; as root: apt-get install ${missing.join(' ')}`;
  }
  return await userNamespaceProblem();
}

async function isInPath(program: string): Promise<boolean> {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  for (const directory of directories) {
    try {
      await access(join(directory, program), constants.X_OK);
      return true;
    } catch {
      // Not in this directory.
    }
  }
  return false;
}

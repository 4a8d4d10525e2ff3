import { readFile } from 'node:fs/promises';
import { systemCodeOf } from './errors.ts';

/**
 * The text of a file that may not be there, or undefined. `absentCodes` are the system errors that count as absent,
 * besides ENOENT: ESRCH for a process that ended while its file in /proc was read.
 */
export async function readTextIfThere(path: string, absentCodes: readonly string[] = []): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'ENOENT' || (code !== undefined && absentCodes.includes(code))) return undefined;
    throw error;
  }
}

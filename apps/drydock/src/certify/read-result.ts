import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, systemCodeOf } from '@drydock/base/errors';
import type { CertificationResult } from '@drydock/certification';
import { CertifyUsageError } from './exit-codes.ts';

/** The result in a directory that `certify run` wrote, or in a file. @throws CertifyUsageError when there is none */
export async function readResult(path: string): Promise<CertificationResult> {
  const { resultSchema } = await import('@drydock/certification');
  try {
    const file = (await stat(path)).isDirectory() ? join(path, 'result.json') : path;
    return resultSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    const why = systemCodeOf(error) === 'ENOENT' ? 'there is none' : messageOf(error);
    throw new CertifyUsageError(`Expected ${path} to hold the result.json of a run: ${why}`, { cause: error });
  }
}

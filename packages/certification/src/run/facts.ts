/** Facts of the machine and of the driver's program that a result carries. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { arch, availableParallelism, release, totalmem } from 'node:os';
import { systemCodeOf } from '@drydock/base/errors';
import { readTextIfThere } from '@drydock/base/read-if-there';
import type { CertificationResult } from '../report/result-schema.ts';

export async function environmentFacts(): Promise<CertificationResult['environment']> {
  const osRelease = (await readTextIfThere('/etc/os-release')) ?? '';
  return {
    kernel: release(),
    distribution: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(osRelease)?.[1] ?? 'unknown',
    architecture: arch(),
    cpuCount: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.version,
  };
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Of the program that a process runs; undefined when it is another user's, or gone. */
export async function programDigest(pid: number): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(`/proc/${pid}/exe`)) hash.update(chunk as Buffer); // no encoding is set
    return hash.digest('hex');
  } catch (error) {
    if (['EACCES', 'EPERM', 'ENOENT', 'ESRCH'].includes(systemCodeOf(error) ?? '')) return undefined;
    throw error;
  }
}

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, type RunResult } from '@drydock/base/subprocess';

const CASES_MS_MAX = 50_000;

/**
 * Runs a script in a mount namespace of its own with a private `/dev`, and `<base>/volume/sub` there
 * as a mount with the file `inner`.
 */
export async function runCases(script: URL, base: string, args: readonly string[]): Promise<RunResult> {
  const namespace = fileURLToPath(new URL('namespace.sh', import.meta.url));
  const submount = join(base, 'volume/sub');
  for (const path of [join(base, 'dev'), submount]) await mkdir(path, { recursive: true });
  const prepare = 'mount -t tmpfs tmpfs "$1"; touch "$1/inner"; shift; exec "$@"';
  const inside = ['sh', '-c', prepare, 'sh', submount, process.execPath, fileURLToPath(script), base, ...args];
  return await run(['unshare', '--mount', 'sh', namespace, join(base, 'dev'), ...inside], {
    timeoutMs: CASES_MS_MAX,
  });
}

/** The JSON that a script printed; an error that shows what it wrote when it failed. */
export function outcomesOf(result: RunResult): unknown {
  if (result.exitCode !== 0) throw new Error(`The cases failed: ${JSON.stringify(result)}`);
  return JSON.parse(result.stdout);
}

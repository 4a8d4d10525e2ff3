/**
 * Before the tests in containers: finds a Docker Engine or starts one, and has the image of the hosts in it. The workers
 * hear of both through their environment.
 */
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { prepareEngine } from '@drydock/cluster/containers';

/** Where the logs of engine and clusters land. */
const REPORTS = join(import.meta.dirname, '..', '..', 'reports');

/** Does nothing where the tests that need it are left out. */
export async function setup(): Promise<() => Promise<void>> {
  if (process.env['DRYDOCK_WITHOUT_DOCKER'] === '1') return async () => await Promise.resolve();
  const engine = await prepareEngine();
  process.stdout.write(`${engine.description}\n`);
  return async () => {
    if (engine.logPath !== undefined) {
      await mkdir(REPORTS, { recursive: true });
      await copyFile(engine.logPath, join(REPORTS, 'dockerd.log'));
    }
    await engine[Symbol.asyncDispose]();
  };
}

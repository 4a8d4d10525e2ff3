/** What a run has left on the machine: what every cluster looks for, and what only this run's directories show. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '@drydock/base/errors';
import type { LocalCluster } from '@drydock/cluster';

export interface LeftoverScope {
  readonly cluster: LocalCluster;
  readonly workDir: string;
  readonly storeDir: string;
  /** As seen from here, as is the next. */
  readonly runtimeDir: string;
  readonly checkpointDir: string;
}

export async function findLeftovers(scope: LeftoverScope): Promise<readonly string[]> {
  const { cluster, workDir, storeDir, runtimeDir, checkpointDir } = scope;
  const leaks = (await cluster.leaks()).map(({ kind, what }) => `${kind} ${what}`);
  const places: readonly (readonly [kind: string, directory: string])[] = [
    ['checkpoint', checkpointDir],
    ['checkpoint that was put away', `${checkpointDir}.quarantine`],
    ['container', join(runtimeDir, 'containers')],
    ['container of the runtime', join(runtimeDir, 'runc')],
    ['root file system', join(workDir, 'provisioner', 'containers')],
    ['staged image', join(storeDir, 'staging')],
  ];
  const found = await Promise.all(
    places.map(async ([kind, directory]) =>
      (await namesIn(directory)).map((name) => `${kind} ${join(directory, name)}`),
    ),
  );
  const probes = (await namesIn(workDir)).filter((name) => name === 'overlay-probe');
  return [...leaks, ...found.flat(), ...probes.map((name) => `probe of overlays ${join(workDir, name)}`)];
}

/** Nothing for a directory that is not there. */
async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** The volume drivers of `drydock up`: convoy as a program of its own, and every profile of the fake drivers. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LocalCluster } from '@drydock/cluster';
import { driverProfiles, fill } from '@drydock/fake-drivers';

/** The program of Mesos' own example, with its command line. */
const CONVOY = 'convoy';
const DRYDOCK = fileURLToPath(new URL('../../bin/drydock.js', import.meta.url));

/** A driver that serves; `name` is what a task asks for. */
export interface UpDriver {
  readonly name: string;
  readonly summary: string;
  /** Options that a Create needs, for a volume named `example`. */
  readonly options: Readonly<Record<string, string>>;
}

/** What `--driver` takes. */
export const driverNames: readonly string[] = [CONVOY, ...driverProfiles.map(({ name }) => name)];

/** Starts a driver and resolves when it can be found. @throws DaemonFailedError */
export async function startDriver(cluster: LocalCluster, name: string): Promise<UpDriver> {
  const profile = driverProfiles.find((one) => one.name === name);
  if (profile === undefined) {
    await cluster.startConvoy();
    return { name, summary: 'the program, with its command line', options: {} };
  }
  const directory = join(cluster.directory, `driver-${name}`);
  const start = ['driver', 'start', '--profile', name, '--directory', directory];
  await cluster.startPlugin(name, [process.execPath, DRYDOCK, ...start]);
  const places = { name: 'example', data: join(directory, 'data') };
  const options = Object.entries(profile.exampleOptions).map(([key, value]) => [key, fill(value, places)] as const);
  return { name, summary: profile.summary, options: Object.fromEntries(options) };
}

/** Where the apps' bins are: the cluster runs them as processes and imports none of their code. */
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Where set-up puts the stand-in for `ubuntu:14.04`; an agent's `--docker_registry`. */
export const STANDIN_IMAGES_DIRECTORY: string = join(ROOT, '.drydock', 'images');

const BINS = {
  'mesos-master': 'apps/mesos/bin/mesos-master.js',
  'mesos-agent': 'apps/mesos/bin/mesos-agent.js',
  'mesos-execute': 'apps/mesos/bin/mesos-execute.js',
  dvdcli: 'apps/dvdcli/bin/dvdcli.js',
  convoy: 'apps/convoy/bin/convoy.js',
} as const;

export type BinName = keyof typeof BINS;

/** argv of a bin on the Node that runs this process. */
export function binArgv(name: BinName): readonly [string, string] {
  return [process.execPath, join(ROOT, BINS[name])];
}

/** argv of the project's own CLI, on the Node that runs this process. */
export function drydockArgv(...args: readonly string[]): readonly [string, ...string[]] {
  return [process.execPath, join(ROOT, 'apps/drydock/bin/drydock.js'), ...args];
}

/** A PATH in which the bins and the pinned Node come first. */
export function binPath(path: string): string {
  const system = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  const rest = path.split(delimiter).filter((one) => one !== '');
  return [...new Set([join(ROOT, 'node_modules', '.bin'), ...rest, ...system])].join(delimiter);
}

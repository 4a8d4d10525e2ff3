/** Where a driver is: every definition of its name, and the one that clients find. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, systemCodeOf } from '@drydock/base/errors';
import {
  defaultDiscoveryDirectories,
  locatePlugin,
  type DiscoveryDirectories,
  type PluginAddress,
} from '@drydock/volume-plugin';
import type { Manifest } from '../manifest/manifest.ts';
import { HarnessError } from '../run/outcome.ts';

/** A file that defines a plugin of that name. */
export interface DiscoveryFile {
  readonly path: string;
  readonly kind: 'socket' | '.spec' | '.json';
  /** `0660` */
  readonly mode: string;
  readonly uid: number;
  /** Of a spec file. */
  readonly content?: string;
}

export interface DriverLocation {
  /** As the driver's side names it. */
  readonly address: PluginAddress;
  /** The definitions there are, in the order in which they are looked for. */
  readonly files: readonly DiscoveryFile[];
}

/** @param fromHere a path of the agent's side as this process can open it */
export async function locateDriver(
  manifest: Pick<Manifest, 'name' | 'socket' | 'discovery'>,
  fromHere: (path: string) => string,
): Promise<DriverLocation> {
  const { name, socket, discovery = defaultDiscoveryDirectories } = manifest;
  refuseManagedName(name);
  const files = await discoveryFiles(name, discovery, fromHere);
  if (socket !== undefined) return { address: { kind: 'unix', socketPath: socket }, files };
  const inside: DiscoveryDirectories = {
    sockets: fromHere(discovery.sockets),
    specs: discovery.specs.map(fromHere),
  };
  try {
    const address = await locatePlugin(name, inside);
    const [first] = files;
    // A socket was found by a path of this process; a spec file names one of the driver's side.
    return { address: first?.kind === 'socket' ? { kind: 'unix', socketPath: first.path } : address, files };
  } catch (error) {
    const looked = [discovery.sockets, ...discovery.specs].join(', ');
    throw new HarnessError(
      `No plugin ${name} in ${looked}: ${messageOf(error)}`,
      'start the driver, or say where it listens with `socket`',
      { cause: error },
    );
  }
}

/** A managed plugin is known to dockerd alone: no client of Mesos can reach it. */
export function refuseManagedName(name: string): void {
  if (!name.includes('/')) return;
  throw new HarnessError(
    `${name} is the name of a managed (v2) plugin: dvdcli looks for a socket or a spec file of that name, which cannot ` +
      'have a slash, and gives up after 15 s (dvdcli#26), so Mesos cannot use it',
    `run the driver as a plain process or container that listens at /run/docker/plugins/${name.split('/').at(-1)}.sock`,
  );
}

/** Every definition of the name, also those that the first one hides. */
async function discoveryFiles(
  name: string,
  directories: DiscoveryDirectories,
  fromHere: (path: string) => string,
): Promise<readonly DiscoveryFile[]> {
  const both = (directory: string, suffix: string): readonly string[] => [
    join(directory, `${name}${suffix}`),
    join(directory, name, `${name}${suffix}`),
  ];
  const paths = [
    ...both(directories.sockets, '.sock'),
    ...directories.specs.flatMap((directory) => [...both(directory, '.spec'), ...both(directory, '.json')]),
  ];
  const files: DiscoveryFile[] = [];
  for (const path of paths) {
    const file = await describe(path, fromHere(path));
    if (file !== undefined) files.push(file);
  }
  return files;
}

async function describe(path: string, here: string): Promise<DiscoveryFile | undefined> {
  try {
    const facts = await stat(here);
    const mode = (facts.mode & 0o7777).toString(8).padStart(4, '0');
    const { uid } = facts;
    if (path.endsWith('.sock')) return facts.isSocket() ? { path, kind: 'socket', mode, uid } : undefined;
    const content = await readFile(here, 'utf8');
    return { path, kind: path.endsWith('.spec') ? '.spec' : '.json', mode, uid, content };
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(systemCodeOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** What a person calls an address. */
export function addressText(address: PluginAddress): string {
  if (address.kind === 'unix') return `unix://${address.socketPath}`;
  return `${address.tls === undefined ? 'tcp' : 'https'}://${address.authority}`;
}

/**
 * Finds a plugin by its driver name, in the documented order: a socket `NAME.sock`, then `NAME/NAME.sock`; then in each
 * spec directory `NAME.spec`, `NAME/NAME.spec`, `NAME.json`, `NAME/NAME.json`. The first hit wins, so a dead socket
 * hides a good spec file.
 * @see https://docs.docker.com/engine/extend/plugin_api/#plugin-discovery
 */
import { join } from 'node:path';
import { messageOf, systemCodeOf } from '@drydock/base/errors';
import { PluginAddressError, PluginNotFoundError } from '../errors.ts';
import { readFirstJson } from '../go/go-json.ts';
import { decodeInto, goPointer, goString, goStruct } from '../go/go-struct.ts';
import { statOf, textOf } from './files.ts';
import { parsePluginAddress, type PluginAddress } from './plugin-address.ts';
import { loadPluginTls, tlsConfig } from './plugin-tls.ts';

export interface DiscoveryDirectories {
  readonly sockets: string;
  readonly specs: readonly string[];
}

/** The directories that Docker and dvdcli look into. */
export const defaultDiscoveryDirectories: DiscoveryDirectories = {
  sockets: '/run/docker/plugins',
  specs: ['/etc/docker/plugins', '/usr/lib/docker/plugins'],
};

/**
 * One look; the caller repeats it.
 * @throws PluginNotFoundError, PluginAddressError, PluginTlsError
 */
export async function locatePlugin(
  driver: string,
  directories: DiscoveryDirectories = defaultDiscoveryDirectories,
): Promise<PluginAddress> {
  // Such a name (a managed plugin's, or a path) is in no directory; looking for it would leave them.
  if (!/^[^/\0]+$/.test(driver) || driver === '..') throw new PluginNotFoundError(driver);
  for (const socketPath of candidates(directories.sockets, driver, '.sock')) {
    if (await isSocket(socketPath)) return { kind: 'unix', socketPath };
  }
  for (const directory of directories.specs) {
    for (const path of candidates(directory, driver, '.spec')) {
      const text = await readIfThere(path);
      if (text !== undefined) return parsePluginAddress(text);
    }
    for (const path of candidates(directory, driver, '.json')) {
      const text = await readIfThere(path);
      if (text !== undefined) return await parseJsonSpec(path, text);
    }
  }
  throw new PluginNotFoundError(driver);
}

function candidates(directory: string, driver: string, suffix: string): readonly string[] {
  return [join(directory, `${driver}${suffix}`), join(directory, driver, `${driver}${suffix}`)];
}

const pluginSpec = goStruct('Plugin', { Addr: goString, TLSConfig: goPointer(tlsConfig) });

/** `Addr` says where the plugin is; the `Name` in the file does not count, the file's does. */
// DEVIATION: dvdcli 0.2.x crashes (nil pointer, exit code 2) on every .json spec; this reads it as dvdcli 0.1.0 does.
async function parseJsonSpec(path: string, text: string): Promise<PluginAddress> {
  let spec;
  try {
    spec = decodeInto(readFirstJson(text), pluginSpec);
  } catch (error) {
    throw new PluginAddressError(`Expected ${path} to hold a plugin spec: ${messageOf(error)}`, { cause: error });
  }
  return parsePluginAddress(spec.Addr, spec.TLSConfig === undefined ? undefined : await loadPluginTls(spec.TLSConfig));
}

async function isSocket(path: string): Promise<boolean> {
  try {
    return (await statOf(path)).isSocket();
  } catch (error) {
    if (isAbsent(error)) return false;
    throw new PluginAddressError(messageOf(error), { cause: error });
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await textOf(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw new PluginAddressError(messageOf(error), { cause: error });
  }
}

function isAbsent(error: unknown): boolean {
  const code = systemCodeOf(error);
  // ENAMETOOLONG: no file can have that name.
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG';
}

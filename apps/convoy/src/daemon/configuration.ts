/** What a root was first used with, kept in `ROOT/convoy.cfg`: its volumes need the same driver and options again. */
import { readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { writeFileAtomic } from '@drydock/base/atomic-file';
import { DomainError, messageOf, systemCodeOf } from '@drydock/base/errors';
import { parseSizeBytes } from '@drydock/fake-drivers';
import type { ConvoyVersion, DaemonFlags } from '../command-line.ts';

export type DriverKind = 'devicemapper' | 'vfs';

export interface Configuration {
  readonly version: ConvoyVersion;
  readonly driver: DriverKind;
  readonly driverOptions: Readonly<Record<string, string>>;
}

/** The flags, or the file, ask for what cannot be done. */
export class ConfigurationError extends DomainError<'BAD_CONFIGURATION'> {
  readonly code = 'BAD_CONFIGURATION';
}

/**
 * Settles the configuration and keeps it. `chooseDriver` is asked when neither flags nor file name one. As convoy does,
 * flags that differ from a kept configuration are ignored; `warn` is told of each.
 * @throws ConfigurationError
 */
export async function settleConfiguration(
  flags: DaemonFlags,
  options: { readonly chooseDriver: () => Promise<DriverKind>; readonly warn: (text: string) => void },
): Promise<Configuration> {
  const path = join(flags.root, 'convoy.cfg');
  const asked = {
    version: flags.version,
    driver: flags.drivers[0] === undefined ? undefined : parseDriver(flags.drivers[0]),
    driverOptions: parseDriverOptions(flags.driverOptions),
  };
  const kept = flags.ignoresConfigFile ? undefined : await readKept(path);
  if (kept !== undefined) {
    for (const difference of differences(kept, asked)) options.warn(`${difference}: ignored, ${path} counts`);
    return kept;
  }
  const driver = asked.driver ?? (await options.chooseDriver());
  refuseForeignOptions(driver, asked.driverOptions);
  for (const key of Object.keys(asked.driverOptions).filter((name) => emulated.includes(name))) {
    options.warn(`${key} is not used: there is no thin pool, volumes are files on loop devices`);
  }
  const configuration = { version: flags.version, driver, driverOptions: asked.driverOptions };
  await writeFileAtomic(path, `${JSON.stringify({ ...configuration, version: 1, compat: configuration.version })}\n`);
  return configuration;
}

function parseDriver(text: string): DriverKind {
  if (text === 'devicemapper' || text === 'vfs') return text;
  throw new ConfigurationError(`Cannot find driver ${text}: expected devicemapper or vfs`);
}

function parseDriverOptions(texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    texts.map((text) => {
      const equals = text.indexOf('=');
      if (equals < 1) throw new ConfigurationError(`Expected --driver-opts as key=value, got "${text}"`);
      return [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

const optionChecks: Readonly<Record<DriverKind, Readonly<Record<string, (value: string) => boolean>>>> = {
  vfs: { 'vfs.path': isAbsolute, 'vfs.defaultvolumesize': isSize },
  devicemapper: {
    'dm.datadev': isAbsolute,
    'dm.metadatadev': isAbsolute,
    'dm.thinpoolname': (value) => value !== '',
    'dm.thinpoolblocksize': (value) => /^[1-9]\d{0,8}$/.test(value),
    'dm.defaultvolumesize': isSize,
    'dm.fs': (value) => value === 'ext4',
  },
};

// DEVIATION: the real driver makes a thin pool of these devices.
const emulated: readonly string[] = ['dm.datadev', 'dm.metadatadev', 'dm.thinpoolname'];

function refuseForeignOptions(driver: DriverKind, driverOptions: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(driverOptions)) {
    const checks = optionChecks[driver];
    const check = Object.hasOwn(checks, key) ? checks[key] : undefined;
    if (check === undefined) {
      throw new ConfigurationError(
        `Driver ${driver} has no option ${key} here: expected one of ${Object.keys(checks).join(', ')}`,
      );
    }
    if (!check(value)) throw new ConfigurationError(`Cannot use ${key}=${value} for driver ${driver}`);
  }
}

function isSize(text: string): boolean {
  try {
    return parseSizeBytes(text) > 0;
  } catch {
    return false; // not a number, which is what is asked here
  }
}

/** What the flags ask for and the kept configuration does not say. */
function differences(
  kept: Configuration,
  asked: {
    readonly version: ConvoyVersion;
    readonly driver: DriverKind | undefined;
    readonly driverOptions: Readonly<Record<string, string>>;
  },
): readonly string[] {
  const options = Object.entries(asked.driverOptions).filter(([key, value]) => kept.driverOptions[key] !== value);
  return [
    ...(asked.driver === undefined || asked.driver === kept.driver ? [] : [`--drivers ${asked.driver}`]),
    ...(asked.version === kept.version ? [] : [`--compat ${asked.version}`]),
    ...options.map(([key, value]) => `--driver-opts ${key}=${value}`),
  ];
}

async function readKept(path: string): Promise<Configuration | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) throw new Error('it is no JSON object');
    const { version, compat = '0.5', driver, driverOptions } = { ...value } as Record<string, unknown>; // any object is one
    if (compat !== '0.4' && compat !== '0.5') throw new Error(`got ${text.trim().slice(0, 200)}`);
    if (version !== 1 || typeof driver !== 'string' || typeof driverOptions !== 'object' || driverOptions === null) {
      throw new Error(`got ${text.trim().slice(0, 200)}`);
    }
    const options = Object.entries(driverOptions).map(([key, option]: [string, unknown]) => [key, String(option)]);
    return { version: compat, driver: parseDriver(driver), driverOptions: Object.fromEntries(options) };
  } catch (error) {
    throw new ConfigurationError(`Expected ${path} to be a configuration of version 1: ${messageOf(error)}`);
  }
}

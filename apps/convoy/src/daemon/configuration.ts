/** What a root was first used with, kept in `ROOT/convoy.cfg`: its volumes need the same driver and options again. */
import { readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { writeFileAtomic } from '@drydock/base/atomic-file';
import { DomainError, messageOf, systemCodeOf } from '@drydock/base/errors';
import { parseSizeBytes } from '@drydock/fake-drivers';
import type { DaemonFlags } from '../command-line.ts';

export type DriverKind = 'devicemapper' | 'vfs';

export interface Configuration {
  readonly driver: DriverKind;
  readonly driverOptions: Readonly<Record<string, string>>;
}

/** The flags, or the file, ask for what cannot be done. */
export class ConfigurationError extends DomainError<'BAD_CONFIGURATION'> {
  readonly code = 'BAD_CONFIGURATION';
}

/**
 * Settles the configuration and keeps it. `chooseDriver` is asked when neither flags nor file name one.
 * @throws ConfigurationError
 */
export async function settleConfiguration(
  flags: DaemonFlags,
  chooseDriver: () => Promise<DriverKind>,
): Promise<Configuration> {
  const path = join(flags.root, 'convoy.cfg');
  const asked = {
    driver: flags.drivers[0] === undefined ? undefined : parseDriver(flags.drivers[0]),
    driverOptions: parseDriverOptions(flags.driverOptions),
  };
  const kept = flags.ignoresConfigFile ? undefined : await readKept(path);
  if (kept !== undefined) {
    refuseDifference(path, kept, asked);
    return kept;
  }
  const driver = asked.driver ?? (await chooseDriver());
  refuseForeignOptions(driver, asked.driverOptions);
  const configuration = { driver, driverOptions: asked.driverOptions };
  await writeFileAtomic(path, `${JSON.stringify({ version: 1, ...configuration })}\n`);
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
  devicemapper: { 'dm.defaultvolumesize': isSize, 'dm.fs': (value) => value === 'ext4' },
};

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

// DEVIATION: convoy silently ignores flags that differ from the file.
function refuseDifference(
  path: string,
  kept: Configuration,
  asked: { driver: DriverKind | undefined; driverOptions: Readonly<Record<string, string>> },
): void {
  if (asked.driver !== undefined && asked.driver !== kept.driver) {
    throw new ConfigurationError(
      `Expected --drivers ${kept.driver}, as ${path} says, got ${asked.driver} (--ignore-config-file overrides the file)`,
    );
  }
  for (const [key, value] of Object.entries(asked.driverOptions)) {
    if (kept.driverOptions[key] !== value) {
      throw new ConfigurationError(
        `Expected ${key}=${kept.driverOptions[key] ?? ''}, as ${path} says, got ${value} (--ignore-config-file overrides the file)`,
      );
    }
  }
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
    const { version, driver, driverOptions } = { ...value } as Record<string, unknown>; // any object is one
    if (version !== 1 || typeof driver !== 'string' || typeof driverOptions !== 'object' || driverOptions === null) {
      throw new Error(`got ${text.trim().slice(0, 200)}`);
    }
    const options = Object.entries(driverOptions).map(([key, option]: [string, unknown]) => [key, String(option)]);
    return { driver: parseDriver(driver), driverOptions: Object.fromEntries(options) };
  } catch (error) {
    throw new ConfigurationError(`Expected ${path} to be a configuration of version 1: ${messageOf(error)}`);
  }
}

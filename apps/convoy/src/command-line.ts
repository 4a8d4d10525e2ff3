/** convoy's command line: `convoy [global flags] COMMAND [flags] [arguments]`; a command's flags may follow its arguments. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { DomainError, messageOf } from '@drydock/base/errors';

export const DEFAULT_SOCKET_PATH = '/var/run/convoy/convoy.sock';
export const DEFAULT_ROOT = '/var/lib/rancher/convoy';
export const DEFAULT_SPEC_DIRECTORY = '/etc/docker/plugins';

/** Which convoy is spoken: 0.4 shows and takes UUIDs, and words some errors otherwise. */
export type ConvoyVersion = '0.4' | '0.5';

export interface GlobalFlags {
  readonly socketPath: string;
  readonly isVerbose: boolean;
  readonly version: ConvoyVersion;
}

export interface DaemonFlags {
  readonly socketPath: string;
  readonly root: string;
  /** As given, at most one; none = what the root was used with, or what the machine can do. */
  readonly drivers: readonly string[];
  /** `key=value` each. */
  readonly driverOptions: readonly string[];
  readonly ignoresConfigFile: boolean;
  readonly version: ConvoyVersion;
  /** A removal through the plugin API removes nothing. */
  readonly ignoresDockerDelete: boolean;
  /** A mount of an unknown volume through the plugin API creates it. */
  readonly createsOnDockerMount: boolean;
  /** `''` = stderr. */
  readonly logPath: string;
  /** As given, shown by `info`. */
  readonly commandTimeout: string;
  readonly pluginName: string;
  readonly specDirectory: string;
  readonly faults: string;
}

export type CommandLine =
  | { readonly kind: 'version'; readonly version: ConvoyVersion }
  | { readonly kind: 'help'; readonly command?: CommandName }
  | { readonly kind: 'daemon'; readonly flags: DaemonFlags }
  | {
      readonly kind: 'create';
      readonly global: GlobalFlags;
      readonly name: string;
      readonly size: string;
      readonly driver: string;
      readonly backup: string;
      readonly endpoint: string;
      readonly id: string;
      readonly type: string;
      readonly iops: string;
      readonly isForVm: boolean;
    }
  | {
      readonly kind: 'delete';
      readonly global: GlobalFlags;
      readonly names: readonly string[];
      readonly referenceOnly: boolean;
    }
  | { readonly kind: 'list'; readonly global: GlobalFlags; readonly asksDriver: boolean }
  | { readonly kind: 'info'; readonly global: GlobalFlags }
  /** Of snapshots and backups; `words` is what follows. */
  | { readonly kind: 'snapshot' | 'backup'; readonly global: GlobalFlags; readonly words: readonly string[] }
  | { readonly kind: 'inspect' | 'umount'; readonly global: GlobalFlags; readonly name: string }
  | { readonly kind: 'mount'; readonly global: GlobalFlags; readonly name: string; readonly mountpoint: string };

export const commandNames = [
  'daemon',
  'info',
  'create',
  'delete',
  'mount',
  'umount',
  'list',
  'inspect',
  'snapshot',
  'backup',
] as const;

export type CommandName = (typeof commandNames)[number];

/** The command line cannot be read. */
export class CommandLineError extends DomainError<'BAD_COMMAND_LINE'> {
  readonly code = 'BAD_COMMAND_LINE';
}

const help = { type: 'boolean', short: 'h' } as const;
const text = { type: 'string' } as const;
const bool = { type: 'boolean' } as const;

const globalConfig = {
  socket: { type: 'string', short: 's' },
  verbose: bool,
  compat: text,
  debug: { type: 'boolean', short: 'd' },
  version: { type: 'boolean', short: 'v' },
  help,
} as const;

const createConfig = {
  size: text,
  driver: text,
  backup: text,
  's3-endpoint': text,
  id: text,
  type: text,
  iops: text,
  vm: bool,
} as const;

const daemonConfig = {
  root: text,
  drivers: { type: 'string', multiple: true },
  'driver-opts': { type: 'string', multiple: true },
  'ignore-config-file': bool,
  'ignore-docker-delete': bool,
  'create-on-docker-mount': bool,
  'cmd-timeout': text,
  'mnt-ns': text,
  log: text,
  compat: text,
  debug: bool,
  socket: { type: 'string', short: 's' },
  'plugin-name': text,
  'plugin-spec-dir': text,
  faults: text,
  help,
} as const;

/** @throws CommandLineError */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const at = commandIndex(argv);
  const { values: global } = parse('convoy', argv.slice(0, at), globalConfig);
  const version = parseVersion(global.compat);
  if (global.version === true) return { kind: 'version', version };
  const word = argv[at];
  if (word === undefined || global.help === true) return { kind: 'help' };
  const globalFlags: GlobalFlags = {
    socketPath: global.socket ?? DEFAULT_SOCKET_PATH,
    isVerbose: global.verbose === true,
    version,
  };
  const rest = argv.slice(at + 1);
  if (word === 'help') return toHelp(rest[0]);
  const command = commandNames.find((name) => name === word);
  if (command === undefined) throw new CommandLineError(`Unrecognized command: ${word}`);
  if (rest.includes('--help') || rest.includes('-h')) return { kind: 'help', command };
  if (command === 'daemon') return parseDaemon(rest, { socket: global.socket, compat: global.compat });
  return parseClientCommand(command, rest, globalFlags);
}

function parseDaemon(
  argv: readonly string[],
  global: { readonly socket: string | undefined; readonly compat: string | undefined },
): CommandLine {
  const { values, positionals } = parse('daemon', argv, daemonConfig);
  const drivers = values.drivers ?? [];
  const pluginName = values['plugin-name'] ?? 'convoy';
  if (positionals.length > 0) throw new CommandLineError(`Unexpected argument of daemon: ${positionals[0]}`);
  // DEVIATION: convoy serves several drivers at once.
  if (drivers.length > 1) throw new CommandLineError(`Expected --drivers once, got ${drivers.join(' and ')}`);
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(pluginName)) {
    throw new CommandLineError(
      `Expected --plugin-name of letters, digits, dot, dash and underscore, got "${pluginName}"`,
    );
  }
  // DEVIATION: convoy mounts in the namespace that is named; start it there instead, with nsenter(1).
  if (values['mnt-ns'] !== undefined) throw new CommandLineError('--mnt-ns is not supported: start the daemon there');
  const commandTimeout = values['cmd-timeout'] ?? '';
  if (commandTimeout !== '' && !/^(\d+(\.\d+)?(h|m|s|ms))+$/.test(commandTimeout)) {
    throw new CommandLineError(`Expected --cmd-timeout as a duration like 1m30s, got ${commandTimeout}`);
  }
  const flags: DaemonFlags = {
    version: parseVersion(values.compat ?? global.compat),
    ignoresDockerDelete: values['ignore-docker-delete'] === true,
    createsOnDockerMount: values['create-on-docker-mount'] === true,
    logPath: values.log === undefined ? '' : absolute('--log', values.log),
    commandTimeout,
    socketPath: absolute('--socket', values.socket ?? global.socket ?? DEFAULT_SOCKET_PATH),
    root: absolute('--root', values.root ?? DEFAULT_ROOT),
    drivers,
    driverOptions: values['driver-opts'] ?? [],
    ignoresConfigFile: values['ignore-config-file'] === true,
    pluginName,
    specDirectory: absolute('--plugin-spec-dir', values['plugin-spec-dir'] ?? DEFAULT_SPEC_DIRECTORY),
    faults: values.faults ?? '',
  };
  return { kind: 'daemon', flags };
}

function parseClientCommand(
  command: Exclude<CommandName, 'daemon'>,
  argv: readonly string[],
  global: GlobalFlags,
): CommandLine {
  switch (command) {
    case 'create': {
      const { values, positionals } = parse(command, argv, createConfig);
      const [name = ''] = atMostOne(command, positionals);
      const { size = '', driver = '', backup = '', id = '', type = '', iops = '' } = values;
      const rest = { size, driver, backup, endpoint: values['s3-endpoint'] ?? '', id, type, iops };
      return { kind: 'create', global, name, ...rest, isForVm: values.vm === true };
    }
    case 'delete': {
      const { values, positionals } = parse(command, argv, { reference: { type: 'boolean', short: 'r' } } as const);
      return { kind: 'delete', global, names: positionals, referenceOnly: values.reference === true };
    }
    case 'list': {
      const { values, positionals } = parse(command, argv, { driver: bool } as const);
      atMostOne(command, positionals);
      return { kind: 'list', global, asksDriver: values.driver === true };
    }
    case 'info':
      parse(command, argv, {});
      return { kind: 'info', global };
    case 'snapshot':
    case 'backup':
      return { kind: command, global, words: argv };
    case 'inspect':
    case 'umount':
      return { kind: command, global, name: exactlyOne(command, parse(command, argv, {}).positionals) };
    case 'mount': {
      const { values, positionals } = parse(command, argv, { mountpoint: text });
      return { kind: 'mount', global, name: exactlyOne(command, positionals), mountpoint: values.mountpoint ?? '' };
    }
  }
}

/** Index of the first word that is neither a global flag nor the value of one. */
function commandIndex(argv: readonly string[]): number {
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? '';
    if (word === '--socket' || word === '-s' || word === '--compat') index++;
    else if (!word.startsWith('-')) return index;
  }
  return argv.length;
}

function parse<T extends ParseArgsOptionsConfig>(
  command: string,
  argv: readonly string[],
  options: T,
): ReturnType<typeof parseArgs<{ args: string[]; options: T; strict: true; allowPositionals: true }>> {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: true });
  } catch (error) {
    throw new CommandLineError(`${command}: ${messageOf(error)}`, { cause: error });
  }
}

function toHelp(word: string | undefined): CommandLine {
  const command = commandNames.find((name) => name === word);
  return command === undefined ? { kind: 'help' } : { kind: 'help', command };
}

/** `0.4` for 0.4.3, `0.5` for 0.5.2. */
function parseVersion(compat: string | undefined): ConvoyVersion {
  if (compat === undefined || compat === '0.5') return '0.5';
  if (compat === '0.4') return '0.4';
  throw new CommandLineError(`Expected --compat to be 0.4 or 0.5, got ${compat}`);
}

function absolute(flag: string, path: string): string {
  if (path.startsWith('/')) return path;
  throw new CommandLineError(`Expected ${flag} to be an absolute path, got ${path}`);
}

function atMostOne(command: string, positionals: readonly string[]): readonly string[] {
  if (positionals.length <= 1) return positionals;
  throw new CommandLineError(`Expected at most one volume name for ${command}, got ${positionals.join(', ')}`);
}

function exactlyOne(command: string, positionals: readonly string[]): string {
  const [name] = atMostOne(command, positionals);
  if (name !== undefined) return name;
  throw new CommandLineError(`Expected the name of a volume for ${command}`);
}

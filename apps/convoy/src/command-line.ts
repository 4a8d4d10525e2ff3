/** convoy's command line: `convoy [global flags] COMMAND [flags] [arguments]`; a command's flags may follow its arguments. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { DomainError, messageOf } from '@drydock/base/errors';

export const DEFAULT_SOCKET_PATH = '/var/run/convoy/convoy.sock';
export const DEFAULT_ROOT = '/var/lib/rancher/convoy';
export const DEFAULT_SPEC_DIRECTORY = '/etc/docker/plugins';

export interface GlobalFlags {
  readonly socketPath: string;
  readonly isVerbose: boolean;
}

export interface DaemonFlags {
  readonly socketPath: string;
  readonly root: string;
  /** As given, at most one; none = what the root was used with, or what the machine can do. */
  readonly drivers: readonly string[];
  /** `key=value` each. */
  readonly driverOptions: readonly string[];
  readonly ignoresConfigFile: boolean;
  readonly pluginName: string;
  readonly specDirectory: string;
  readonly faults: string;
}

export type CommandLine =
  | { readonly kind: 'version' }
  | { readonly kind: 'help'; readonly command?: CommandName }
  | { readonly kind: 'daemon'; readonly flags: DaemonFlags }
  | {
      readonly kind: 'create';
      readonly global: GlobalFlags;
      readonly name: string;
      readonly size: string;
      readonly driver: string;
    }
  | {
      readonly kind: 'delete';
      readonly global: GlobalFlags;
      readonly names: readonly string[];
      readonly referenceOnly: boolean;
    }
  | { readonly kind: 'list'; readonly global: GlobalFlags }
  | { readonly kind: 'inspect' | 'umount'; readonly global: GlobalFlags; readonly name: string }
  | { readonly kind: 'mount'; readonly global: GlobalFlags; readonly name: string; readonly mountpoint: string };

export const commandNames = ['daemon', 'create', 'delete', 'list', 'inspect', 'mount', 'umount'] as const;

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
  debug: { type: 'boolean', short: 'd' },
  version: { type: 'boolean', short: 'v' },
  help,
} as const;

const daemonConfig = {
  root: text,
  drivers: { type: 'string', multiple: true },
  'driver-opts': { type: 'string', multiple: true },
  'ignore-config-file': bool,
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
  if (global.version === true) return { kind: 'version' };
  const word = argv[at];
  if (word === undefined || global.help === true) return { kind: 'help' };
  const globalFlags: GlobalFlags = {
    socketPath: global.socket ?? DEFAULT_SOCKET_PATH,
    isVerbose: global.verbose === true,
  };
  const rest = argv.slice(at + 1);
  if (word === 'help') return toHelp(rest[0]);
  const command = commandNames.find((name) => name === word);
  if (command === undefined) throw new CommandLineError(`Unrecognized command: ${word}`);
  if (rest.includes('--help') || rest.includes('-h')) return { kind: 'help', command };
  if (command === 'daemon') return parseDaemon(rest, global.socket);
  return parseClientCommand(command, rest, globalFlags);
}

function parseDaemon(argv: readonly string[], globalSocket: string | undefined): CommandLine {
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
  const flags: DaemonFlags = {
    socketPath: absolute('--socket', values.socket ?? globalSocket ?? DEFAULT_SOCKET_PATH),
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
      const { values, positionals } = parse(command, argv, { size: text, driver: text });
      const [name = ''] = atMostOne(command, positionals);
      return { kind: 'create', global, name, size: values.size ?? '', driver: values.driver ?? '' };
    }
    case 'delete': {
      const { values, positionals } = parse(command, argv, { reference: { type: 'boolean', short: 'r' } } as const);
      return { kind: 'delete', global, names: positionals, referenceOnly: values.reference === true };
    }
    case 'list':
      atMostOne(command, parse(command, argv, {}).positionals);
      return { kind: 'list', global };
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
    if (word === '--socket' || word === '-s') index++;
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

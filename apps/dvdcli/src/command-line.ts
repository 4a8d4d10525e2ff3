/** dvdcli's command line: `dvdcli [flags] COMMAND [flags]`; flags may stand anywhere, as `--flag value` or `--flag=value`. */
import { parseArgs } from 'node:util';
import { DomainError } from '@drydock/base/errors';
import type { VolumeOptions } from '@drydock/volume-plugin';

export const volumeCommands = ['mount', 'unmount', 'create', 'path'] as const;

export type VolumeCommand = (typeof volumeCommands)[number];

export type CommandLine =
  /** `help` and `--help` print on stdout, everything else about usage goes to stderr. */
  | { readonly kind: 'help'; readonly command?: VolumeCommand }
  | { readonly kind: 'no-command' }
  | { readonly kind: 'version' }
  | {
      readonly kind: 'volume';
      readonly command: VolumeCommand;
      /** May be empty: dvdcli then says so in its own way. */
      readonly driver: string;
      /** May be empty: that is for the driver to refuse. */
      readonly name: string;
      readonly driverOptions: VolumeOptions;
      readonly explicitCreate: boolean;
      readonly timeoutMs: number;
    };

/** The command line cannot be read; `command` is set when the usage of one command helps. */
export class CommandLineError extends DomainError<'BAD_COMMAND_LINE'> {
  readonly code = 'BAD_COMMAND_LINE';
  readonly command: VolumeCommand | undefined;

  constructor(message: string, command?: VolumeCommand) {
    super(message);
    this.command = command;
  }
}

/**
 * Longer than any limit of the docker/volume isolator (2 min to mount, 10 min to unmount), so that its limits decide
 * there and this one only ends what a person started by hand.
 */
export const DEFAULT_TIMEOUT_MS: number = 11 * 60_000;

/** By flag: the commands that have it; all if none is named. */
const flagTable: Readonly<Record<string, { readonly isBool?: true; readonly commands?: readonly VolumeCommand[] }>> = {
  volumedriver: {},
  volumename: {},
  timeout: {},
  help: { isBool: true },
  volumeopts: { commands: ['mount', 'create'] },
  explicitcreate: { isBool: true, commands: ['mount'] },
};

/** @throws CommandLineError */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: {
      ...Object.fromEntries(
        Object.entries(flagTable).map(([name, { isBool }]) => [
          name,
          { type: isBool === true ? ('boolean' as const) : ('string' as const), multiple: true },
        ]),
      ),
      help: { type: 'boolean', short: 'h' },
    },
  });
  const positionals = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []));
  const command = toCommand(positionals[0]);
  const values = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    values.set(token.name, [...(values.get(token.name) ?? []), flagValue(token, command)]);
  }
  if (values.has('help')) return toHelp(command === 'help' ? undefined : command);
  switch (command) {
    case undefined:
      return { kind: 'no-command' };
    case 'version':
      return { kind: 'version' };
    case 'help': {
      const topic = toCommand(positionals[1]);
      return toHelp(topic === 'help' ? undefined : topic);
    }
    default:
      return {
        kind: 'volume',
        command,
        driver: values.get('volumedriver')?.at(-1) ?? '',
        name: values.get('volumename')?.at(-1) ?? '',
        driverOptions: parseVolumeOptions(values.get('volumeopts') ?? [], command),
        explicitCreate: isTrue(values.get('explicitcreate')?.at(-1), command),
        timeoutMs: parseTimeoutMs(values.get('timeout')?.at(-1), command),
      };
  }
}

function toCommand(word: string | undefined): VolumeCommand | 'version' | 'help' | undefined {
  if (word === undefined || word === 'version' || word === 'help') return word;
  const command = volumeCommands.find((candidate) => candidate === word);
  // DEVIATION: dvdcli exits 0 on an unknown command, which a caller takes for success; see also unknown flags below.
  if (command === undefined) throw new CommandLineError(`unknown command "${word}" for "dvdcli"`);
  return command;
}

function toHelp(command: VolumeCommand | 'version' | undefined): CommandLine {
  return command === undefined || command === 'version' ? { kind: 'help' } : { kind: 'help', command };
}

function flagValue(
  token: { readonly name: string; readonly rawName: string; readonly value: string | undefined },
  command: VolumeCommand | 'version' | 'help' | undefined,
): string {
  const topic = command === 'version' || command === 'help' ? undefined : command;
  const spec = Object.hasOwn(flagTable, token.name) ? flagTable[token.name] : undefined;
  const isKnown = spec !== undefined && (spec.commands === undefined || spec.commands.some((name) => name === command));
  // DEVIATION: dvdcli exits 0 on an unknown flag.
  if (!isKnown) throw new CommandLineError(`unknown flag: ${token.rawName}`, topic);
  if (token.value === undefined && spec.isBool !== true) {
    throw new CommandLineError(`flag needs an argument: ${token.rawName}`, topic);
  }
  return token.value ?? 'true';
}

/** `a=1,b=2` is two options, as in dvdcli; the last of two with one key counts. */
function parseVolumeOptions(texts: readonly string[], command: VolumeCommand): VolumeOptions {
  const pairs = texts.flatMap((text) => text.split(','));
  return Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf('=');
      // DEVIATION: dvdcli panics here (exit code 2), after it has already called the driver.
      if (equals === -1) throw new CommandLineError(`Expected --volumeopts as key=value, got "${pair}"`, command);
      // DEVIATION: dvdcli cuts the value at a second `=`.
      return [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
}

function isTrue(text: string | undefined, command: VolumeCommand): boolean {
  if (text === undefined || text === 'false') return false;
  if (text === 'true') return true;
  throw new CommandLineError(`invalid argument "${text}" for --explicitcreate: expected true or false`, command);
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

function parseTimeoutMs(text: string | undefined, command: VolumeCommand): number {
  if (text === undefined) return DEFAULT_TIMEOUT_MS;
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Number(amount) * (UNITS_MS[unit] ?? Number.NaN);
  if (ms > 0 && ms <= 24 * 3_600_000) return ms;
  throw new CommandLineError(`invalid argument "${text}" for --timeout: expected up to 24h, for example 90s`, command);
}

/** dvdcli's command line: `dvdcli [flags] COMMAND [flags]`; flags may stand anywhere, as `--flag value` or `--flag=value`. */
import { parseArgs } from 'node:util';
import { DomainError } from '@drydock/base/errors';
import type { VolumeOptions } from '@drydock/volume-plugin';
import { compats, DEFAULT_COMPAT, type Compat } from './compat.ts';

export const volumeCommands = ['create', 'get', 'list', 'mount', 'path', 'remove', 'unmount'] as const;

export type VolumeCommand = (typeof volumeCommands)[number];

/** The commands that dvdcli 0.1.0 does not have. */
const commandsSince02: readonly VolumeCommand[] = ['get', 'list'];

/** The commands of one dvdcli. */
export function commandsOf(compat: Compat): readonly VolumeCommand[] {
  return compat === '0.1' ? volumeCommands.filter((command) => !commandsSince02.includes(command)) : volumeCommands;
}

export type CommandLine =
  /** `help` and `--help` print on stdout, everything else about usage goes to stderr. */
  | { readonly kind: 'help'; readonly compat: Compat; readonly command?: VolumeCommand }
  | { readonly kind: 'no-command'; readonly compat: Compat }
  | { readonly kind: 'version'; readonly compat: Compat }
  | VolumeCommandLine;

export interface VolumeCommandLine {
  readonly kind: 'volume';
  readonly compat: Compat;
  readonly command: VolumeCommand;
  /** May be empty: dvdcli then says so in its own way. */
  readonly driver: string;
  /** May be empty: that is for the driver to refuse. */
  readonly name: string;
  readonly driverOptions: VolumeOptions;
  readonly explicitCreate: boolean;
  readonly timeoutMs: number;
}

/** The command line cannot be read; `command` is set when the usage of one command helps. */
export class CommandLineError extends DomainError<'BAD_COMMAND_LINE'> {
  readonly code = 'BAD_COMMAND_LINE';
  readonly compat: Compat;
  readonly command: VolumeCommand | undefined;

  constructor(message: string, about: { readonly compat: Compat; readonly command?: VolumeCommand | undefined }) {
    super(message);
    this.compat = about.compat;
    this.command = about.command;
  }
}

/**
 * Longer than any limit of the docker/volume isolator (2 min to mount, 10 min to unmount), so that its limits decide
 * there and this one only ends what a person started by hand.
 */
const DEFAULT_TIMEOUT_MS = 11 * 60_000;

/** By flag: the commands that have it; all if none is named. */
const flagTable: Readonly<
  Record<string, { readonly isBool?: true; readonly commands?: readonly VolumeCommand[]; readonly since02?: true }>
> = {
  volumedriver: {},
  volumename: {},
  timeout: {},
  'dvdcli-compat': {},
  help: { isBool: true },
  volumeopts: { commands: ['mount', 'create'] },
  explicitcreate: { isBool: true, commands: ['mount'], since02: true },
};

/** What a flag or a word belongs to. */
interface Context {
  readonly compat: Compat;
  readonly command?: VolumeCommand | undefined;
}

/**
 * @param env `DVDCLI_COMPAT` counts where `--dvdcli-compat` is not given
 * @throws CommandLineError
 */
export function parseCommandLine(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): CommandLine {
  const tokens = tokensOf(argv);
  const compat = compatOf(tokens, env['DVDCLI_COMPAT']);
  const positionals = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []));
  const word = toWord(positionals[0], compat);
  const context = { compat, command: volumeCommands.find((command) => command === word) };
  const values = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    values.set(token.name, [...(values.get(token.name) ?? []), flagValue(token, context)]);
  }
  if (values.has('help')) return toHelp(context.command, compat);
  switch (word) {
    case undefined:
      return { kind: 'no-command', compat };
    case 'version':
      return { kind: 'version', compat };
    case 'help': {
      const topic = toWord(positionals[1], compat);
      return toHelp(topic === 'help' || topic === 'version' ? undefined : topic, compat);
    }
    default:
      return {
        kind: 'volume',
        compat,
        command: word,
        driver: values.get('volumedriver')?.at(-1) ?? '',
        name: values.get('volumename')?.at(-1) ?? '',
        driverOptions: parseVolumeOptions(values.get('volumeopts') ?? [], context),
        explicitCreate: isTrue(values.get('explicitcreate')?.at(-1), context),
        timeoutMs: parseTimeoutMs(values.get('timeout')?.at(-1), context),
      };
  }
}

type Token =
  | { readonly kind: 'positional'; readonly value: string }
  | { readonly kind: 'option'; readonly name: string; readonly rawName: string; readonly value: string | undefined }
  | { readonly kind: 'option-terminator' };

function tokensOf(argv: readonly string[]): readonly Token[] {
  return parseArgs({
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
  }).tokens;
}

/** Read before all else, because it decides which words and flags there are. */
function compatOf(tokens: readonly Token[], fromEnv: string | undefined): Compat {
  const given = tokens.findLast((token) => token.kind === 'option' && token.name === 'dvdcli-compat');
  const [text, where] =
    given?.kind === 'option' ? [given.value ?? '', '--dvdcli-compat'] : [fromEnv ?? '', 'DVDCLI_COMPAT'];
  if (given === undefined && text === '') return DEFAULT_COMPAT;
  const compat = compats.find((candidate) => candidate === text);
  if (compat !== undefined) return compat;
  throw new CommandLineError(`invalid argument "${text}" for ${where}: expected ${compats.join(' or ')}`, {
    compat: DEFAULT_COMPAT,
  });
}

function toWord(word: string | undefined, compat: Compat): VolumeCommand | 'version' | 'help' | undefined {
  if (word === undefined || word === 'version' || word === 'help') return word;
  const command = commandsOf(compat).find((candidate) => candidate === word);
  // DEVIATION: dvdcli exits 0 on an unknown command, which a caller takes for success; see also unknown flags below.
  if (command === undefined) throw new CommandLineError(`unknown command "${word}" for "dvdcli"`, { compat });
  return command;
}

function toHelp(command: VolumeCommand | undefined, compat: Compat): CommandLine {
  return { kind: 'help', compat, ...(command === undefined ? {} : { command }) };
}

function flagValue(token: Extract<Token, { kind: 'option' }>, context: Context): string {
  const spec = Object.hasOwn(flagTable, token.name) ? flagTable[token.name] : undefined;
  const isKnown =
    spec !== undefined &&
    (spec.commands === undefined || spec.commands.some((name) => name === context.command)) &&
    !(spec.since02 === true && context.compat === '0.1');
  // DEVIATION: dvdcli exits 0 on an unknown flag.
  if (!isKnown) throw new CommandLineError(`unknown flag: ${token.rawName}`, context);
  if (token.value === undefined && spec.isBool !== true) {
    throw new CommandLineError(`flag needs an argument: ${token.rawName}`, context);
  }
  return token.value ?? 'true';
}

/** `a=1,b=2` is two options, as in dvdcli; the last of two with one key counts. */
function parseVolumeOptions(texts: readonly string[], context: Context): VolumeOptions {
  const pairs = texts.flatMap((text) => text.split(','));
  return Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf('=');
      // DEVIATION: dvdcli panics here (exit code 2), after it has already called the driver.
      if (equals === -1) throw new CommandLineError(`Expected --volumeopts as key=value, got "${pair}"`, context);
      // DEVIATION: dvdcli cuts the value at a second `=`.
      return [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
}

function isTrue(text: string | undefined, context: Context): boolean {
  if (text === undefined || text === 'false') return false;
  if (text === 'true') return true;
  throw new CommandLineError(`invalid argument "${text}" for --explicitcreate: expected true or false`, context);
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

function parseTimeoutMs(text: string | undefined, context: Context): number {
  if (text === undefined) return DEFAULT_TIMEOUT_MS;
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Number(amount) * (UNITS_MS[unit] ?? Number.NaN);
  if (ms > 0 && ms <= 24 * 3_600_000) return ms;
  throw new CommandLineError(`invalid argument "${text}" for --timeout: expected up to 24h, for example 90s`, context);
}

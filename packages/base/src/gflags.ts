/**
 * Command lines of the mesos bins, as upstream's stout flags read them: `--name=value`, `--bool`, `--no-bool`,
 * `--bool=false`, and `MESOS_<NAME>` from the environment. One table per program gives parser, `--help` and `/flags`.
 * @see 3rdparty/stout/include/stout/flags/flags.hpp
 */
import { parseArgs } from 'node:util';
import { DomainError, assertNever } from './errors.ts';

export type FlagKind = 'string' | 'bool' | 'int' | 'duration' | 'json';

export interface FlagSpec {
  readonly kind: FlagKind;
  /** In the form a person would type; absent = no value. */
  readonly default?: string;
  readonly required?: boolean;
  /** Whether the value may hold a password: `/flags` and messages do not show it. */
  readonly isSecret?: boolean;
  readonly help: string;
  /** Upstream file and flag, or `drydock` for one of our own. */
  readonly source: string;
  /** What the value must look like beyond its kind; gives the reason when it does not. */
  readonly check?: (value: string) => string | undefined;
}

export type FlagTable = Readonly<Record<string, FlagSpec>>;

const HIDDEN = '<hidden>';

/** Types a table by its rows, so that values have the kinds that the table says. */
export function defineFlags<const T extends FlagTable>(table: T): T {
  return table;
}

interface KindValues {
  string: string;
  bool: boolean;
  int: number;
  /** Milliseconds. */
  duration: number;
  json: unknown;
}

type ValueOf<S extends FlagSpec> = S extends { default: string } | { required: true }
  ? KindValues[S['kind']]
  : KindValues[S['kind']] | undefined;

/** Typed values by flag name. */
export type FlagValues<T extends FlagTable> = { readonly [K in keyof T]: ValueOf<T[K]> };

/** The command line is wrong; `problems` lists everything that is, one sentence each. */
export class FlagsError extends DomainError<'BAD_FLAGS'> {
  readonly code = 'BAD_FLAGS';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

export interface ParsedFlags<T extends FlagTable> {
  readonly values: FlagValues<T>;
  /** `--help` was given: nothing else was checked. */
  readonly isHelp: boolean;
  /** As `/flags` shows them: every flag that has a value, as text. */
  readonly texts: Readonly<Record<string, string>>;
}

export interface ParseFlagsOptions {
  /** Where `MESOS_<NAME>` is looked up; default: nowhere (mesos-execute reads none). */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads a command line; it wins over the environment, which wins over defaults.
 * @throws FlagsError with every problem found
 */
export function parseFlags<T extends FlagTable>(
  table: T,
  argv: readonly string[],
  options: ParseFlagsOptions = {},
): ParsedFlags<T> {
  const problems: string[] = [];
  const texts: Record<string, string> = {};
  for (const [name, spec] of Object.entries(table)) {
    const fromEnv = options.env?.[`MESOS_${name.toUpperCase()}`];
    const initial = fromEnv ?? spec.default;
    if (initial !== undefined) texts[name] = initial;
  }
  const isHelp = readCommandLine(table, argv, texts, problems);
  const values: Record<string, unknown> = {};
  if (!isHelp) {
    for (const [name, spec] of Object.entries(table)) {
      const text = texts[name];
      if (text === undefined) {
        if (spec.required === true) problems.push(`Flag '${name}' is required, but it was not provided`);
        continue;
      }
      const value = readValue(name, spec, text);
      if ('problem' in value) problems.push(value.problem);
      else values[name] = value.value;
    }
  }
  if (problems.length > 0) throw new FlagsError(problems);
  // Every required or defaulted flag has a value here, the others may lack one: exactly what FlagValues says.
  return { values: values as FlagValues<T>, isHelp, texts: withoutSecrets(table, texts) };
}

function withoutSecrets(table: FlagTable, texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, table[name]?.isSecret === true ? HIDDEN : text]),
  );
}

function readCommandLine(
  table: FlagTable,
  argv: readonly string[],
  texts: Record<string, string>,
  problems: string[],
): boolean {
  let isHelp = false;
  const seen = new Set<string>();
  const { tokens } = parseArgs({ args: [...argv], strict: false, tokens: true, allowPositionals: true });
  for (const token of tokens) {
    if (token.kind === 'positional')
      problems.push(`Unexpected argument '${token.value}': flags are written --name=value`);
    if (token.kind !== 'option') continue;
    if (token.name === 'help' || token.name === 'h') {
      isHelp = true;
      continue;
    }
    const negated = !(token.name in table) && token.name.startsWith('no-');
    const name = negated ? token.name.slice(3) : token.name;
    const spec = Object.hasOwn(table, name) ? table[name] : undefined;
    if (spec === undefined) {
      problems.push(`Failed to load unknown flag '${name}'${negated ? ` via '${token.name}'` : ''}`);
      continue;
    }
    if (seen.has(name)) problems.push(`Flag '${name}' is already loaded via the command line`);
    seen.add(name);
    if (negated && spec.kind !== 'bool') {
      problems.push(`Failed to load non-boolean flag '${name}' via '${token.name}'`);
    } else if (negated && token.value !== undefined) {
      problems.push(`Failed to load boolean flag '${name}' via '${token.name}' with value '${token.value}'`);
    } else if (token.value === undefined && spec.kind !== 'bool') {
      problems.push(`Failed to load non-boolean flag '${name}': Missing value`);
    } else {
      texts[name] = token.value ?? String(!negated);
    }
  }
  return isHelp;
}

function readValue(name: string, spec: FlagSpec, text: string): { value: unknown } | { problem: string } {
  const fail = (why: string): { problem: string } => ({
    problem: `Failed to load value '${spec.isSecret === true ? HIDDEN : text}' for flag '${name}': ${why}`,
  });
  const reason = spec.check?.(text);
  if (reason !== undefined) return fail(reason);
  switch (spec.kind) {
    case 'string':
      return { value: text };
    case 'bool':
      if (text === 'true' || text === '1') return { value: true };
      if (text === 'false' || text === '0') return { value: false };
      return fail("Expecting a boolean (e.g., 'true' or 'false')");
    case 'int':
      return /^-?\d{1,15}$/.test(text) ? { value: Number(text) } : fail('Expecting an integer');
    case 'duration': {
      const ms = parseDurationMs(text);
      return ms === undefined ? fail("Expecting a duration with a unit (e.g., '10secs', '5mins')") : { value: ms };
    }
    case 'json':
      try {
        return { value: JSON.parse(text) };
      } catch (error) {
        return fail(`Expecting JSON: ${error instanceof Error ? error.message : String(error)}`);
      }
    default:
      return assertNever(spec.kind);
  }
}

const DURATION_UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  secs: 1_000,
  mins: 60_000,
  hrs: 3_600_000,
  days: 86_400_000,
  weeks: 604_800_000,
};

/** Milliseconds of stout's duration text (`10secs`, `1.5mins`), or undefined. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([a-z]+)$/.exec(text);
  const unit = match?.[2] === undefined ? undefined : DURATION_UNITS_MS[match[2]];
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit;
}

/** stout's duration text in the largest unit that leaves it short: `3secs`, `2mins`, `200ms`. */
export function formatDurationMs(ms: number): string {
  const units = Object.entries(DURATION_UNITS_MS).toReversed();
  const [unit, unitMs] = units.find(([, size]) => ms >= size && Number.isInteger(ms / size)) ?? ['ms', 1];
  return `${ms / unitMs}${unit}`;
}

export interface UsageOptions {
  /** Whether the program reads `MESOS_<NAME>`. */
  readonly readsEnvironment?: boolean;
}

/** The text of `--help`: every flag with its default and where it comes from. */
export function usage(program: string, summary: string, table: FlagTable, options: UsageOptions = {}): string {
  const rows = Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1));
  const forms = rows.map(([name, spec]) => (spec.kind === 'bool' ? `  --[no-]${name}` : `  --${name}=VALUE`));
  const width = Math.max(...forms.map((form) => form.length)) + 2;
  const lines = rows.map(([, spec], index) => {
    const standard = spec.default === undefined ? '' : ` (default: ${spec.default})`;
    const needed = spec.required === true ? ' (required)' : '';
    return `${(forms[index] ?? '').padEnd(width)}${spec.help}${needed}${standard} [${spec.source}]`;
  });
  const durations = rows.filter(([, { kind }]) => kind === 'duration').map(([name]) => `--${name}`);
  const notes = [
    ...(durations.length === 0
      ? []
      : [`${durations.join(', ')}: a number with one of the units ${Object.keys(DURATION_UNITS_MS).join(', ')}.`]),
    ...(options.readsEnvironment === true
      ? ['Every flag can be given as MESOS_<FLAG> in the environment, too; the command line wins.']
      : []),
    'In brackets: where the flag comes from in the sources of Mesos; drydock = it is our own.',
  ];
  const help = `${'  --help'.padEnd(width)}Prints this help message`;
  return `Usage: ${program} [options]\n\n${summary}\n\n${lines.join('\n')}\n${help}\n\n${notes.join('\n')}\n`;
}

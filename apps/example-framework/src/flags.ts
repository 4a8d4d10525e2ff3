/** The command line: one table for parsing, checking and `--help`. */
import { parseArgs } from 'node:util';
import { DomainError, messageOf } from '@drydock/base/errors';
import type { ContentType } from '@drydock/mesos';

/** The command line makes no sense; the message has a line for each problem. */
export class UsageError extends DomainError<'USAGE'> {
  readonly code = 'USAGE';
}

export interface Flags {
  readonly masters: readonly [string, ...string[]];
  readonly stateDir: string;
  readonly contentType: ContentType;
  readonly driver: string;
  readonly volume: string;
  readonly image: string;
  readonly role: string;
  readonly failoverTimeoutSeconds: number;
  /** Whether the framework and its tasks end with this process. */
  readonly isTornDown: boolean;
  readonly isJson: boolean;
}

const WEEK_SECONDS = 7 * 24 * 3600;

const TABLE = {
  master: { type: 'string', value: 'HOST:PORT[,...]', help: 'masters, any of which may lead; required' },
  state_dir: {
    type: 'string',
    value: 'DIR',
    help: 'keeps the framework id and the tasks, so that the next instance with this directory takes over; required',
  },
  content_type: { type: 'string', value: 'json|protobuf', default: 'protobuf', help: 'of calls and events' },
  driver: { type: 'string', value: 'NAME', default: 'convoy', help: 'the Docker volume driver' },
  volume: { type: 'string', value: 'NAME', default: 'myvolume', help: 'the volume that both tasks share' },
  image: { type: 'string', value: 'NAME', default: 'ubuntu:14.04', help: 'the Docker image of both tasks' },
  role: { type: 'string', value: 'ROLE', default: '*', help: 'whose offers to ask for' },
  failover_timeout: {
    type: 'string',
    value: 'SECONDS',
    default: String(WEEK_SECONDS),
    help: 'for how long the master keeps the tasks of a framework that is gone',
  },
  teardown: { type: 'boolean', help: 'at SIGTERM or SIGINT, end the tasks and the framework (default: leave them)' },
  json: { type: 'boolean', help: 'log lines as JSON' },
  help: { type: 'boolean', help: 'show this help' },
} as const;

/** @throws UsageError */
export function parseFlags(argv: readonly string[]): Flags | 'help' {
  const values = readValues(argv);
  if (values.help === true) return 'help';
  const [first = '', ...others] = (values.master ?? '').split(',').map((master) => master.trim());
  const seconds = Number(values.failover_timeout);
  const problems = [
    ...masterProblems([first, ...others]),
    ...(values.state_dir ? [] : ['Expected --state_dir=DIR, a directory to keep the framework id in']),
    ...(['json', 'protobuf'].includes(values.content_type)
      ? []
      : [`Expected --content_type to be json or protobuf, got '${values.content_type}'`]),
    ...(values.failover_timeout.trim() !== '' && Number.isFinite(seconds) && seconds >= 0
      ? []
      : [`Expected --failover_timeout to be a number of seconds from 0, got '${values.failover_timeout}'`]),
    ...(['driver', 'volume', 'image', 'role'] as const)
      .filter((name) => values[name] === '')
      .map((name) => `Expected --${name} not to be empty`),
  ];
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
  return {
    masters: [first, ...others],
    stateDir: values.state_dir ?? '',
    contentType: values.content_type === 'json' ? 'application/json' : 'application/x-protobuf',
    driver: values.driver,
    volume: values.volume,
    image: values.image,
    role: values.role,
    failoverTimeoutSeconds: seconds,
    isTornDown: values.teardown === true,
    isJson: values.json === true,
  };
}

function readValues(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: TABLE }).values;
  } catch (error) {
    throw new UsageError(messageOf(error), { cause: error });
  }
}

function masterProblems(masters: readonly string[]): readonly string[] {
  if (masters.join('') === '') return ['Expected --master=HOST:PORT, the address of at least one master'];
  const isAddress = (text: string): boolean => /^[^\s/:]+:\d+$|^\[[^\]]+\]:\d+$|^https?:\/\/\S+$/.test(text);
  return masters
    .filter((text) => !isAddress(text))
    .map((text) => `Expected --master to be HOST:PORT, or several with commas between them, got '${text}'`);
}

export function usage(): string {
  const rows = Object.entries(TABLE).map(([name, flag]) => {
    const value = 'value' in flag ? `=${flag.value}` : '';
    const byDefault = 'default' in flag ? ` (default ${flag.default})` : '';
    return `  ${`--${name}${value}`.padEnd(30)} ${flag.help}${byDefault}\n`;
  });
  return `Usage: example-framework --master=HOST:PORT --state_dir=DIR [flags]

Keeps two tasks alive that share a Docker volume: a writer, and a reader on another agent if there is one.

${rows.join('')}`;
}

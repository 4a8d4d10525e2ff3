import { describe, expect, it } from 'vitest';
import { FlagsError, formatDurationMs, parseDurationMs, parseFlags, usage } from './gflags.ts';

const table = {
  master: { kind: 'string', required: true, help: 'Where the master is', source: 'test' },
  port: { kind: 'int', default: '5051', help: 'Port', source: 'test' },
  switch_user: { kind: 'bool', default: 'true', help: 'Switch', source: 'test' },
  delay: { kind: 'duration', default: '2secs', help: 'Delay', source: 'test' },
  token: {
    kind: 'string',
    isSecret: true,
    check: (value: string) => (value === 'bad' ? 'no' : undefined),
    help: '',
    source: '',
  },
  environment: { kind: 'json', help: 'Environment', source: 'test' },
} as const;

const problemsOf = (argv: string[]): readonly string[] => {
  try {
    parseFlags(table, argv);
  } catch (error) {
    if (error instanceof FlagsError) return error.problems;
    throw error;
  }
  return [];
};

describe('parseFlags', () => {
  it('reads values, booleans in all their forms, and defaults', () => {
    const { values } = parseFlags(table, ['--master=h:1', '--no-switch_user', '--environment={}']);
    expect(values).toEqual({ master: 'h:1', port: 5051, switch_user: false, delay: 2_000, environment: {} });
    expect(parseFlags(table, ['--master=h', '--switch_user=false']).values.switch_user).toBe(false);
    expect(parseFlags(table, ['--master=h', '--switch_user']).values.switch_user).toBe(true);
  });

  it('reads the environment only when given, and the command line wins', () => {
    const env = { MESOS_MASTER: 'env:1', MESOS_PORT: '1' };
    const { values, texts } = parseFlags(table, ['--port=2'], { env });
    expect(values).toMatchObject({ master: 'env:1', port: 2 });
    expect(texts).toMatchObject({ master: 'env:1', port: '2', switch_user: 'true' });
  });

  it.each([
    [['--master=h', '--nope'], "Failed to load unknown flag 'nope'"],
    [['--master=h', '--no-nope'], "Failed to load unknown flag 'nope' via 'no-nope'"],
    [['--master=h', '--no-port'], "Failed to load non-boolean flag 'port' via 'no-port'"],
    [['--master=h', '--port'], "Failed to load non-boolean flag 'port': Missing value"],
    [['--master=h', '--port=x'], "Failed to load value 'x' for flag 'port': Expecting an integer"],
    [['--master=h', '--switch_user=maybe'], "Expecting a boolean (e.g., 'true' or 'false')"],
    [['--master=h', '--delay=5'], 'Expecting a duration with a unit'],
    [['--master=h', '--environment={'], 'Expecting JSON'],
    [['--master=h', 'stray'], "Unexpected argument 'stray'"],
    [['--master=h', '--master=i'], "Flag 'master' is already loaded via the command line"],
    [['--master=h', '--__proto__=x'], "Failed to load unknown flag '__proto__'"],
    [[], "Flag 'master' is required, but it was not provided"],
  ])('%j: %s', (argv, problem) => {
    expect(problemsOf(argv)).toEqual([expect.stringContaining(problem)]);
  });

  it('shows no secret', () => {
    const { values, texts } = parseFlags(table, ['--master=h', '--token=secret']);
    expect([values.token, texts['token']]).toEqual(['secret', '<hidden>']);
    expect(problemsOf(['--master=h', '--token=bad'])).toEqual(["Failed to load value '<hidden>' for flag 'token': no"]);
  });

  it('lists every problem at once', () => {
    expect(problemsOf(['--nope', '--port=x'])).toHaveLength(3);
  });

  it('asks for nothing else when help is wanted', () => {
    expect(parseFlags(table, ['--help']).isHelp).toBe(true);
  });
});

describe('parseDurationMs', () => {
  it.each([
    ['10secs', 10_000],
    ['1.5mins', 90_000],
    ['1weeks', 604_800_000],
    ['250ms', 250],
    ['0ns', 0],
    ['10', undefined],
    ['secs', undefined],
    ['1years', undefined],
  ])('%s = %s', (text, expected) => {
    expect(parseDurationMs(text)).toBe(expected);
  });
});

describe('formatDurationMs', () => {
  it.each([
    [3_000, '3secs'],
    [120_000, '2mins'],
    [90_000, '90secs'],
    [200, '200ms'],
    [0, '0ms'],
  ])('%i = %s', (ms, text) => {
    expect(formatDurationMs(ms)).toBe(text);
  });
});

describe('usage', () => {
  it('names every flag with its default and source', () => {
    const text = usage('mesos-agent', 'Runs tasks.', table);
    expect(text).toContain('--port=VALUE');
    expect(text).toContain('Port (default: 5051) [test]');
    expect(text).toContain('--[no-]switch_user');
    expect(text).toContain('Where the master is (required) [test]');
    expect(text).toContain('\n--delay: a number with one of the units ns, us, ms, secs, mins, hrs, days, weeks.\n');
    expect(text).not.toContain('MESOS_<FLAG>');
    expect(usage('mesos-agent', 'Runs tasks.', table, { readsEnvironment: true })).toContain('MESOS_<FLAG>');
  });
});

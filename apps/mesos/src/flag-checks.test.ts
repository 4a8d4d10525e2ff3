import type { FlagTable } from '@drydock/base/gflags';
import { describe, expect, it } from 'vitest';
import { agentFlags } from './mesos-agent/flags.ts';
import { masterFlags } from './mesos-master/flags.ts';
import { problemsOf } from './testing/problems-of.ts';

/** What is said of `--name=value`, beside what else has to be there. */
function problemOf(table: FlagTable, name: string, value: string): string | undefined {
  const others = { master: 'h:5050', work_dir: '/w' };
  const argv = Object.entries({ ...others, [name]: value })
    .filter(([one]) => one in table)
    .map(([one, text]) => `--${one}=${text}`);
  const [problem, ...more] = problemsOf(table, ...argv);
  expect(more).toEqual([]);
  return problem;
}

describe.each<[string, FlagTable, readonly (readonly [name: string, value: string, why: string])[]]>([
  [
    'mesos-master',
    masterFlags,
    [
      ['ip', 'localhost', 'Expecting an IP address'],
      ['offer_timeout', '0secs', 'Expecting more than 0'],
      ['max_completed_frameworks', '-1', 'Expecting a count, 0 or more'],
      ['max_completed_tasks_per_framework', '-1', 'Expecting a count, 0 or more'],
      ['max_unreachable_tasks_per_framework', '-1', 'Expecting a count, 0 or more'],
      ['max_unreachable_tasks_per_framework', 'x', 'Expecting an integer'],
    ],
  ],
  [
    'mesos-agent',
    agentFlags,
    [
      ['master', 'h', 'Expecting host:port'],
      ['master', 'http://h:5050', 'Expecting host:port'],
      ['master', 'h:65536', 'Expecting host:port'],
      ['master', 'a b:5050', 'Expecting host:port'],
      ['ip', '', 'Expecting an IP address'],
      ['max_completed_executors_per_framework', '-1', 'Expecting a count, 0 or more'],
      ['fetcher_stall_timeout', '0ms', 'Expecting more than 0'],
    ],
  ],
])('%s', (_, table, rows) => {
  it.each(rows)('refuses --%s=%s', (name, value, why) => {
    expect(problemOf(table, name, value)).toBe(`Failed to load value '${value}' for flag '${name}': ${why}`);
  });
});

describe('mesos-agent takes', () => {
  it.each(['127.0.0.1:5050', 'master.test:1', '[::1]:65535'])('--master=%s', (master) => {
    expect(problemOf(agentFlags, 'master', master)).toBeUndefined();
  });
});

describe('mesos-master takes', () => {
  it.each([
    ['max_completed_frameworks', '0'],
    ['offer_timeout', '1ms'],
    ['ip', '::'],
  ])('--%s=%s', (name, value) => {
    expect(problemOf(masterFlags, name, value)).toBeUndefined();
  });
});

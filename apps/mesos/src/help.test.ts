import { fileURLToPath } from 'node:url';
import type { FlagTable } from '@drydock/base/gflags';
import { run, type RunResult } from '@drydock/base/subprocess';
import { describe, expect, it } from 'vitest';
import { agentFlags } from './mesos-agent/flags.ts';
import { executeFlags } from './mesos-execute/flags.ts';
import { masterFlags } from './mesos-master/flags.ts';
import { problemsOf } from './testing/problems-of.ts';

const PROGRAMS: readonly (readonly [program: string, table: FlagTable])[] = [
  ['mesos-master', masterFlags],
  ['mesos-agent', agentFlags],
  ['mesos-execute', executeFlags],
];

const runBin = async (program: string, ...args: readonly string[]): Promise<RunResult> =>
  await run([process.execPath, fileURLToPath(new URL(`../bin/${program}.js`, import.meta.url)), ...args]);

function namesOf(table: FlagTable, isBool: boolean): readonly string[] {
  const chosen = Object.entries(table).filter(([, { kind }]) => (kind === 'bool') === isBool);
  return chosen.map(([name]) => name);
}

describe.each(PROGRAMS)('%s', (program, table) => {
  it('--help tells every flag of its table with default, unit and source, on stdout', async () => {
    const result = await runBin(program, '--help');
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    const lines = result.stdout.split('\n');
    expect(lines[0]).toBe(`Usage: ${program} [options]`);
    const told = lines.filter((line) => line.startsWith('  --'));
    expect(told).toHaveLength(Object.keys(table).length + 1);
    for (const [name, spec] of Object.entries(table)) {
      const form = spec.kind === 'bool' ? `--[no-]${name}` : `--${name}=VALUE`;
      const line = told.find((one) => one.startsWith(`  ${form} `)) ?? '';
      expect(line, name).toContain(spec.help);
      expect(line.includes('(required)'), name).toBe(spec.required === true);
      expect(line).toContain(spec.default === undefined ? '' : `(default: ${spec.default})`);
      expect(line, name).toMatch(new RegExp(`\\[(\\w+/\\w+\\.cpp: ${name}|drydock)\\]$`));
    }
    const durations = Object.entries(table).filter(([, { kind }]) => kind === 'duration');
    expect(durations.length).toBeGreaterThan(0);
    expect(result.stdout).toContain(
      `\n${durations
        .map(([name]) => `--${name}`)
        .toSorted()
        .join(', ')}: a number with`,
    );
  });

  it.each(namesOf(table, true))('reads --%s with and without value, and --no-%s', (name) => {
    const others = problemsOf(table);
    for (const form of [`--${name}`, `--no-${name}`, `--${name}=false`])
      expect(problemsOf(table, form)).toEqual(others);
    expect(problemsOf(table, `--${name}=maybe`)).toContainEqual(expect.stringContaining('Expecting a boolean'));
  });

  it.each(namesOf(table, false))('wants a value for --%s, once', (name) => {
    expect(problemsOf(table, `--${name}`)).toContain(`Failed to load non-boolean flag '${name}': Missing value`);
    expect(problemsOf(table, `--no-${name}`)).toContain(`Failed to load non-boolean flag '${name}' via 'no-${name}'`);
    expect(problemsOf(table, `--${name}=1`, `--${name}=1`)).toContain(
      `Flag '${name}' is already loaded via the command line`,
    );
  });

  it.each(['--nope', '--nope=1', '--no-nope'])('refuses %s with its usage on stderr', async (flag) => {
    const result = await runBin(program, flag);
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toMatch(/^Failed to load unknown flag 'nope'/);
    expect(result.stderr).toContain(`\nUsage: ${program} [options]\n`);
  });

  it('refuses what is no flag', async () => {
    const result = await runBin(program, 'stray');
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toContain("Unexpected argument 'stray': flags are written --name=value");
  });
});

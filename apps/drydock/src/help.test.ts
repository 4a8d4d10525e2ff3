import { fileURLToPath } from 'node:url';
import { run, type RunResult } from '@drydock/base/subprocess';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from './program.ts';

const BIN = fileURLToPath(new URL('../bin/drydock.js', import.meta.url));
const drydock = async (...args: readonly string[]): Promise<RunResult> => await run([process.execPath, BIN, ...args]);

/** Every command by the words that lead to it. */
function commandsOf(command: Command, path: readonly string[] = []): (readonly [string, Command])[] {
  return [
    [path.join(' '), command],
    ...command.commands.flatMap((child) => commandsOf(child, [...path, child.name()])),
  ];
}

const commands = commandsOf(createProgram());
const wordsOf = (path: string): readonly string[] => path.split(' ').filter((word) => word !== '');
/** As it is printed, wherever lines are broken. */
const flat = (text: string): string => text.replaceAll(/\s+/g, ' ');

describe('drydock', () => {
  it('has its commands', () => {
    expect(commands.map(([path]) => path)).toEqual(
      expect.arrayContaining([
        '',
        'scenario',
        'up',
        'doctor',
        'driver',
        'driver list',
        'driver start',
        'certify',
        'certify run',
      ]),
    );
  });

  it.each(commands)('%s --help tells every option and command', async (path, command) => {
    const result = await drydock(...wordsOf(path), '--help');
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    const told = flat(result.stdout);
    expect(told).toContain(`Usage: ${['drydock', ...wordsOf(path)].join(' ')}`);
    expect(command.description()).not.toBe('');
    expect(told).toContain(flat(command.description()));
    for (const { flags, description, defaultValue } of command.options) {
      expect(description, flags).not.toBe('');
      expect(told).toContain(`${flags} ${flat(description)}`);
      expect(told).toContain(defaultValue === undefined ? '' : `default: ${JSON.stringify(defaultValue)})`);
    }
    for (const child of command.commands) expect(told).toContain(child.name());
  });

  it.each(commands)('%s refuses an option that it does not have', async (path) => {
    const result = await drydock(...wordsOf(path), '--nope');
    // Of certify, 1 is the verdict.
    expect(result).toMatchObject({ exitCode: path.startsWith('certify') ? 2 : 1, stdout: '' });
    expect(result.stderr).toContain("error: unknown option '--nope'");
  });

  it('refuses a command that it does not have', async () => {
    const result = await drydock('nope');
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toContain("error: unknown command 'nope'");
  });

  it('shows its help on stderr when it is told nothing', async () => {
    const result = await drydock();
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toContain('Usage: drydock');
  });
});

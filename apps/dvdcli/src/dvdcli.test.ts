/** What dvdcli does on purpose as the real one does not, and what is its own; all else is in transcripts.test.ts. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SkippingClock, startScriptedPlugin, type ScriptedPluginOptions } from '@drydock/volume-plugin/fake';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runDvdcli } from './dvdcli.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dvdcli-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  /** Without times. */
  readonly stderr: string;
  readonly calls: readonly string[];
}

const volume = ['--volumedriver=d', '--volumename=v1'];
const known = { 'VolumeDriver.Get': { body: '{"Volume":{"Name":"v1"}}' } };

async function dvdcli(
  argv: readonly string[],
  options: { answers?: ScriptedPluginOptions['answers']; env?: Record<string, string> } = {},
): Promise<Outcome> {
  const { answers = {}, env = {} } = options;
  await using plugin = await startScriptedPlugin({ socketPath: join(directory, 'd.sock'), answers });
  let stdout = '';
  let stderr = '';
  const exitCode = await runDvdcli(argv, {
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
    env: { DVDCLI_PLUGIN_DIRECTORIES: directory, ...env },
    clock: new SkippingClock(),
  });
  return { exitCode, stdout, stderr: stderr.replaceAll(/time="[^"]*" /g, ''), calls: plugin.calls() };
}

describe.each(['0.1', '0.2'])('dvdcli as %s', (compat) => {
  const env = { DVDCLI_COMPAT: compat };

  it('takes options apart at commas and keeps a second equals sign', async () => {
    const argv = ['--volumeopts', 'b=2,a=1', 'create', ...volume, '--volumeopts=o=x=y', '--volumeopts=e='];
    const { exitCode, calls } = await dvdcli(argv, { env });
    expect(calls).toEqual(['Create {"Name":"v1","Opts":{"a":"1","b":"2","e":"","o":"x=y"}}']);
    expect(exitCode).toBe(0);
  });

  it('gives up on a driver that does not answer', async () => {
    const answers = { 'VolumeDriver.Get': 'hang', 'VolumeDriver.Create': 'hang' } as const;
    const outcome = await dvdcli(['mount', ...volume, '--timeout=50ms'], { answers, env });
    const stderr = 'level=error msg="Gave up on volume driver d: no answer within 0.05 s" volumeName=v1 \n';
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '', stderr });
    expect(outcome.calls).toHaveLength(1);
  });

  it.each([
    [
      'Mount has no mountpoint',
      'mount',
      known,
      'level=error msg="Expected the driver to answer Mount with a mountpoint, got an empty one" volumeName=v1 \n',
    ],
    [
      'Path is refused',
      'path',
      { ...known, 'VolumeDriver.Path': { body: '{"Err":"no way"}' } },
      'level=error msg="no way" \n',
    ],
  ])('fails when %s', async (_title, command, answers, stderr) => {
    const outcome = await dvdcli([command, ...volume], { answers, env });
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '', stderr });
  });

  it.each([
    ['an unknown flag', ['mount', '--bogus=1', ...volume], 'unknown flag: --bogus'],
    ['a flag of another command', ['unmount', '--volumeopts=a=1', ...volume], 'unknown flag: --volumeopts'],
    ['an unknown command', ['frobnicate', ...volume], 'unknown command "frobnicate" for "dvdcli"'],
    ['a flag without its value', ['mount', ...volume, '--volumename'], 'flag needs an argument: --volumename'],
    [
      'an option without an equals sign',
      ['create', '--volumeopts=novalue', ...volume],
      'Expected --volumeopts as key=value, got "novalue"',
    ],
    [
      'a time that is none',
      ['mount', '--timeout=soon', ...volume],
      'invalid argument "soon" for --timeout: expected up to 24h, for example 90s',
    ],
    [
      'another dvdcli',
      ['mount', '--dvdcli-compat=0.3', ...volume],
      'invalid argument "0.3" for --dvdcli-compat: expected 0.1 or 0.2',
    ],
  ])('refuses %s before any call', async (_title, argv, message) => {
    const outcome = await dvdcli(argv, { env });
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '', calls: [] });
    expect(outcome.stderr).toContain(`Error: ${message}\nRun 'dvdcli --help' for usage.\n`);
  });

  it('shows its version in six lines', async () => {
    const { stdout } = await dvdcli(['version'], { env });
    const lines = stdout.split('\n');
    const names = ['Binary', 'SemVer', 'OsArch', 'Branch', 'Commit', 'Formed', ''];
    expect(lines.map((line) => line.split(':')[0])).toEqual(names);
    expect(lines[1]).toMatch(`SemVer: ${compat}.`);
  });
});

describe('dvdcli', () => {
  it('as 0.2 refuses a switch that is neither on nor off', async () => {
    const { exitCode, stderr } = await dvdcli(['mount', '--explicitcreate=x', ...volume]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('Error: invalid argument "x" for --explicitcreate: expected true or false\n');
  });

  it('refuses a version in its environment that it does not know', async () => {
    const { exitCode, stderr, calls } = await dvdcli(['mount', ...volume], { env: { DVDCLI_COMPAT: '1.0' } });
    expect({ exitCode, calls }).toEqual({ exitCode: 1, calls: [] });
    expect(stderr).toContain('Error: invalid argument "1.0" for DVDCLI_COMPAT: expected 0.1 or 0.2\n');
  });

  it('lets its flag win over its environment', async () => {
    const { calls } = await dvdcli(['remove', '--dvdcli-compat=0.1', ...volume], { env: { DVDCLI_COMPAT: '0.2' } });
    expect(calls).toEqual(['Remove {"Name":"v1"}']);
  });
});

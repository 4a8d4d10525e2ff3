import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startScriptedPlugin, type ScriptedPluginOptions } from '@drydock/volume-plugin/fake';
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
}

async function dvdcli(...argv: string[]): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  const exitCode = await runDvdcli(argv, {
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
    directories: { sockets: directory, specs: [] },
    retryDelaysMs: [1, 2],
  });
  return { exitCode, stdout, stderr: stderr.replaceAll(/time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ" /g, '') };
}

const volume = ['--volumedriver=d', '--volumename=v1'];
const known = { 'VolumeDriver.Get': { body: '{"Volume":{"Name":"v1"}}' } };

async function withPlugin(
  answers: ScriptedPluginOptions['answers'],
  ...argv: string[]
): Promise<Outcome & { readonly calls: readonly string[] }> {
  await using plugin = await startScriptedPlugin({
    socketPath: join(directory, 'd.sock'),
    ...(answers === undefined ? {} : { answers }),
  });
  const outcome = await dvdcli(...argv);
  return { ...outcome, calls: plugin.calls() };
}

describe('dvdcli', () => {
  it.each([
    [
      'mount',
      { ...known, 'VolumeDriver.Mount': { body: '{"Mountpoint":"/m/v 1"}' } },
      '/m/v 1\n',
      'level=info msg="/m/v 1" \n',
    ],
    ['unmount', known, '', ''],
    ['create', {}, '', 'level=info msg=v1 \n'],
    [
      'path',
      { 'VolumeDriver.Get': { body: '{"Volume":{"Name":"v1","Mountpoint":"/m"}}' } },
      '/m\n',
      'level=info msg="/m" \n',
    ],
    ['path', known, '', ''],
  ])('prints what the real one prints on success: %s', async (command, answers, stdout, stderr) => {
    const outcome = await withPlugin(answers, command, ...volume);
    expect(outcome).toMatchObject({ exitCode: 0, stdout, stderr });
  });

  const lookup = (text: string): string =>
    `level=info msg="Error looking up volume plugin d: ${text}" volumeDriver=d \n`;

  it.each([
    [
      'Activate fails',
      'mount',
      { 'Plugin.Activate': { status: 500, body: '{"Err":"no"}' } },
      lookup('Plugin.Activate: no'),
    ],
    [
      'it is no volume driver',
      'mount',
      { 'Plugin.Activate': { body: '{}' } },
      lookup('Plugin does not implement the requested driver'),
    ],
    [
      'Create is refused',
      'create',
      { 'VolumeDriver.Create': { body: '{"Err":"no way"}' } },
      'level=error msg="no way" volumeName=v1 \n',
    ],
    [
      'Create is refused while mounting',
      'mount',
      { 'VolumeDriver.Create': { body: '{"Err":"no way"}' } },
      'level=error msg="no way" volumeName=v1 \n',
    ],
    [
      'Get is refused',
      'unmount',
      { 'VolumeDriver.Get': { body: '{"Err":"no way"}' } },
      'level=error msg="no way" volumeName=v1 \n',
    ],
    [
      'Get is not there',
      'path',
      { 'VolumeDriver.Get': { status: 404, body: 'Handler not found\n' } },
      'level=error msg="VolumeDriver.Get: Handler not found\\n" volumeName=v1 \n',
    ],
    [
      'Mount is refused',
      'mount',
      { ...known, 'VolumeDriver.Mount': { body: '{"Mountpoint":"/m","Err":"no way"}' } },
      'level=error msg="no way" \n',
    ],
    [
      'Unmount is refused',
      'unmount',
      { ...known, 'VolumeDriver.Unmount': { body: '{"Err":"busy"}' } },
      'level=error msg=busy \n',
    ],
    [
      'Mount has status 500',
      'mount',
      { ...known, 'VolumeDriver.Mount': { status: 500, body: '{"Err":"no"}' } },
      'level=error msg="VolumeDriver.Mount: no" \n',
    ],
    [
      'Mount is no JSON',
      'mount',
      { ...known, 'VolumeDriver.Mount': { body: '' } },
      'level=error msg="VolumeDriver.Mount: error reading plugin resp: EOF" \nlevel=error msg=EOF \n',
    ],
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
    const outcome = await withPlugin(answers, command, ...volume);
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '', stderr });
  });

  it('names a driver that is missing without looking for one', async () => {
    const stderr = 'level=info msg="Missing volume driver name" volumeDriver= \n';
    expect(await dvdcli('mount', '--volumename=v1')).toEqual({ exitCode: 1, stdout: '', stderr });
  });

  it('looks for an unknown driver again and again, then says so', async () => {
    expect(await dvdcli('mount', ...volume)).toEqual({
      exitCode: 1,
      stdout: '',
      stderr:
        'level=warning msg="Unable to locate plugin: d, retrying in 1ms" \n' +
        'level=warning msg="Unable to locate plugin: d, retrying in 2ms" \n' +
        lookup('plugin not found'),
    });
  });

  it('sends an empty volume name to the driver', async () => {
    const { calls } = await withPlugin({}, 'create', '--volumedriver=d', '--volumename=');
    expect(calls).toEqual(['Create {"Name":"","Opts":{}}']);
  });

  it('takes options apart at commas and keeps a second equals sign', async () => {
    const argv = ['--volumeopts', 'b=2,a=1', 'create', ...volume, '--volumeopts=o=x=y', '--volumeopts=e='];
    const { exitCode, calls } = await withPlugin({}, ...argv);
    expect(calls).toEqual(['Create {"Name":"v1","Opts":{"a":"1","b":"2","e":"","o":"x=y"}}']);
    expect(exitCode).toBe(0);
  });

  it('with --explicitcreate does not create a volume', async () => {
    const { exitCode, calls } = await withPlugin({}, 'mount', '--explicitcreate', ...volume);
    expect(calls).toEqual(['Get {"Name":"v1"}']);
    expect(exitCode).toBe(1);
  });

  it('gives up on a driver that does not answer', async () => {
    const outcome = await withPlugin({ 'VolumeDriver.Get': 'hang' }, 'mount', ...volume, '--timeout=50ms');
    const stderr = 'level=error msg="Gave up on volume driver d: no answer within 0.05 s" volumeName=v1 \n';
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '', stderr, calls: ['Get {"Name":"v1"}'] });
  });

  it.each([
    ['an unknown flag', ['mount', '--bogus=1'], 'unknown flag: --bogus'],
    ['a flag of another command', ['unmount', '--volumeopts=a=1'], 'unknown flag: --volumeopts'],
    ['an unknown command', ['frobnicate'], 'unknown command "frobnicate" for "dvdcli"'],
    ['a flag without its value', ['mount', '--volumename'], 'flag needs an argument: --volumename'],
    [
      'an option without an equals sign',
      ['create', '--volumeopts=novalue'],
      'Expected --volumeopts as key=value, got "novalue"',
    ],
    [
      'a time that is none',
      ['mount', '--timeout=soon'],
      'invalid argument "soon" for --timeout: expected up to 24h, for example 90s',
    ],
    [
      'a switch that is neither on nor off',
      ['mount', '--explicitcreate=x'],
      'invalid argument "x" for --explicitcreate: expected true or false',
    ],
  ])('refuses %s before any call', async (_title, argv, message) => {
    const outcome = await withPlugin(
      {},
      ...argv,
      ...volume.slice(0, argv[0] === 'mount' && argv.length === 2 && argv[1] === '--volumename' ? 0 : 2),
    );
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '', calls: [] });
    expect(outcome.stderr).toContain(`Error: ${message}\nRun 'dvdcli --help' for usage.\n`);
  });

  it.each([
    ['--help', 'stdout'],
    ['help', 'stdout'],
    ['', 'stderr'],
    ['help mount', 'stderr'],
    ['mount --help', 'stderr'],
  ] as const)('prints usage for `dvdcli %s` on %s', async (line, stream) => {
    const outcome = await dvdcli(...line.split(' ').filter((word) => word !== ''));
    expect(outcome).toMatchObject({ exitCode: 0, [stream === 'stdout' ? 'stderr' : 'stdout']: '' });
    expect(outcome[stream]).toContain('Usage:\n  dvdcli');
  });

  it('shows its version in six lines', async () => {
    const { stdout } = await dvdcli('version');
    expect(stdout.split('\n').map((line) => line.split(':')[0])).toEqual([
      'Binary',
      'SemVer',
      'OsArch',
      'Branch',
      'Commit',
      'Formed',
      '',
    ]);
  });
});

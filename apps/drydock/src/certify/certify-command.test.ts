import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, type RunResult } from '@drydock/base/subprocess';
import { waitUntil } from '@drydock/base/wait-until';
import { findProfile, startFakeDriver, type StartedFakeDriver } from '@drydock/fake-drivers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const BIN = fileURLToPath(new URL('../../bin/drydock.js', import.meta.url));

describe('drydock certify', () => {
  let directory: string;
  let driver: StartedFakeDriver;
  const at = (name: string): string => join(directory, name);
  /** Journals of tests are not kept among those of the machine. */
  const argvOf = (args: readonly string[]): readonly [string, ...string[]] => {
    const state = args[0] === 'run' || args[0] === 'rerun' ? ['--state-dir', at('state')] : [];
    return [process.execPath, BIN, 'certify', ...args, ...state];
  };
  const certify = async (...args: readonly string[]): Promise<RunResult> => await run(argvOf(args), { cwd: directory });
  const volumes = async (): Promise<readonly string[]> => (await driver.engine.list()).map(({ name }) => name);
  const writeManifest = async (more = ''): Promise<void> => {
    const places = `discovery: {sockets: ${at('plugins')}, specs: []}`;
    const facts =
      'name: fake\nvendor: Drydock\nversion: 1.0.0\nscope: local\nplainDirectory: true\nremovePolicy: reference';
    await writeFile(at('driver.yaml'), `${facts}\n${places}\n${more}`);
  };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'certify-cli-'));
    driver = await startFakeDriver({
      socketPath: at('plugins/fake.sock'),
      profile: findProfile('convoy-0.5-vfs'),
      directory: at('driver'),
    });
    await writeManifest();
  });
  afterAll(async () => {
    await driver.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('init asks the plugin and writes a manifest that run takes; it replaces none', async () => {
    const args = ['init', '--driver', 'fake', '--socket', at('plugins/fake.sock'), '--out', 'drafted.yaml'];
    expect(await certify(...args)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('scope local; wrote drafted.yaml'),
    });
    expect(await readFile(at('drafted.yaml'), 'utf8')).toContain('# As Capabilities tells it.\nscope: local');
    expect(await certify(...args)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('is there already') });
    expect(driver.requests().map(({ method }) => method)).not.toContain('VolumeDriver.Create');
  });

  it('run exits 0 when all that was asked for holds, and says what it does meanwhile', async () => {
    const result = await certify('run', '--manifest', 'driver.yaml', '--check', 'ACT-002', 'act-003', '--out', 'good');
    expect(result).toMatchObject({ exitCode: 0 });
    expect(result.stderr).toMatch(/^Run [0-9a-f]{8}: 2 checks, seed \d+\n\[1\/2\] pass {2}ACT-002 /);
    expect(result.stdout).toContain('core: incomplete  (2 passed, 0 failed');
    expect(result.stdout).not.toContain('\u001B[');
    expect((await readdir(at('good'))).sort()).toEqual(
      ['ctrf.json', 'history.ndjson', 'junit.xml', 'report.html', 'result.json', 'result.schema.json'].sort(),
    );
  });

  it('run exits 1 when a MUST fails, and says what to know of it', async () => {
    driver.useFaults('activate: malformed');
    const result = await certify(
      'run',
      '--manifest',
      'driver.yaml',
      '--check',
      'ACT-002',
      '--seed',
      '5',
      '--out',
      'bad',
    );
    driver.useFaults('');
    expect(result).toMatchObject({ exitCode: 1 });
    expect(result.stdout).toContain('FAIL ACT-002 (MUST, core): Activation is answered');
    expect(result.stdout).toMatch(/ {2}expected {2}.*Implements/);
    expect(result.stdout).toMatch(/ {2}request {3}POST \/Plugin.Activate HTTP\/1.1/);
    expect(result.stdout).toMatch(/ {2}source {4}Docker plugin API/);
    expect(result.stdout).toContain('drydock certify rerun bad ACT-002');
    const again = await certify('rerun', 'bad', 'ACT-002', '--json');
    expect(again).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(again.stdout)).toMatchObject({ run: { seed: 5 }, requirementSet: { checks: ['ACT-002'] } });
  });

  /** Starts a run, and ends it in the middle of a check that has a volume. */
  const endInMount = async (signal: NodeJS.Signals): Promise<RunResult> => {
    driver.useFaults('mount: hang');
    const requestCount = driver.requests().length;
    const argv = argvOf(['run', '--manifest', 'driver.yaml', '--check', 'ACT-003', '--out', 'ended']);
    const running = run(argv, { cwd: directory });
    const isMounting = (): boolean =>
      driver
        .requests()
        .slice(requestCount)
        .some(({ method, request }) => method === 'VolumeDriver.Mount' && request.Name.includes('act-003'));
    await waitUntil(isMounting, { what: 'the check to mount', timeoutMs: 20_000 });
    const journal = (await readdir(at('state/fake')))[0] ?? '';
    const [owner = ''] = (await readFile(at(`state/fake/${journal}`), 'utf8')).split('\n');
    process.kill((JSON.parse(owner) as { pid: number }).pid, signal);
    const result = await running;
    driver.useFaults('');
    return result;
  };

  it('run cleans up at Ctrl-C, writes what was judged, and exits 3', async () => {
    const result = await endInMount('SIGINT');
    expect(result).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('Cleaning up; once more to end') });
    expect(result.stdout).toContain('The run was interrupted');
    expect(result.stdout).toContain('wrote ');
    expect(await volumes()).toEqual([]);
    expect(await readdir(at('state/fake'))).toEqual([]);
  });

  it('run removes what one that was killed left, and says so', async () => {
    await driver.engine.create('mine');
    await endInMount('SIGKILL');
    expect(await volumes()).toEqual(expect.arrayContaining(['mine', expect.stringMatching(/^cert-.*-act-003-\d+$/)]));
    const [journal = ''] = await readdir(at('state/fake'));
    const relay = /"directory","path":"([^"]+)"/.exec(await readFile(at(`state/fake/${journal}`), 'utf8'))?.[1] ?? '';
    expect(await readdir(relay)).toContain('fake.sock');
    const next = await certify('run', '--manifest', 'driver.yaml', '--check', 'ACT-002', '--out', 'next');
    expect(next.stdout).toMatch(/Of an earlier run: volume cert-\S+-act-003-\d+ of run [0-9a-f]{8}: removed/);
    expect(await volumes()).toEqual(['mine']);
    expect(await readdir(at('state/fake'))).toEqual([]);
    await expect(readdir(relay)).rejects.toThrow('ENOENT');
    await driver.engine.remove('mine');
  });

  it('diff exits 1 when something got worse', async () => {
    const [good, bad] = ['diff-good', 'diff-bad'];
    const args = ['run', '--manifest', 'driver.yaml', '--check', 'ACT-002', '--out'];
    await certify(...args, good);
    driver.useFaults('activate: malformed');
    await certify(...args, bad);
    driver.useFaults('');
    expect(await certify('diff', good, bad)).toMatchObject({
      exitCode: 1,
      stdout: expect.stringMatching(/^worse {3}ACT-002: pass -> fail \(expected/),
    });
    expect(await certify('diff', bad, good)).toMatchObject({ exitCode: 0, stdout: 'better  ACT-002: fail -> pass\n' });
    expect(await certify('diff', good, good)).toMatchObject({ exitCode: 0, stdout: 'No check differs\n' });
    expect(await certify('diff', good, 'nowhere')).toMatchObject({ exitCode: 2 });
  });

  it.each([
    ['a manifest that is not there', ['--manifest', 'no.yaml'], 2, 'There is no manifest no.yaml'],
    ['a check that is not there', ['--manifest', 'driver.yaml', '--check', 'ACT-999'], 2, 'There is no check ACT-999'],
    ['a tier that is not judged', ['--manifest', 'driver.yaml', '--tier', 'gold'], 2, 'core, resilient'],
    [
      'a client that is not there',
      ['--manifest', 'driver.yaml', '--client', 'curl'],
      2,
      'dvdcli-0.1, dvdcli-0.2, engine',
    ],
    ['no seed', ['--manifest', 'driver.yaml', '--seed', 'x'], 2, "Expected --seed to be a number, got 'x'"],
    ['a directory of others', ['--manifest', 'driver.yaml', '--out', 'plugins'], 2, 'holds other things than a result'],
    ['no manifest', [], 2, 'Expected --manifest, which'],
  ])('run exits 2 for %s', async (_, args, exitCode, text) => {
    expect(await certify('run', ...args)).toMatchObject({ exitCode, stderr: expect.stringContaining(text) });
  });

  it('run exits 3 when there is no driver to judge, and says what to do', async () => {
    await writeFile(
      at('absent.yaml'),
      (await readFile(at('driver.yaml'), 'utf8')).replace('name: fake', 'name: absent'),
    );
    expect(await certify('run', '--manifest', 'absent.yaml', '--out', 'absent')).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('No plugin absent in'),
    });
  });

  it('tells the vendor of a managed plugin why dvdcli cannot reach it', async () => {
    expect(await certify('init', '--driver', 'rexray/ebs')).toMatchObject({
      exitCode: 3,
      stderr: expect.stringMatching(/managed \(v2\) plugin.*cannot have a slash.*ebs\.sock/s),
    });
  });

  it('list and explain tell every check', async () => {
    const checks = JSON.parse((await certify('list', '--format', 'json')).stdout) as {
      id: string;
      isEnabled: boolean;
    }[];
    expect(checks.find(({ id }) => id === 'ACT-008')).toMatchObject({ isEnabled: false, tier: 'hardened' });
    expect((await certify('list')).stdout).toContain('ACT-008  SHOULD  hardened     disabled  Only root');
    expect((await certify('list', '--format', 'md')).stdout).toContain(
      '| ACT-002 | MUST | core | Activation is answered |',
    );
    expect((await certify('explain', 'act-001')).stdout).toMatch(/^ACT-001 {2}The driver is found[^]*because {7}pkg/);
    expect(await certify('explain', 'nope')).toMatchObject({ exitCode: 2 });
  });
});

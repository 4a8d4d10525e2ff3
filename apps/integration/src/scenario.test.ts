import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, type RunResult } from '@drydock/base/subprocess';
import { waitUntil } from '@drydock/base/wait-until';
import { STANDIN_IMAGES_DIRECTORY } from '@drydock/cluster';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const DRYDOCK = join(ROOT, 'apps', 'drydock', 'bin', 'drydock.js');
const tags = ['root'];

const scenario = async (...args: readonly string[]): Promise<RunResult> =>
  await run([process.execPath, DRYDOCK, 'scenario', ...args], { timeoutMs: 60_000 });

describe('drydock scenario', { tags }, () => {
  it('shows the commands of the document and passes', async () => {
    const result = await scenario();
    expect(result.exitCode, result.stdout).toBe(0);
    const commands = result.stdout.split('\n').filter((line) => line.startsWith('$ '));
    expect(commands.map((line) => line.split(' ').slice(0, 3).join(' ').replace(/=.*/, '='))).toEqual([
      '$ mesos-master --work_dir=',
      '$ convoy daemon',
      '$ mesos-agent --master=',
      '$ convoy create',
      '$ mesos-execute --master=',
      '$ mesos-execute --master=',
      expect.stringMatching(/^\$ cat .+\/stdout$/),
    ]);
    expect(commands[2]).toContain('--isolation=docker/volume,docker/runtime,filesystem/linux');
    expect(commands[4]).toContain('--docker_image=ubuntu:14.04 --command="touch /tmp/myvolume/myfile" --volumes=');
    expect(result.stdout).toMatch(/^ {2}lost\+found\n {2}myfile$/m);
    expect(result.stdout).toContain('The scenario PASSED in');
  });

  it('gives the same as one JSON object, and takes a real archive with one flag', async () => {
    const archive = join(STANDIN_IMAGES_DIRECTORY, 'ubuntu:14.04.tar');
    const result = await scenario('--json', `--image=${archive}`);
    expect(result.exitCode, result.stdout).toBe(0);
    const report = JSON.parse(result.stdout) as {
      isPassed: boolean;
      sandboxStdout: string;
      checks: { isPassed: boolean }[];
    };
    expect(report).toMatchObject({ isPassed: true, image: `ubuntu:14.04 is ${archive}` });
    expect(report.sandboxStdout).toContain('\nlost+found\nmyfile\n');
    expect(report.checks.every(({ isPassed }) => isPassed)).toBe(true);
  });

  it.each([
    ['the agent itself as the client of the driver', '--client=plugin', '--docker_volume_client=plugin'],
    ['dvdcli as 0.1.0, which the document names', '--dvdcli-compat=0.1', 'DVDCLI_COMPAT=0.1'],
    ['dvdcli as 0.2', '--dvdcli-compat=0.2', 'DVDCLI_COMPAT=0.2'],
  ])('passes with %s', async (_title, option, told) => {
    const result = await scenario(option);
    expect(result.exitCode, result.stdout).toBe(0);
    expect(result.stdout).toContain(told);
    expect(result.stdout).toMatch(/^ {2}lost\+found\n {2}myfile$/m);
  });

  it('refuses a dvdcli version where no dvdcli is run', async () => {
    const result = await scenario('--client=plugin', '--dvdcli-compat=0.1');
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain('Expected --dvdcli-compat without --client=plugin: no dvdcli is run with it');
  });

  it('fails, and says which check did, when the image cannot do what the story needs', async () => {
    const archive = join(tmpdir(), `not-an-image-${process.pid}.tar`);
    await writeFile(archive, 'this is no archive');
    const result = await scenario(`--image=${archive}`);
    expect(result.exitCode).toBe(1);
    expect(result.stdout).toContain('FAIL the task `touch /tmp/myvolume/myfile` finished');
    expect(result.stdout).toContain('ok   no mount is left');
    expect(result.stdout).toContain('The scenario FAILED');
  });

  it('refuses an archive that is not there', async () => {
    const result = await scenario('--image=/does/not/exist.tar');
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain('Expected an image archive at /does/not/exist.tar');
  });

  it('leaves the cluster up with --keep until it is told to stop', async () => {
    const child = spawn(process.execPath, [DRYDOCK, 'scenario', '--keep'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    await waitUntil(() => stdout, {
      what: 'the cluster to be kept',
      until: (text) => text.includes('a shell inside:'),
      timeoutMs: 30_000,
    });
    child.kill('SIGINT');
    expect(await exited).toEqual([0, null]);
    const inside = /a shell inside: nsenter --target=(\d+) /.exec(stdout)?.[1];
    expect(stdout).toMatch(/master: http:\/\/127\.0\.0\.1:\d+\/state/);
    await expect(readFile(`/proc/${inside}/stat`)).rejects.toThrow('ENOENT');
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '@drydock/base/subprocess';
import { waitUntil } from '@drydock/base/wait-until';
import { describe, expect, it } from 'vitest';

const DRYDOCK = fileURLToPath(new URL('../../drydock/bin/drydock.js', import.meta.url));
const ROOT = join(DRYDOCK, '..', '..', '..', '..');

describe('drydock doctor', { tags: ['root'] }, () => {
  it('says what the machine can do, for people and for machines', async () => {
    const text = await run([process.execPath, DRYDOCK, 'doctor']);
    expect(text.exitCode, text.stdout).toBe(0);
    expect(text.stdout).toMatch(/^ok {7}container runtime \(runc\)$/m);
    expect(text.stdout).toContain('This machine can run the scenario');
    const json = await run([process.execPath, DRYDOCK, 'doctor', '--json']);
    const { canRunScenario, findings } = JSON.parse(json.stdout) as {
      canRunScenario: boolean;
      findings: { name: string }[];
    };
    expect(canRunScenario).toBe(true);
    expect(findings.map(({ name }) => name)).toContain('loop devices and mkfs.ext4');
  });

  it('names what is missing, what that costs and what to do, and fails when the scenario cannot run', async () => {
    const result = await run([process.execPath, DRYDOCK, 'doctor'], { env: { PATH: '/nowhere' } });
    expect(result.exitCode).toBe(1);
    expect(result.stdout).toMatch(
      /^MISSING {2}container runtime \(runc\) .*\n +costs: .*\n +remedy: apt-get install runc$/m,
    );
    expect(result.stdout).toContain('This machine cannot run the scenario');
  });
});

describe('drydock up', { tags: ['root'] }, () => {
  it('starts a cluster whose lines can be copied, and stops it', async () => {
    const argv = [DRYDOCK, 'up', '--agents=2', '--driver=vfs'];
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'ignore'] });
    const exited = once(child, 'exit');
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    try {
      await waitUntil(() => stdout.includes('Ctrl-C'), { what: 'the cluster to be up', timeoutMs: 30_000 });
      const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      const [enter = '', ...typed] = lines;
      expect(stdout.match(/^# agent/gm)).toHaveLength(2);
      const shell = await run(['sh', '-c', enter], { input: `${typed.join('\n')}\n`, timeoutMs: 30_000 });
      expect(shell.stdout, shell.stderr).toContain("Received status update TASK_FINISHED for task 'test'");
    } finally {
      child.kill('SIGINT');
    }
    expect(await exited).toEqual([0, null]);
  });

  it.each([
    [['--agents=0'], "Expected --agents to be a number from 1 to 16, got '0'"],
    [['--driver=nfs'], "Expected --driver to be devicemapper or vfs, got 'nfs'"],
    [['--nope'], "unknown option '--nope'"],
  ])('refuses %j', async (args, message) => {
    const result = await run([process.execPath, DRYDOCK, 'up', ...args], { cwd: ROOT });
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain(message);
  });
});

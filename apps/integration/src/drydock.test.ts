import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, type RunResult } from '@drydock/base/subprocess';
import { waitUntil } from '@drydock/base/wait-until';
import { describe, expect, it } from 'vitest';

const DRYDOCK = fileURLToPath(new URL('../../drydock/bin/drydock.js', import.meta.url));
const ROOT = join(DRYDOCK, '..', '..', '..', '..');

interface Finding {
  readonly name: string;
  readonly isAvailable: boolean;
  readonly isRequired: boolean;
  readonly detail?: string;
  readonly problem?: string;
  readonly cost?: string;
  readonly remedy?: string;
}

/** Runs `drydock doctor` where `programs` cannot be executed. */
async function doctorWithout(programs: readonly string[], ...flags: readonly string[]): Promise<RunResult> {
  const script = `
    node=$1 drydock=$2; shift 2
    for name in ${programs.join(' ')}; do
      for program in $(which -a "$name"); do mount --bind /dev/null "$program"; done
    done
    exec "$node" "$drydock" doctor "$@"
  `;
  return await run(['unshare', '--mount', 'sh', '-ec', script, 'sh', process.execPath, DRYDOCK, ...flags]);
}

describe('drydock doctor', { tags: ['root'] }, () => {
  it('says what the machine can do, for people and for machines', async () => {
    const text = await doctorWithout([]);
    expect(text.exitCode, text.stdout).toBe(0);
    expect(text.stdout).toMatch(/^ok {7}container runtime \(runc\) +runc version \S+$/m);
    expect(text.stdout).toContain('This machine can run the scenario');
    const json = await doctorWithout([], '--json');
    const { canRunScenario, findings } = JSON.parse(json.stdout) as {
      readonly canRunScenario: boolean;
      readonly findings: readonly Finding[];
    };
    expect(canRunScenario).toBe(true);
    expect(findings.map(({ name }) => name)).toEqual([
      'root',
      'mount namespaces',
      'user namespaces',
      'network namespaces',
      'container runtime (runc)',
      'faster runtime (crun)',
      'container init (tini-static)',
      'busybox',
      'stand-in image',
      "dvdcli's bundle",
      'Node',
      'overlay file systems',
      'mkfs.ext4',
      'loop devices',
      'control groups',
      'FUSE device',
      'FUSE programs (fuse3)',
      'rclone',
      'GlusterFS',
      'Docker engine',
      'registry (docker-registry)',
    ]);
    for (const { isAvailable, problem, cost, remedy } of findings) {
      expect([problem, cost, remedy].every((text) => (text === undefined) === isAvailable)).toBe(true);
    }
    expect(findings.find(({ name }) => name === 'Node')?.detail).toContain(`${process.version} runs this`);
  });

  it.each([
    ['runc', 'container runtime (runc)', 'apt-get install runc'],
    ['tini-static', 'container init (tini-static)', 'apt-get install tini'],
    ['mkfs.ext4', 'mkfs.ext4', 'apt-get install e2fsprogs'],
  ])('names %s when it is missing, what that costs and what to do, and fails', async (program, name, remedy) => {
    const text = await doctorWithout([program]);
    expect(text.exitCode).toBe(1);
    const lines = new RegExp(`^MISSING {2}${RegExp.escape(name)} .*\\n +costs: .*\\n +remedy: ${remedy}$`, 'm');
    expect(text.stdout).toMatch(lines);
    expect(text.stdout).toContain('This machine cannot run the scenario');
    const json = await doctorWithout([program], '--json');
    expect(json.exitCode).toBe(1);
    const { findings } = JSON.parse(json.stdout) as { readonly findings: readonly Finding[] };
    expect(findings.find((finding) => finding.name === name)).toMatchObject({
      isAvailable: false,
      isRequired: true,
      remedy,
    });
  });

  it('does without what the scenario does not need', async () => {
    const text = await doctorWithout(['rclone', 'fusermount3', 'busybox', 'docker-registry']);
    expect(text.exitCode, text.stdout).toBe(0);
    expect(text.stdout).toMatch(/^missing {2}busybox .*\n +costs: .*\n +remedy: apt-get install busybox-static$/m);
    expect(text.stdout).toMatch(/^missing {2}registry .*\n +costs: .*\n +remedy: apt-get install docker-registry$/m);
  });
});

/** A `drydock up` that is up. */
interface Up {
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly exited: Promise<unknown[]>;
  readonly interrupt: () => void;
}

async function startUp(args: readonly string[], ready: string): Promise<Up> {
  const child = spawn(process.execPath, [DRYDOCK, 'up', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const interrupt = (): void => void child.kill('SIGINT');
  try {
    await waitUntil(
      () => {
        if (child.exitCode !== null) throw new Error(`drydock up ended: ${stderr}`);
        return stdout.includes(ready);
      },
      { what: 'the cluster to be up', timeoutMs: 40_000 },
    );
  } catch (error) {
    interrupt();
    throw error;
  }
  return { stdout: () => stdout, stderr: () => stderr, exited, interrupt };
}

describe('drydock up', { tags: ['root'] }, () => {
  it('starts a cluster whose lines can be copied, and stops it without a trace', async () => {
    const args = ['--agents=2', '--driver', 'convoy', 'convoy-0.4', 'local-persist'];
    const up = await startUp(args, '# Ctrl-C');
    let directory: string;
    try {
      const lines = up
        .stdout()
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'));
      const [enter = '', ...typed] = lines;
      directory = /^sh (\S+)\/enter$/.exec(enter)?.[1] ?? '';
      expect(up.stdout().match(/^# agent/gm)).toHaveLength(2);
      expect(up.stdout().match(/^# driver (convoy|convoy-0\.4|local-persist): \S/gm)).toHaveLength(3);
      const shell = await run(['sh', '-c', enter], { input: `${typed.join('\n')}\n`, timeoutMs: 50_000 });
      expect(shell.stdout.match(/^Received status update TASK_FINISHED for task 'test'$/gm), shell.stderr).toHaveLength(
        6,
      );
      // What each second task printed.
      expect(shell.stdout.match(/^-rw-r--r-- .* date$/gm), shell.stdout).toHaveLength(3);
      const own = await run(['sh', '-c', enter], { input: 'pwd; command -v mesos-execute convoy\n' });
      expect(own.stdout.split('\n').slice(0, 2)).toEqual([ROOT, join(ROOT, 'node_modules/.bin/mesos-execute')]);
    } finally {
      up.interrupt();
    }
    expect(await up.exited).toEqual([0, null]);
    await expect(access(directory)).rejects.toThrow('ENOENT');
    const loops = await run(['losetup', '--list', '--noheadings', '--output=BACK-FILE']);
    expect(loops.stdout).not.toContain(directory);
  });

  it('tells a program the same', async () => {
    const up = await startUp(['--json', '--driver=convoy-0.5-vfs', '--agents=2'], '\n}\n');
    try {
      const facts = JSON.parse(up.stdout()) as {
        readonly master: string;
        readonly agents: readonly { readonly name: string; readonly address: string; readonly workDir: string }[];
        readonly drivers: readonly { readonly name: string }[];
      };
      expect(facts.drivers.map(({ name }) => name)).toEqual(['convoy-0.5-vfs']);
      expect(facts.agents.map(({ name }) => name)).toEqual(['agent', 'agent-2']);
      expect(new Set(facts.agents.flatMap(({ address, workDir }) => [address, workDir]))).toHaveLength(4);
      const response = await fetch(`http://${facts.master}/state`);
      const { slaves } = (await response.json()) as { slaves: readonly { attributes: Record<string, unknown> }[] };
      expect(new Set(slaves.map(({ attributes }) => attributes['node']))).toEqual(new Set([1, 2]));
    } finally {
      up.interrupt();
    }
    expect(await up.exited).toEqual([0, null]);
  });

  it('ends, and says so, when one of its daemons does', async () => {
    const up = await startUp(['--json'], '\n}\n');
    const { directory } = JSON.parse(up.stdout()) as { readonly directory: string };
    const agents = await run(['pgrep', '-f', `bin/mesos-agent.js --master=.* --work_dir=${directory}/agent `]);
    process.kill(Number(agents.stdout.split('\n')[0]), 'SIGKILL');
    expect(await up.exited).toEqual([1, null]);
    expect(up.stderr()).toContain('drydock: mesos-agent ended with SIGKILL');
    await expect(access(directory)).rejects.toThrow('ENOENT');
  });

  it.each([
    [['--agents=0'], "Expected --agents to be a number from 1 to 16, got '0'"],
    [['--driver=nfs'], /Expected --driver to be one of convoy, .*convoy-0\.5-vfs.*; got 'nfs'/],
    [['--images=/does/not/exist'], "Expected --images to be a directory of archives, got '/does/not/exist'"],
    [['--nope'], "unknown option '--nope'"],
  ])('refuses %j', async (args, message) => {
    const result = await run([process.execPath, DRYDOCK, 'up', ...args], { cwd: ROOT });
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toMatch(message);
  });
});

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readTextIfThere } from './read-if-there.ts';
import { CommandFailedError, run, runOrThrow, SpawnFailedError } from './subprocess.ts';
import { waitUntil } from './wait-until.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'subprocess-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // ESRCH: no such process
  }
}

describe('run', () => {
  it('gives exit status and both outputs, and an empty stdin', async () => {
    const result = await run(['sh', '-c', 'cat; echo out; echo err >&2; exit 3']);
    expect(result).toMatchObject({ exitCode: 3, stdout: 'out\n', stderr: 'err\n', isTimedOut: false });
  });

  it('tells a program that cannot be started from one that failed', async () => {
    await expect(run(['/does/not/exist', 'x'])).rejects.toThrow(SpawnFailedError);
    await expect(run(['/does/not/exist', 'x'])).rejects.toThrow("Failed to execute '/does/not/exist x'");
  });

  it('has a program end with this process, and tells one that cannot be started all the same', async () => {
    const program = `import { run } from '${new URL('subprocess.ts', import.meta.url).href}';
      await run(['sh', '-c', 'echo $$ >&3; exec sleep 60'], { endsWithParent: true });`;
    const parent = spawn(process.execPath, ['--input-type=module', '--eval', program.replace('>&3', '>"$PID_FILE"')], {
      env: { ...process.env, PID_FILE: join(directory, 'pid') },
      stdio: 'inherit',
    });
    const pid = Number(
      await waitUntil(async () => await readTextIfThere(join(directory, 'pid')), { what: 'the child' }),
    );
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await waitUntil(() => !isAlive(pid), { what: `child ${pid} to end` });
    const missing = run(['/does/not/exist'], { endsWithParent: true });
    await expect(missing).rejects.toThrow(SpawnFailedError);
    await expect(missing).rejects.toThrow("Failed to execute '/does/not/exist': /does/not/exist: No such file");
  });

  it('passes only the given environment', async () => {
    const result = await run(['/usr/bin/env'], { env: { ONLY: 'this' } });
    expect(result.stdout).toBe('ONLY=this\n');
  });

  it('ends a program over its time limit, children included', async () => {
    const result = await run(['sh', '-c', 'trap "" TERM; sleep 60 & echo $!; wait'], {
      timeoutMs: 300,
      killAfterMs: 0,
    });
    expect(result.isTimedOut).toBe(true);
    const childPid = Number(result.stdout.trim());
    await waitUntil(() => !isAlive(childPid), { what: `child ${childPid} to end` });
  });

  it('ends a program when the signal aborts', async () => {
    const controller = new AbortController();
    const running = run(['sleep', '60'], { signal: controller.signal });
    controller.abort();
    expect(await running).toMatchObject({ isCanceled: true });
  });

  it('reports the signal that ended a program', async () => {
    const result = await run(['sh', '-c', 'kill -KILL $$']);
    expect(result.signal).toBe('SIGKILL');
    expect(result.exitCode).toBeUndefined();
  });

  it('bounds the output it keeps', async () => {
    const result = await run(['sh', '-c', 'while :; do echo xxxxxxxxxxxxxxxx; done'], { outputBytesMax: 1_000 });
    expect(result.isOutputTooLong).toBe(true);
    expect(result.stdout.length).toBeLessThanOrEqual(1_000);
  });
});

describe('runOrThrow', () => {
  it('names the command, the status and what it wrote', async () => {
    const failed = runOrThrow(['sh', '-c', 'echo because >&2; exit 4']);
    await expect(failed).rejects.toThrow(CommandFailedError);
    await expect(failed).rejects.toThrow(/exited with status 4: because$/);
  });
});

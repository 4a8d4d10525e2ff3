import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isInitForwarding } from './init-process.ts';

let base: string;
let pidFile: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'init-'));
  pidFile = join(base, 'container.pid');
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    const exited = once(child, 'exit');
    child.stdin?.end();
    await exited;
  }
  await rm(base, { recursive: true, force: true });
});

/** A shell that waits for a task, which ends with the test's end of the pipe. */
async function startInit(...task: readonly string[]): Promise<void> {
  const init = spawn('/bin/sh', ['-c', 'exec 3<&0; "$@" <&3 & wait', 'sh', ...task], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  children.push(init);
  await once(init.stdout, 'data');
  await writeFile(pidFile, `${init.pid}\n`);
}

const TASK = ['sh', '-c', 'echo started; exec cat >/dev/null'];

describe('isInitForwarding', () => {
  it('is true when the task has a process group of its own', async () => {
    await startInit('setsid', ...TASK);
    expect(await isInitForwarding(pidFile)).toBe(true);
  });

  it('is false when the task is still in the group of the init', async () => {
    await startInit(...TASK);
    expect(await isInitForwarding(pidFile)).toBe(false);
  });

  it('is false before the runtime has written the pid', async () => {
    expect(await isInitForwarding(pidFile)).toBe(false);
  });

  it('is false when the init is gone', async () => {
    const init = spawn('/bin/true');
    await once(init, 'exit');
    await writeFile(pidFile, String(init.pid));
    expect(await isInitForwarding(pidFile)).toBe(false);
  });
});

import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildStandinImage } from './standin-image.ts';
import { outcomesOf, runCases } from './testing/run-cases.ts';

const cgroupsRoot = `drydock-test-${process.pid}`;
let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'containerizer-'));
  await mkdir(join(base, 'registry'));
  await buildStandinImage({ outputPath: join(base, 'registry/ubuntu:14.04.tar') });
});
afterEach(async () => await rm(base, { recursive: true, force: true }));

describe('a container of an agent that is gone', () => {
  it('is taken over, alive or with how it ended; what nobody wants is ended', { tags: ['root'] }, async () => {
    const outcomes = outcomesOf(
      await runCases(new URL('./testing/reattach-cases.ts', import.meta.url), base, [cgroupsRoot]),
    );
    const pid = expect.any(Number);
    const killed = {
      how: 'unknown',
      message: 'The shim of the container was killed before it could write the exit status',
      pid,
    };
    const exited = (exitCode: number): unknown => ({
      how: 'exited',
      exitCode,
      waitStatus: exitCode * 256,
      isOutOfMemory: false,
      pid,
    });
    const ended = ['at-gate', 'exit-143', 'exited-meanwhile', 'shim-killed-meanwhile', 'terminated-before'];
    const alive = ['exits-0', 'exits-7', 'killed', 'shim-killed', 'terminated'];
    const orphans = [...ended, 'no-directory', 'nobodys', 'not-forked', 'unknown'].toSorted();
    expect(outcomes).toEqual({
      recoveries: [{ running: alive, orphans }],
      'not recovered': ['not-forked', 'no-directory'],
      unknown: { isAlive: false, cleanups: ['nobodys', 'unknown'] },
      provisioned: ['at-gate', 'exits-0', 'killed'],
      // Whoever waits for all of them does so without looking again and again.
      timers: 0,
      'exits-0': exited(0),
      'exits-7': exited(7),
      terminated: { how: 'exited', exitCode: 143, signal: 'SIGTERM', waitStatus: 15, isOutOfMemory: false, pid },
      killed: { how: 'exited', exitCode: 137, signal: 'SIGKILL', waitStatus: 9, isOutOfMemory: false, pid },
      'shim-killed': killed,
      'shim-killed-meanwhile': killed,
      'exited-meanwhile': exited(3),
      'terminated-before': {
        how: 'exited',
        exitCode: 143,
        signal: 'SIGTERM',
        waitStatus: 15,
        isOutOfMemory: false,
        pid,
      },
      'exit-143': exited(143),
      'at-gate': {
        how: 'launch-failed',
        message: 'The launch was aborted before the command was started',
        pid,
      },
      cleanups: [...alive, ...orphans].toSorted(),
      containers: [],
    });
    for (const directory of ['run/containers', 'run/runc', 'work/provisioner/containers']) {
      expect(await readdir(join(base, directory))).toEqual([]);
    }
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(base);
  });
});

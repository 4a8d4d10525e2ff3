import { describe, expect, it } from 'vitest';
import { outcomesOf, runCases } from './testing/run-cases.ts';
import { expectNothingLeft, useTestBase } from './testing/test-base.ts';

const base = useTestBase();

describe('a container of an agent that is gone', () => {
  it('is taken over, alive or with how it ended; what nobody wants is ended', { tags: ['root'] }, async () => {
    const outcomes = outcomesOf(
      await runCases(new URL('./testing/reattach-cases.ts', import.meta.url), base.path, [base.cgroupsRoot]),
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
    await expectNothingLeft(base.path);
  });

  it(
    'is given up by one that lets go in the middle of its launch, as if that had been killed',
    { tags: ['root'] },
    async () => {
      const outcomes = outcomesOf(
        await runCases(new URL('./testing/detach-cases.ts', import.meta.url), base.path, [base.cgroupsRoot]),
      );
      expect(outcomes).toEqual({
        answers: [],
        left: ['preparing', 'waiting'],
        ends: [
          {
            value: 'waiting',
            how: 'launch-failed',
            message: 'The launch was aborted before the command was started',
          },
        ],
        cleanups: [],
        'cleanups of the second': ['preparing', 'waiting'],
      });
      await expectNothingLeft(base.path);
    },
  );
});

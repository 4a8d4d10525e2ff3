import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { probeCgroups } from './launcher/cgroups.ts';
import { outcomesOf, runCases } from './testing/run-cases.ts';
import { expectNothingLeft, useTestBase } from './testing/test-base.ts';

const base = useTestBase();
const exited = (exitCode: number): unknown => ({
  how: 'exited',
  exitCode,
  waitStatus: exitCode * 256,
  isOutOfMemory: false,
});
const aborted = { how: 'launch-failed', message: 'The launch was aborted before the command was started' };
/** What the first agent has when it is killed, without what only it knows. */
const left = [
  'other',
  'other/containers/a',
  'rebooted',
  'root',
  'root/containers/a',
  'root/containers/a/containers/a',
  'root/containers/gate',
];

describe('nested containers', () => {
  it('share volumes with their parent, outlive the agent, and end with their root', { tags: ['root'] }, async () => {
    const hasLimits = !('unavailable' in (await probeCgroups(base.cgroupsRoot)));
    const outcomes = outcomesOf(
      await runCases(new URL('./testing/nesting-cases.ts', import.meta.url), base.path, [base.cgroupsRoot]),
    );
    expect(outcomes).toMatchObject({
      first: {
        'has limits of its own': hasLimits,
        exited: exited(3),
        kept: exited(3),
        'not destroyed': 'Nested container has not terminated yet',
        'still running': 'Nested container has not terminated yet',
        'launched again': "Container 'root.ended' has terminated and is not removed yet",
        'launched twice': "Container 'root.a' is already launched",
        'without parent': 'Parent container nobody does not exist',
        'with a period': "'ContainerID.value' 'root.a' contains invalid characters",
        destroying: "Parent container doomed is in 'DESTROYING' state",
        unfinished: expect.stringMatching(/^Container destroyed during (provisioning|preparing)$/),
        'held by a child':
          'Failed to clean up container root: it has child container root.a which is not cleaned up yet',
        'driver calls': [],
        destroyed: {
          termination: { how: 'unknown', message: 'The container had no process of its own' },
          isMounted: false,
          unmounts: 1,
        },
        containers: ['orphan', 'orphan/containers/child', ...left].toSorted(),
      },
      recovered: ['other', 'other.a', 'root without process', 'root.a', 'root.a.a', 'root.gate'],
      orphans: { calls: ['unmount orphaned'], isMounted: false },
      rebooted: false,
      'root.a': exited(5),
      'root.a.a': exited(6),
      'other.a': exited(8),
      'root.gate': aborted,
      'root.unborn': aborted,
      'root.ended': exited(3),
      seen: { a: 'begun\nwritten\n', host: [] },
      removed: { before: ['a', 'ended', 'gate'], after: ['a', 'gate'] },
      'launched again': exited(4),
      destroyed: { a: exited(5), inner: exited(6), left: ['containers', 'termination'], isMounted: true },
      'root destroyed': { isMounted: false, calls: ['unmount shared'] },
    });
    for (const path of ['first.destroyed.kept', 'removed.wait', 'root destroyed.a']) {
      expect(outcomes).not.toHaveProperty(path);
    }
    await expectNothingLeft(base.path);
    expect(await readdir(join(base.path, 'checkpoints'))).toEqual([]);
  });

  it(
    'are no concern of isolators without nesting, end whatever fails, and are removed without links',
    { tags: ['root'] },
    async () => {
      const outcomes = outcomesOf(
        await runCases(new URL('./testing/nesting-isolator-cases.ts', import.meta.url), base.path, [base.cgroupsRoot]),
      );
      expect(outcomes).toEqual({
        true: {
          calls: [
            'prepare parent-true',
            'prepare parent-true.child',
            'cleanup parent-true.child',
            'cleanup parent-true',
          ],
          refusal: 'Failed to destroy nested containers: Failed to clean up an isolator when destroying container: no',
          containers: [],
        },
        linked: {
          refusal: `Failed to remove the sandbox directory: ${base.path}/sandbox-linked/containers leads to ${base.path}/elsewhere`,
          left: ['child'],
        },
        false: {
          calls: ['prepare parent-false', 'cleanup parent-false'],
          refusal: 'not refused',
          containers: [],
        },
      });
      await expectNothingLeft(base.path);
    },
  );
});

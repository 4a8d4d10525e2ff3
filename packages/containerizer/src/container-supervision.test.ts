import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { waitUntil } from '@drydock/base/wait-until';
import { probeCgroups } from './launcher/cgroups.ts';
import { identify } from './launcher/shim-identity.ts';
import { outcomesOf, runCases } from './testing/run-cases.ts';
import { useTestBase } from './testing/test-base.ts';

const base = useTestBase();

describe('a container', () => {
  it('is ended, limited and run as the user that was asked for', { tags: ['root'] }, async () => {
    const cgroups = await probeCgroups(base.cgroupsRoot);
    const outcomes = outcomesOf(
      await runCases(new URL('./testing/supervision-cases.ts', import.meta.url), base.path, [
        'overlay',
        base.cgroupsRoot,
      ]),
    );
    const terminated = { how: 'exited', exitCode: 143, signal: 'SIGTERM', waitStatus: 15 };
    const refused = 'refused\n';
    expect(outcomes).toMatchObject({
      ...Object.fromEntries(Array.from({ length: 3 }, (_, index) => [`terminated-${index}`, terminated])),
      deaf: { how: 'exited', exitCode: 137, signal: 'SIGKILL' },
      'exit-143': { how: 'exited', exitCode: 143, waitStatus: 143 * 256 },
      'no-such-program': { how: 'exited', exitCode: 127 },
      'unknown-user': { error: "Failed to find user 'no-such-user': No such user on this host" },
      'numeric-user': {
        exitCode: 0,
        stdout: expect.stringMatching(
          new RegExp(`\n12345\n12345\n${refused.repeat(3)}12345\n${refused}CapEff:\\s*0{16}\n$`),
        ),
      },
      // Where the machine gives no limits there is nothing to run out of.
      grown: { how: 'exited', exitCode: 0 },
      shrunk: 'unavailable' in cgroups ? {} : { exitCode: 137, signal: 'SIGKILL', isOutOfMemory: true },
      'out-of-memory': 'unavailable' in cgroups ? {} : { exitCode: 137, signal: 'SIGKILL', isOutOfMemory: true },
    });
    expect(outcomes).not.toHaveProperty('exit-143.signal');
  });
});

describe('the shim', () => {
  it.each([
    ['before the gate runs nothing', 'before-gate', 'aborted 1 0\n', /^$/],
    [
      'after the gate lets the command go on and writes how it ended',
      'after-gate',
      'exited 7 0\n',
      /^sh -c .*\nbegun\nlater\n$/,
    ],
  ])('of an agent that is killed %s', { tags: ['root'] }, async (_title, moment, exit, stdout) => {
    const { signal } = await runCases(new URL('./testing/killed-agent.ts', import.meta.url), base.path, [
      moment,
      base.cgroupsRoot,
    ]);
    expect(signal).toBe('SIGKILL');
    const directory = join(base.path, 'run/containers/overlay-orphan');
    const pid = Number(await readFile(join(directory, 'pid'), 'utf8'));
    await writeFile(join(base.path, 'sandbox-orphan/go'), '');
    await waitUntil(async () => (await identify(pid)) === undefined, { what: `the shim ${pid} to end` });
    expect(await readFile(join(directory, 'exit'), 'utf8')).toBe(exit);
    expect(await readFile(join(base.path, 'sandbox-orphan/stdout'), 'utf8')).toMatch(stdout);
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(base.path);
  });
});

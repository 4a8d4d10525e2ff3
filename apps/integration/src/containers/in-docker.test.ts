import { fileURLToPath } from 'node:url';
import { run } from '@drydock/base/subprocess';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const DRYDOCK = fileURLToPath(new URL('../../../drydock/bin/drydock.js', import.meta.url));

const scenario = async (...flags: readonly string[]): ReturnType<typeof run> =>
  await run([process.execPath, DRYDOCK, 'scenario', '--in-docker', ...flags], { cwd: ROOT, timeoutMs: 110_000 });

describe('drydock scenario --in-docker', { tags: ['docker'] }, () => {
  it('plays the story inside one container', async () => {
    // As the README has it.
    const argv = ['npm', 'run', 'scenario', '--', '--in-docker'] as const;
    const { exitCode, stdout, stderr } = await run(argv, { cwd: ROOT, timeoutMs: 110_000 });
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining('Docker Engine ')]);
    expect(stdout).toContain('$ convoy create myvolume\n');
    expect(stdout).toContain('lost+found\n');
    expect(stdout).toContain('The scenario PASSED');
  });

  it('prints one JSON object, and nothing else on stdout', async () => {
    const { exitCode, stdout } = await scenario('--json', '--client=plugin');
    expect([exitCode, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ isPassed: true })]);
  });

  it.each([['--keep'], ['--image=/tmp/x.tar']])('refuses %s, which is of no use there', async (flag) => {
    const { exitCode, stderr } = await scenario(flag);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('Expected --in-docker without')]);
  });
});

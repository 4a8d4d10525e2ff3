import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { runOrThrow } from '@drydock/base/subprocess';

const file = (name: string): string => fileURLToPath(new URL(`testing/${name}`, import.meta.url));
const bases: string[] = [];
afterAll(async () => {
  for (const base of bases) await rm(base, { recursive: true, force: true });
});

describe('MesosContainerizer', () => {
  it.each(['overlay', 'copy'])('launches, ends and removes containers (%s)', { tags: ['root'] }, async (backend) => {
    const base = await mkdtemp(join(tmpdir(), 'containerizer-'));
    bases.push(base);
    for (const name of ['dev', 'volume/sub', 'links', 'payload']) await mkdir(join(base, name), { recursive: true });
    await symlink('../../../../etc', join(base, 'links/etc'));
    await writeFile(join(base, 'payload/from-volume'), '');
    const hostEtc = await readdir('/etc');
    const prepare = 'mount -t tmpfs tmpfs "$1"; touch "$1/inner"; shift; exec "$@"';
    const cases = [process.execPath, file('launch-cases.ts'), base, backend];
    const output = await runOrThrow(
      [
        'unshare',
        '--mount',
        'sh',
        file('namespace.sh'),
        join(base, 'dev'),
        'sh',
        '-c',
        prepare,
        'sh',
        join(base, 'volume/sub'),
        ...cases,
      ],
      { timeoutMs: 50_000 },
    );
    const outcomes: unknown = JSON.parse(output);
    const sandbox = (name: string): string => join(base, `sandbox-${name}`);
    expect(outcomes).toMatchObject({
      exit: { how: 'exited', exitCode: 3, stdout: "sh -c 'pwd; exit 3'\n/mnt/mesos/sandbox\n" },
      host: { exitCode: 0, stdout: expect.stringContaining(`${sandbox('host')}\n${base}/registry\n`) },
      aborted: { how: 'launch-failed', stdout: '' },
      killed: { how: 'exited', signal: 'SIGKILL' },
      destroyed: { error: expect.stringMatching(/^Container destroyed during preparing$/) },
      'many-0': { exitCode: 0 },
      'many-9': { exitCode: 0 },
      'missing-source': { how: 'launch-failed', message: expect.stringContaining('missing') },
      'read-only': { stdout: expect.stringContaining('refused\ninner\n') },
      link: { stdout: expect.stringContaining('from-volume') },
    });
    expect(await readdir('/etc')).toEqual(hostEtc);
    expect(await readdir(join(base, 'run/containers'))).toEqual([]);
    expect(await readdir(join(base, 'run/runc'))).toEqual([]);
    expect(await readdir(join(base, 'work/provisioner/containers'))).toEqual([]);
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(base);
  });
});

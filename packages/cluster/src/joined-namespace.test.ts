import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runOrThrow } from '@drydock/base/subprocess';
import { describe, expect, it } from 'vitest';
import { joinNamespace, NamespaceError, startPrivateNamespace } from './private-namespace.ts';

const env = { PATH: process.env['PATH'] ?? '' };

describe('a joined namespace', { tags: ['root'] }, () => {
  it('is that of the process, stays when it ends, and counts only mounts below its directory as new', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'joined-'));
    try {
      const other = await startPrivateNamespace({ directory: join(directory, 'other'), env });
      await using joined = await joinNamespace({ pid: other.pid, directory: join(directory, 'own'), env });
      await other.stop();
      for (const path of ['/run/foreign', `${directory}/own/mine`]) {
        await runOrThrow(joined.enter(['sh', '-c', 'mkdir -p "$1" && mount -t tmpfs tmpfs "$1"', 'mount', path]));
      }
      expect(await joined.newMounts()).toEqual([`${directory}/own/mine`]);
      expect(await runOrThrow(['findmnt', '--noheadings', '--output', 'TARGET'])).not.toContain('/run/foreign');
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('is refused with the reason when there is no such process', async () => {
    const joining = joinNamespace({ pid: 4_194_303, directory: '/nowhere', env });
    await expect(joining).rejects.toThrow(NamespaceError);
    await expect(joining).rejects.toThrow('Failed to enter the mount namespace of process 4194303: nsenter: ');
  });
});

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containerUsage } from './container-usage.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cgroup-'));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

describe('containerUsage', () => {
  it.each([
    [
      'version 1',
      {
        'cpuacct/mesos/C/cpuacct.stat': 'user 150\nsystem 25\n',
        'memory/mesos/C/memory.stat': 'cache 1\nrss 2\ntotal_cache 4096\ntotal_rss 8192\n',
        'memory/mesos/C/memory.usage_in_bytes': '16384\n',
      },
    ],
    [
      'version 2',
      {
        'mesos/C/cpu.stat': 'usage_usec 1750000\nuser_usec 1500000\nsystem_usec 250000\n',
        'mesos/C/memory.stat': 'anon 8192\nfile 4096\nanon_thp 1\n',
        'mesos/C/memory.current': '16384\n',
      },
    ],
  ])('reads control groups of %s', async (_, files) => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    expect(await containerUsage(root, 'mesos/C')).toEqual({
      cpus_user_time_secs: 1.5,
      cpus_system_time_secs: 0.25,
      mem_rss_bytes: 8192,
      mem_file_bytes: 4096,
      mem_total_bytes: 16384,
    });
    expect(await containerUsage(root, 'mesos/another')).toEqual({});
  });

  it('leaves out what is not there or cannot be understood', async () => {
    await mkdir(join(root, 'mesos/C'), { recursive: true });
    await writeFile(join(root, 'mesos/C/cpu.stat'), 'user_usec many\nsystem_usec 1000000\n');
    await writeFile(join(root, 'mesos/C/memory.current'), 'max\n');
    expect(await containerUsage(root, 'mesos/C')).toEqual({ cpus_system_time_secs: 1 });
  });
});

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextIfThere } from '@drydock/base/read-if-there';
import { waitUntil } from '@drydock/base/wait-until';
import type { LocalCluster } from '@drydock/cluster';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { assertNothingLeft, aVolume, startTestCluster, startTestDriver } from './testing/test-cluster.ts';

let cluster: LocalCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
}, 60_000);
afterAll(async () => {
  await cluster.stop();
}, 60_000);
afterEach(async () => {
  await assertNothingLeft(cluster);
});

const tags = ['root'];
const volumes = (...list: readonly Record<string, unknown>[]): string => JSON.stringify(list);

describe('a Docker volume', { tags }, () => {
  it('is shared by two tasks at a time and unmounted once, when the last one ends', async () => {
    const driver = await startTestDriver(cluster, 'shared', { profile: 'convoy-0.5-devicemapper' });
    const value = volumes(aVolume({ driver: 'shared' }));
    // Each waits for the other's file, so both hold the volume at the same time.
    const meet = (mine: string, other: string): string =>
      `touch /data/${mine}; until [ -e /data/${other} ]; do sleep 0.05; done; ls /data`;
    const tasks = await Promise.all([
      cluster.execute({ command: meet('a', 'b'), name: 'one', volumes: value }),
      cluster.execute({ command: meet('b', 'a'), name: 'two', volumes: value }),
    ]);
    for (const task of tasks) {
      expect(task.states.at(-1)).toBe('TASK_FINISHED');
      expect(task.stdout.split('\n')).toEqual(expect.arrayContaining(['a', 'b', 'lost+found']));
    }
    const calls = await driver.stopAndListCalls();
    expect(calls.filter((method) => method === 'VolumeDriver.Mount')).toHaveLength(2);
    expect(calls.filter((method) => method === 'VolumeDriver.Unmount')).toHaveLength(1);
    expect(calls.at(-1)).toBe('VolumeDriver.Unmount');
  });

  it('that is read-only refuses writes, also below a submount', async () => {
    const driver = await startTestDriver(cluster, 'readonly');
    const prepare = await cluster.execute({
      command: 'mkdir /data/sub',
      volumes: volumes(aVolume({ driver: 'readonly' })),
    });
    expect(prepare.states.at(-1)).toBe('TASK_FINISHED');
    const sub = join(cluster.directory, 'driver-readonly', 'data', 'v1', 'sub');
    expect(await cluster.exec(['mount', '-t', 'tmpfs', 'tmpfs', sub])).toMatchObject({ exitCode: 0 });
    const task = await cluster.execute({
      command: 'touch /data/x; touch /data/sub/x; grep -c " /data/sub " /proc/self/mountinfo',
      volumes: volumes(aVolume({ driver: 'readonly', mode: 'RO' })),
    });
    expect(await cluster.exec(['umount', sub])).toMatchObject({ exitCode: 0 });
    expect(task.stderr).toContain('/data/x: Read-only file system');
    expect(task.stderr).toContain('/data/sub/x: Read-only file system');
    expect(task.stdout).toMatch(/^1$/m);
    await driver.stopAndListCalls();
  });

  it('appears at a relative container_path in the sandbox, with and without an image', async () => {
    const driver = await startTestDriver(cluster, 'relative');
    const value = volumes(aVolume({ driver: 'relative', path: 'data/deep' }));
    const write = await cluster.execute({ command: 'echo hello >data/deep/file', volumes: value });
    expect(write.states.at(-1)).toBe('TASK_FINISHED');
    const read = await cluster.execute({ command: 'cat data/deep/file', image: null, volumes: value });
    expect(read.stdout).toMatch(/^hello$/m);
    await driver.stopAndListCalls();
  });

  it('appears at an absolute container_path of the host without an image, for the task only', async () => {
    const driver = await startTestDriver(cluster, 'absolute');
    const value = volumes(aVolume({ driver: 'absolute', path: '/media' }));
    const task = await cluster.execute({
      command: 'touch /media/drydock-file && ls /media',
      image: null,
      volumes: value,
    });
    expect(task.stdout).toMatch(/^drydock-file$/m);
    expect((await cluster.exec(['ls', '/media'])).stdout).not.toContain('drydock-file');
    await driver.stopAndListCalls();
  });

  it('of another task comes and goes in a container that shares the root of the host, and is not kept there', async () => {
    const driver = await startTestDriver(cluster, 'passing', { profile: 'convoy-0.5-devicemapper' });
    const latest = `${cluster.agents[0]?.workDir ?? ''}/slaves/latest/frameworks/*/executors/bystander/runs/latest`;
    const look =
      'until [ -e end ]; do grep -c driver-passing /proc/self/mountinfo >next; mv next count; sleep 0.05; done';
    const bystander = cluster.execute({ command: look, image: null, name: 'bystander' });
    const seen = async (count: string): Promise<void> =>
      void (await waitUntil(async () => (await cluster.exec(['sh', '-c', `cat ${latest}/count`])).stdout.trim(), {
        what: `the bystander to see ${count} mounts of the driver`,
        until: (text) => text === count,
        timeoutMs: 20_000,
      }));
    await seen('0');
    const command = 'until [ -e /data/end ]; do sleep 0.05; done';
    const task = cluster.execute({ command, volumes: volumes(aVolume({ driver: 'passing' })) });
    await seen('1');
    const end = join(cluster.directory, 'driver-passing', 'data', 'mounts', 'v1', 'end');
    expect(await cluster.exec(['touch', end])).toMatchObject({ exitCode: 0 });
    expect((await task).states.at(-1)).toBe('TASK_FINISHED');
    await seen('0');
    // The checkpoint goes after the unmount.
    await waitUntil(async () => await cluster.leaks(), {
      what: 'loop device and checkpoint to be gone',
      until: (leaks) => !leaks.some(({ kind }) => kind === 'loop device' || kind === 'checkpoint'),
    });
    expect((await cluster.exec(['sh', '-c', `cd ${latest} && touch end`])).exitCode).toBe(0);
    await bystander;
    expect((await driver.stopAndListCalls()).at(-1)).toBe('VolumeDriver.Unmount');
  });

  it('is unmounted when its task is killed', async () => {
    const driver = await startTestDriver(cluster, 'killed', { profile: 'convoy-0.5-devicemapper' });
    const stopping = new AbortController();
    const executing = cluster.execute({
      command: 'touch /data/started; exec sleep 3600',
      volumes: volumes(aVolume({ driver: 'killed' })),
      signal: stopping.signal,
    });
    await waitUntil(
      async () => (await cluster.exec(['ls', join(cluster.directory, 'driver-killed', 'data', 'mounts', 'v1')])).stdout,
      { what: 'the task to run', until: (listing) => listing.includes('started'), timeoutMs: 15_000 },
    );
    stopping.abort();
    await executing;
    expect((await driver.stopAndListCalls()).at(-1)).toBe('VolumeDriver.Unmount');
  });
});

/** Command lines of processes that name `text`. */
async function commandLinesWith(text: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map(async (pid) => await readTextIfThere(`/proc/${pid}/cmdline`, ['ESRCH'])));
  return lines.filter((line) => line !== undefined).filter((line) => line.includes(text));
}

describe('the agent', { tags }, () => {
  it('does not run a task without the volume that it asked for', async () => {
    await using own = await startTestCluster({ agentFlags: ['--isolation=filesystem/linux,docker/runtime'] });
    const task = await own.execute({ command: 'true', volumes: volumes(aVolume({ driver: 'any' })) });
    expect(task.states).toEqual(['TASK_FAILED']);
    expect(task.message).toContain("The 'docker/volume' isolator is not enabled on this agent");
  });

  it('ends its tasks and unmounts their volumes when it is told to stop', async () => {
    await using own = await startTestCluster();
    const driver = await startTestDriver(own, 'drained', { profile: 'convoy-0.5-devicemapper' });
    const executing = own.execute({
      command: 'touch started; exec sleep 3600',
      volumes: volumes(aVolume({ driver: 'drained' })),
    });
    const [agent] = own.agents;
    await waitUntil(
      async () =>
        (await own.exec(['sh', '-c', `ls ${agent?.workDir ?? ''}/slaves/latest/frameworks/*/executors/*/runs/latest/`]))
          .stdout,
      { what: 'the task to run', until: (listing) => listing.includes('started'), timeoutMs: 15_000 },
    );
    await agent?.daemon.stop();
    const task = await executing;
    expect(task.states).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_KILLED']);
    expect(await own.leaks()).toEqual([]);
    expect((await driver.stopAndListCalls()).at(-1)).toBe('VolumeDriver.Unmount');
  });

  it('that is killed leaves its containers running, and the cluster ends them', async () => {
    const own = await startTestCluster();
    const { directory } = own;
    try {
      const ending = new AbortController();
      const executing = own.execute({ command: 'exec sleep 3600', signal: ending.signal });
      const [agent] = own.agents;
      await waitUntil(async () => await own.leaks(), {
        what: 'the container to run',
        until: (leaks) => leaks.some(({ kind }) => kind === 'control group'),
        timeoutMs: 15_000,
      });
      agent?.daemon.kill('SIGKILL');
      await waitUntil(() => agent?.daemon.hasEnded, { what: 'the agent to be gone' });
      ending.abort();
      await executing;
      expect((await own.leaks()).map(({ kind }) => kind)).toContain('process');
    } finally {
      await own.stop();
    }
    expect(await commandLinesWith(directory)).toEqual([]);
    const groups = await readdir('/sys/fs/cgroup', { recursive: true });
    expect(groups.filter((path) => path.endsWith(`drydock-${own.runId}`))).toEqual([]);
  });

  it('asks a task to end, and kills it when it does not within its grace period', async () => {
    const task = await cluster.execute({
      command: 'trap "" TERM; while :; do sleep 0.1; done',
      flags: ['--kill_after=100ms'],
    });
    expect(task.states.at(-1)).toBe('TASK_KILLED');
    expect(task.message).toBe('Command terminated with signal Killed');
    expect(task.stdout).toContain('Received KILL event\nReceived kill for task test with grace period of 3secs\n');
    expect(task.stdout).toMatch(/^Process \d+ did not terminate after 3secs, sending SIGKILL to process tree at \d+$/m);
  });

  it('gives a task its environment and, with an image, the sandbox as working directory', async () => {
    const task = await cluster.execute({ command: 'pwd; env', flags: ['--env={"GREETING":"hello world"}'] });
    expect(task.stdout).toMatch(/^\/mnt\/mesos\/sandbox$/m);
    expect(task.stdout).toMatch(/^GREETING=hello world$/m);
    expect(task.stdout).toMatch(/^MESOS_SANDBOX=\/mnt\/mesos\/sandbox$/m);
    expect(task.stdout).not.toContain('DRYDOCK_RUN_ID');
  });

  it('shows a sandbox over HTTP and nothing beyond it', async () => {
    const task = await cluster.execute({ command: 'echo hello; ln -s /etc/passwd link' });
    const [agent] = cluster.agents;
    const read = async (file: string): Promise<Response> =>
      await fetch(
        `http://${agent?.address}/files/read?offset=0&path=${encodeURIComponent(join(task.sandbox ?? '', file))}`,
      );
    expect(await (await read('stdout')).json()).toEqual({
      offset: 0,
      data: await readFile(join(task.sandbox ?? '', 'stdout'), 'utf8'),
    });
    expect((await read('link')).status).toBe(404);
    expect((await read('../../../../../../../../../../etc/passwd')).status).toBe(404);
  });
});

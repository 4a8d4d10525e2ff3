import { existsSync } from 'node:fs';
import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { waitUntil } from '@drydock/base/wait-until';
import type { DockerVolumeStatus } from '@drydock/isolator';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Agent } from '../agent.ts';
import { serveAgent, type ServedAgent } from '../testing/served-agent.ts';

const CGROUPS_ROOT = `drydock-test-read-side-${process.pid}`;

let stack: AsyncDisposableStack;
let served: ServedAgent;
let agent: Agent;
let volumes: DockerVolumeStatus | undefined;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  volumes = undefined;
  served = stack.use(await serveAgent({ flags: { cgroups_root: CGROUPS_ROOT }, volumes: () => volumes }));
  ({ agent } = served);
});
afterEach(async () => {
  await stack.disposeAsync();
});

// oxlint-disable-next-line typescript/no-explicit-any -- answers are looked into, as parsed
async function get(path: string): Promise<any> {
  const response = await fetch(`${served.address}${path}`);
  expect([path, response.status]).toEqual([path, 200]);
  return await response.json();
}

type VolumeKey = NonNullable<DockerVolumeStatus['pending'][number]['volume']>;
/** Only the isolator makes checked ones. */
const volume = (driver: string, name: string): VolumeKey => ({ driver, name }) as VolumeKey;

const EXECUTOR = {
  framework_id: 'F',
  executor_id: 't',
  executor_name: "Command Executor (Task: t) (Command: sh -c 'sleep 100000...')",
  source: 't',
};

describe('the read side of the agent', () => {
  it.each(['/containers', '/monitor/statistics', '/metrics/snapshot'])(
    'answers %s with and without its prefix, and as JSONP',
    async (path) => {
      expect(Object.keys(await get(`/slave(1)${path}`))).toEqual(Object.keys(await get(path)));
      const response = await fetch(`${served.address}${path}?jsonp=show`);
      expect(response.headers.get('content-type')).toContain('text/javascript');
      expect(await response.text()).toMatch(/^show\([[{].*[\]}]\)$/);
    },
  );

  it('shows the limits of a container, and leaves out what nobody measures', async () => {
    expect(await get('/monitor/statistics')).toEqual([
      {
        ...EXECUTOR,
        statistics: { timestamp: expect.any(Number), cpus_limit: 0.5, mem_limit_bytes: 32 * 1024 * 1024 },
      },
    ]);
  });

  it('shows what the control group below --cgroups_root counts', { tags: ['root'] }, async ({ skip }) => {
    const cpuacct = '/sys/fs/cgroup/cpuacct';
    const parent = join(existsSync(cpuacct) ? cpuacct : '/sys/fs/cgroup', CGROUPS_ROOT);
    const made = await mkdir(parent).catch(() => false); // Read-only in some containers.
    skip(made === false, 'control groups cannot be written here');
    stack.defer(async () => await rmdir(parent));
    const group = join(parent, agent.activeRuns[0]?.containerId.value ?? '');
    await mkdir(group);
    stack.defer(async () => await rmdir(group));
    const [{ statistics }] = await get('/monitor/statistics');
    expect(statistics).toMatchObject({ cpus_user_time_secs: 0, cpus_system_time_secs: 0 });
  });

  it('names an executor everywhere as /state does', async () => {
    const [run] = agent.activeRuns;
    const id = run?.containerId.value;
    expect(await get('/containers')).toEqual([
      {
        container_id: id,
        ...EXECUTOR,
        status: { container_id: { value: id }, executor_pid: 4242 },
        statistics: { timestamp: expect.any(Number), cpus_limit: 0.5, mem_limit_bytes: 32 * 1024 * 1024 },
      },
    ]);
    const { frameworks } = await get('/state');
    expect(frameworks[0].executors[0]).toMatchObject({ name: EXECUTOR.executor_name, container: id });
  });

  it('shows no container that is cleaned up', async () => {
    served.endContainer();
    served.finishCleanUp();
    await waitUntil(() => agent.activeRuns.length === 0, { what: 'the container to be cleaned up' });
    expect([await get('/containers'), await get('/monitor/statistics')]).toEqual([[], []]);
  });

  it('shows volumes that are still to be unmounted: of containers there, of those gone, and of those nobody knows', async () => {
    const id = agent.activeRuns[0]?.containerId ?? { value: '' };
    volumes = {
      volumeCount: 2,
      counts: { mounts: 3, mountErrors: 1, unmounts: 4, unmountErrors: 2 },
      pending: [
        {
          containerIds: [id, { value: 'unknown' }],
          volume: volume('convoy', 'v1'),
          failedCount: 2,
          error: 'busy',
          since: 1,
        },
        { containerIds: [id], volume: volume('rexray', 'v2'), failedCount: 0 },
        // The removal of a checkpoint: no volume waits for it.
        { containerIds: [{ value: 'forgotten' }], failedCount: 1, error: 'EIO', since: 1 },
      ],
    };
    const first = { driver: 'convoy', name: 'v1', failed_count: 2, error: 'busy' };
    const second = { driver: 'rexray', name: 'v2', failed_count: 0 };
    const unknown = { container_id: 'unknown', pending_unmounts: [first] };
    expect(await get('/containers')).toEqual([
      expect.objectContaining({ ...EXECUTOR, container_id: id.value, pending_unmounts: [first, second] }),
      unknown,
    ]);
    expect(await get('/metrics/snapshot')).toMatchObject({
      'containerizer/mesos/docker_volume/mounts': 3,
      'containerizer/mesos/docker_volume/mount_errors': 1,
      'containerizer/mesos/docker_volume/unmounts': 4,
      'containerizer/mesos/docker_volume/unmount_errors': 2,
      'containerizer/mesos/docker_volume/pending_unmounts': 2,
    });
    served.endContainer();
    served.finishCleanUp();
    await waitUntil(() => agent.activeRuns.length === 0, { what: 'the container to be cleaned up' });
    expect(await get('/containers')).toEqual([
      { ...EXECUTOR, container_id: id.value, pending_unmounts: [first, second] },
      unknown,
    ]);
  });

  it('does not measure volumes without the docker/volume isolator', async () => {
    const names = Object.keys(await get('/metrics/snapshot'));
    expect(names).toContain('containerizer/mesos/container_destroy_errors');
    expect(names.filter((name) => name.includes('docker_volume'))).toEqual([]);
  });

  it('measures tasks, executors and resources', async () => {
    expect(await get('/metrics/snapshot')).toMatchObject({
      'slave/registered': 1,
      'slave/frameworks_active': 1,
      'slave/tasks_staging': 0,
      'slave/tasks_starting': 0,
      'slave/tasks_running': 1,
      'slave/tasks_killing': 0,
      'slave/tasks_finished': 0,
      'slave/tasks_killed': 0,
      'slave/tasks_failed': 0,
      'slave/tasks_lost': 0,
      'slave/executors_running': 1,
      'slave/executors_terminating': 0,
      'slave/executors_terminated': 0,
      'slave/cpus_total': 2,
      'slave/cpus_used': 0.5,
      'slave/cpus_percent': 0.25,
      'slave/mem_total': 128,
      'slave/mem_used': 32,
      'slave/gpus_percent': 0,
    });
  });

  it('measures an executor that is terminating, then terminated', async () => {
    served.endContainer();
    await waitUntil(() => agent.activeRuns[0]?.tasks[0]?.state === 'TASK_FINISHED', { what: 'the task to finish' });
    const ended = { 'slave/tasks_running': 0, 'slave/tasks_finished': 1, 'slave/executors_running': 0 };
    const free = { 'slave/cpus_used': 0, 'slave/mem_percent': 0 };
    expect(await get('/metrics/snapshot')).toMatchObject({ ...ended, ...free, 'slave/executors_terminating': 1 });
    served.finishCleanUp();
    await waitUntil(() => agent.activeRuns.length === 0, { what: 'the container to be cleaned up' });
    expect(await get('/metrics/snapshot')).toMatchObject({ ...ended, 'slave/executors_terminated': 1 });
  });
});

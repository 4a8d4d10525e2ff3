import { waitUntil } from '@drydock/base/wait-until';
import { MesosClusterContainers, type StartedContainersCluster } from '@drydock/cluster/containers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { logsOf } from '../testing/logs-of.ts';
import { assertNothingLeft } from '../testing/test-cluster.ts';

/**
 * The example framework on a host that the master does not hear of. Both ends find out by themselves: the framework when
 * five heartbeats of 15 s are missing, the master when nobody acknowledges what it sends, after the kernel's
 * `tcp_retries2` attempts. Of these are 15 by default, a quarter of an hour, and here 3.
 */
let cluster: StartedContainersCluster;

const DRIVER = 'convoy-0.5-vfs';
/** The framework's watch, and its pause before the next attempt. */
const NOTICE_MS_MAX = 150_000;
/** On its host; another one for each volume. */
const programOf = (volume: string): string => `framework-${volume}`;

interface MasterFramework {
  readonly id: string;
  readonly active: boolean;
  readonly tasks: readonly { readonly id: string; readonly state: string }[];
  readonly completed_tasks: readonly { readonly id: string; readonly state: string }[];
}
interface MasterState {
  readonly frameworks: readonly MasterFramework[];
  readonly completed_frameworks: readonly MasterFramework[];
}

beforeAll(async () => {
  cluster = await new MesosClusterContainers()
    .withDriver(DRIVER)
    .withLogsDirectory(logsOf('framework-partition'))
    .start();
  const retries = 'mount -o remount,bind,rw /proc/sys && echo 3 >/proc/sys/net/ipv4/tcp_retries2';
  await cluster.master.host.read(['sh', '-c', retries]);
});
afterAll(async () => {
  await cluster.stop();
});
afterEach(async () => {
  await assertNothingLeft(cluster);
});

const masterState = async (): Promise<MasterState> => (await cluster.master.state()) as MasterState;

/** The framework of that id, when it is as wanted. */
async function framework(
  id: string,
  what: string,
  until: (framework: MasterFramework) => boolean,
): Promise<MasterFramework> {
  const found = await waitUntil(
    async () => {
      const { frameworks, completed_frameworks } = await masterState();
      return [...frameworks, ...completed_frameworks].find((one) => one.id === id);
    },
    {
      what,
      until: (one) => one !== undefined && until(one),
      timeoutMs: NOTICE_MS_MAX,
      intervalMs: 200,
    },
  );
  if (found === undefined) throw new Error('waitUntil gives only good values');
  return found;
}

/** Lines of its log. */
async function logged(volume: string, message: string): Promise<readonly Record<string, unknown>[]> {
  const lines = (await cluster.frameworks.host.log(programOf(volume)))
    .split('\n')
    .filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line['message'] === message);
}

/** Resolves when there are `count` lines with that message; gives the last one. */
async function waitForLog(volume: string, message: string, count: number): Promise<Record<string, unknown>> {
  const lines = await waitUntil(async () => await logged(volume, message), {
    what: `the framework to log '${message}' ${count} times`,
    until: (found) => found.length >= count,
    timeoutMs: NOTICE_MS_MAX,
    intervalMs: 500,
  });
  return lines.at(-1) ?? {};
}

/** Starts it; resolves when both of its tasks run. */
async function startFramework(volume: string, failoverTimeoutSeconds: number): Promise<MasterFramework> {
  const { host } = cluster.frameworks;
  const address = `${cluster.master.host.name}:${cluster.master.address.split(':')[1] ?? ''}`;
  const volumeFlags = [`--driver=${DRIVER}`, `--volume=${volume}`];
  const flags = [
    `--failover_timeout=${failoverTimeoutSeconds}`,
    `--state_dir=/var/lib/${volume}`,
    '--teardown',
    '--json',
  ];
  await host.startProgram(programOf(volume), ['example-framework', `--master=${address}`, ...volumeFlags, ...flags]);
  const { frameworkId } = await waitForLog(volume, 'Subscribed', 1);
  return await framework(
    String(frameworkId),
    'a writer and a reader to run',
    ({ tasks }) => tasks.length === 2 && tasks.every(({ state }) => state === 'TASK_RUNNING'),
  );
}

describe('a framework that is cut off from its master', { tags: ['docker', 'slow'] }, () => {
  it('has its tasks within the failover_timeout, subscribes again under its id, and launches nothing twice', async () => {
    const before = await startFramework('kept', 600);
    const { id } = before;
    {
      await using _partition = await cluster.frameworks.partition();
      const cut = await framework(id, 'the master to miss the framework', ({ active }) => !active);
      expect(cut.tasks).toMatchObject(before.tasks.map(({ id: taskId }) => ({ id: taskId, state: 'TASK_RUNNING' })));
      await waitForLog('kept', 'Disconnected', 1);
      // It tries in vain: the network is still broken.
      await waitForLog('kept', 'Disconnected', 2);
      expect(await logged('kept', 'Subscribed')).toHaveLength(1);
      expect((await framework(id, 'any state', () => true)).tasks).toEqual(cut.tasks);
    }
    expect(await waitForLog('kept', 'Subscribed', 2)).toMatchObject({ frameworkId: id });
    const after = await framework(id, 'the framework to be back', ({ active }) => active);
    expect(after).toMatchObject({ tasks: before.tasks.map(({ id: taskId }) => ({ id: taskId })), completed_tasks: [] });
    await cluster.frameworks.host.signalProgram(programOf('kept'), 'SIGTERM');
    await cluster.frameworks.host.waitForEnd(programOf('kept'));
  });

  it('loses them with the failover_timeout, and is told so when it comes back', async () => {
    const before = await startFramework('lost', 5);
    const { id } = before;
    {
      await using _partition = await cluster.frameworks.partition();
      await waitUntil(async () => (await masterState()).completed_frameworks.map((one) => one.id), {
        what: 'the master to give the framework up',
        until: (ids) => ids.includes(id),
        timeoutMs: NOTICE_MS_MAX,
        intervalMs: 200,
      });
      const { completed_tasks } = await framework(id, 'its tasks to be over', ({ tasks }) => tasks.length === 0);
      expect(completed_tasks.map(({ state }) => state)).toEqual(['TASK_KILLED', 'TASK_KILLED']);
      // Containers, mounts and volumes are gone while nobody hears of the framework.
      await cluster.waitUntilIdle();
      await assertNothingLeft(cluster);
      const calls = (await cluster.agents[0]?.driver(DRIVER).requests()) ?? [];
      const ofVolume = calls.filter(({ request }) => request.Name === 'lost').map(({ method }) => method);
      expect(ofVolume.indexOf('VolumeDriver.Unmount')).toBe(ofVolume.length - 1); // one, after all else
      await waitForLog('lost', 'Disconnected', 1);
    }
    await cluster.frameworks.host.waitForEnd(programOf('lost'), NOTICE_MS_MAX);
    expect(await cluster.frameworks.host.log(programOf('lost'))).toContain('Framework has been removed');
  });
});

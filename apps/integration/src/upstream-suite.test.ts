/**
 * Upstream's own tests of the docker/volume isolator, by their names, against the real master, agent and containers.
 * Where upstream's mock of the driver client counts its calls, a dvdcli notes them and hands them on to a fake driver. The
 * image is the stand-in, in place of alpine from the network.
 * @see src/tests/containerizer/docker_volume_isolator_tests.cpp
 */
import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { waitUntil } from '@drydock/base/wait-until';
import { LocalCluster, STANDIN_IMAGES_DIRECTORY } from '@drydock/cluster';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LastingFramework } from './testing/lasting-framework.ts';
import { writeRecordingDvdcli, type RecordingDvdcli } from './testing/recording-dvdcli.ts';
import { assertNothingLeft, startTestDriver, type TestDriver } from './testing/test-cluster.ts';

type Json = Record<string, unknown>;

/** Master, agent, the notes of its dvdcli, and two drivers. */
interface Suite {
  readonly cluster: LocalCluster;
  readonly dvdcli: RecordingDvdcli;
  readonly drivers: readonly [TestDriver, TestDriver];
}

async function startSuite(flags: readonly string[] = []): Promise<Suite> {
  const cluster = await LocalCluster.create({ imagesDirectory: STANDIN_IMAGES_DIRECTORY });
  try {
    const dvdcli = await writeRecordingDvdcli(cluster.directory);
    const drivers = [await startTestDriver(cluster, 'driver1'), await startTestDriver(cluster, 'driver2')] as const;
    await cluster.startMaster();
    await cluster.startAgent({ flags: [`--dvdcli=${dvdcli.path}`, ...flags] });
    return { cluster, dvdcli, drivers };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

let suite: Suite;
let framework: LastingFramework;
beforeAll(async () => {
  suite = await startSuite();
}, 60_000);
afterAll(async () => {
  await suite.cluster.stop();
}, 60_000);
beforeEach(async () => {
  framework = new LastingFramework(suite.cluster.master);
  await suite.dvdcli.forget();
});
afterEach(async () => {
  if (framework.isSubscribed) await framework.call({ type: 'TEARDOWN' });
  await framework[Symbol.asyncDispose]();
  await assertNothingLeft(suite.cluster);
});

const tags = ['root'];
const SUCCESS = ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED'];
const FAILURE = ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FAILED'];
const KILLED = ['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLED'];

const volume = (driver: string, name: string, path: string, rest: { mode?: string; options?: Json } = {}): Json => {
  const parameter = Object.entries(rest.options ?? {}).map(([key, value]) => ({ key, value }));
  const dockerVolume = { driver, name, ...(parameter.length === 0 ? {} : { driver_options: { parameter } }) };
  const source = { type: 'DOCKER_VOLUME', docker_volume: dockerVolume };
  return { container_path: path, mode: rest.mode ?? 'RW', source };
};
const container = (...volumes: Json[]): Json => ({ type: 'MESOS', volumes });
const imageContainer = (...volumes: Json[]): Json => ({
  ...container(...volumes),
  mesos: { image: { type: 'DOCKER', docker: { name: 'ubuntu:14.04' } } },
});

const mountOf = (driver: string, name: string, ...options: string[]): string[] => [
  'mount',
  `--volumedriver=${driver}`,
  `--volumename=${name}`,
  ...options.map((option) => `--volumeopts=${option}`),
];
const unmountOf = (driver: string, name: string): string[] => [
  'unmount',
  `--volumedriver=${driver}`,
  `--volumename=${name}`,
];

/** Calls for several volumes are made at a time. */
const byText = (a: readonly string[], b: readonly string[]): number => (a.join() < b.join() ? -1 : 1);

/** Has a driver make a volume with an empty file in it, as upstream's mock points to a directory that has one. */
async function makeVolume({ cluster }: Suite, driver: string, name: string, file: string): Promise<void> {
  const socket = `--unix-socket /run/docker/plugins/${driver}.sock`.split(' ');
  const data = ['--data-binary', JSON.stringify({ Name: name, Opts: {} })];
  const create = [
    'curl',
    '--silent',
    '--show-error',
    '--fail',
    ...data,
    ...socket,
    'http://driver/VolumeDriver.Create',
  ];
  const { exitCode, stdout } = await cluster.exec(create);
  const { Err: problem = '' } = JSON.parse(stdout) as { Err?: string };
  expect([exitCode, problem]).toEqual([0, '']);
  await writeFile(join(cluster.directory, `driver-${driver}`, 'data', name, file), '');
}

/** Of the one agent: it may have another after a restart. */
async function agentId({ cluster }: Suite): Promise<string> {
  const state = (await (await fetch(`http://${cluster.master}/state`)).json()) as {
    slaves: readonly { id: string; active: boolean }[];
  };
  return state.slaves.find(({ active }) => active)?.id ?? 'no agent';
}

/** Runs a task to its end and to the end of its clean-up. */
async function runToEnd(task: Json & { readonly name: string }, state: string, on: Suite = suite): Promise<void> {
  await framework.subscribe();
  await framework.launchTasks(await agentId(on), [task]);
  await framework.status(task.name, state);
  await on.cluster.waitUntilIdle();
}

async function killAgent({ cluster }: Suite): Promise<void> {
  cluster.agents[0]?.daemon.kill('SIGKILL');
  await waitUntil(() => cluster.agents[0]?.daemon.hasEnded === true, { what: 'the agent to be gone' });
}

async function restartAgent({ cluster }: Suite): Promise<void> {
  const [agent] = cluster.agents;
  if (agent === undefined) throw new Error('The cluster has an agent');
  await cluster.restartAgent(agent);
}

describe('DockerVolumeIsolatorTest', { tags }, () => {
  it('NoRootfsWithVolumes: mounts each volume once with its options, and unmounts it once', async () => {
    await makeVolume(suite, 'driver1', 'name1', 'file1');
    await makeVolume(suite, 'driver2', 'name2', 'file2');
    const absolute = join(suite.cluster.directory, 'foo2');
    await mkdir(absolute);
    const volumes = [
      volume('driver1', 'name1', 'tmp/foo1', { options: { iops: '150' } }),
      volume('driver2', 'name2', absolute),
    ];
    const value = `test -f tmp/foo1/file1 && test -f ${absolute}/file2`;
    await runToEnd({ name: 'test', command: { value }, container: container(...volumes) }, 'TASK_FINISHED');
    expect(framework.statesOf('test')).toEqual(SUCCESS);
    const calls = await suite.dvdcli.calls();
    expect(calls.slice(0, 2).toSorted(byText)).toEqual([
      mountOf('driver1', 'name1', 'iops=150'),
      mountOf('driver2', 'name2'),
    ]);
    expect(calls.slice(2).toSorted(byText)).toEqual([unmountOf('driver1', 'name1'), unmountOf('driver2', 'name2')]);
  });

  it('NoRootfsFailedWithSameVolumes: the same volume twice fails the task before any driver is called', async () => {
    const volumes = [volume('driver1', 'same', 'tmp/foo1'), volume('driver1', 'same', 'tmp/foo2')];
    const task = { name: 'test', command: { value: 'true' }, container: container(...volumes) };
    await runToEnd(task, 'TASK_FAILED');
    expect(framework.statesOf('test')).toEqual(['TASK_FAILED']);
    expect(await suite.dvdcli.calls()).toEqual([]);
  });

  it('NoRootfsSlaveRecovery: a container goes on without its agent, and the next agent unmounts its volumes', async () => {
    await makeVolume(suite, 'driver1', 'kept1', 'file1');
    await makeVolume(suite, 'driver2', 'kept2', 'file2');
    const absolute = join(suite.cluster.directory, 'foo-kept');
    await mkdir(absolute);
    const volumes = [volume('driver1', 'kept1', 'tmp/foo1'), volume('driver2', 'kept2', absolute)];
    const value = `while test -f tmp/foo1/file1 && test -f ${absolute}/file2; do sleep 0.1; done`;
    await framework.subscribe({ checkpoint: true });
    const id = await agentId(suite);
    await framework.launchTasks(id, [{ name: 'test', command: { value }, container: container(...volumes) }]);
    await framework.status('test', 'TASK_RUNNING');
    await killAgent(suite);
    await suite.dvdcli.forget();
    await restartAgent(suite);
    expect(await agentId(suite)).toBe(id);
    const containers = await fetch(`http://${suite.cluster.agents[0]?.address}/containers`);
    expect(await containers.json()).toMatchObject([{ executor_id: 'test' }]);
    expect(await suite.dvdcli.calls()).toEqual([]);
    await framework.kill('test');
    await framework.status('test', 'TASK_KILLED');
    await suite.cluster.waitUntilIdle();
    // What the agent had not heard to be acknowledged when it was killed, it tells again.
    expect([...new Set(framework.statesOf('test'))]).toEqual(KILLED);
    expect((await suite.dvdcli.calls()).toSorted(byText)).toEqual([
      unmountOf('driver1', 'kept1'),
      unmountOf('driver2', 'kept2'),
    ]);
  });

  it('EmptyCheckpointFileSlaveRecovery: an agent starts over an empty file of volumes', async () => {
    await framework.subscribe();
    const task = {
      name: 'test',
      command: { value: 'sleep 600' },
      container: container(volume('driver1', 'empty', 'tmp/foo')),
    };
    await framework.launchTasks(await agentId(suite), [task]);
    await framework.status('test', 'TASK_RUNNING');
    await killAgent(suite);
    const checkpoints = suite.cluster.inside(suite.cluster.agents[0]?.checkpointDir ?? '');
    const [containerId, ...others] = await readdir(checkpoints);
    expect(others).toEqual([]);
    await truncate(join(checkpoints, containerId ?? '', 'volumes'));
    await restartAgent(suite);
    expect(await agentId(suite)).not.toBe('no agent');
    await assertNothingLeft(suite.cluster);
    // Nobody knows any more which volumes the container had.
    expect(await suite.dvdcli.calls()).toEqual([mountOf('driver1', 'empty')]);
  });

  it('SingleVolumeMultipleContainers: is unmounted once, after both containers are gone', async () => {
    await framework.subscribe();
    const value = 'while true; do test -d tmp/foo || exit 1; sleep 0.1; done';
    const names = ['one', 'two'];
    const [driver, name] = ['driver1', 'shared'];
    const tasks = names.map((task) => ({
      name: task,
      command: { value },
      container: container(volume(driver, name, 'tmp/foo')),
    }));
    await framework.launchTasks(await agentId(suite), tasks);
    for (const task of names) await framework.status(task, 'TASK_RUNNING');
    await framework.kill('one');
    await framework.status('one', 'TASK_KILLED');
    await framework.kill('two');
    await framework.status('two', 'TASK_KILLED');
    await suite.cluster.waitUntilIdle();
    for (const task of names) expect(framework.statesOf(task)).toEqual(KILLED);
    const calls = await suite.dvdcli.calls();
    expect(calls).toEqual([...calls.slice(0, -1).map(() => mountOf(driver, name)), unmountOf(driver, name)]);
    expect(calls.length).toBeGreaterThanOrEqual(2);
  });

  it('RootfsWithAbsolutePathVolume: is mounted below the root of the image', async () => {
    await makeVolume(suite, 'driver1', 'absolute', 'file');
    // Upstream's image has it in /usr/bin.
    const command = { shell: false, value: '/bin/test', arguments: ['test', '-f', '/tmp/foo/file'] };
    const volumes = [volume('driver1', 'absolute', '/tmp/foo')];
    await runToEnd({ name: 'test', command, container: imageContainer(...volumes) }, 'TASK_FINISHED');
    expect(framework.statesOf('test')).toEqual(SUCCESS);
    expect(await suite.dvdcli.calls()).toEqual([mountOf('driver1', 'absolute'), unmountOf('driver1', 'absolute')]);
  });

  it('RootfsWithRelativeVolume: is mounted in the sandbox, with its options', async () => {
    await makeVolume(suite, 'driver1', 'relative', 'file');
    const command = { shell: false, value: '/bin/test', arguments: ['test', '-f', 'tmp/foo/file'] };
    const volumes = [volume('driver1', 'relative', 'tmp/foo', { options: { iops: '150' } })];
    await runToEnd({ name: 'test', command, container: imageContainer(...volumes) }, 'TASK_FINISHED');
    expect(framework.statesOf('test')).toEqual(SUCCESS);
    expect(await suite.dvdcli.calls()).toEqual([
      mountOf('driver1', 'relative', 'iops=150'),
      unmountOf('driver1', 'relative'),
    ]);
  });

  it.each<[string, (...volumes: Json[]) => Json]>([
    ['NoRootfsWithReadOnlyVolume', container],
    ['RootfsWithReadOnlyVolume', imageContainer],
  ])('%s: refuses a write, and the task fails', async (title, containerWith) => {
    const value = 'echo "hello" > tmp/foo/file';
    const volumes = [volume('driver1', title, 'tmp/foo', { mode: 'RO' })];
    await runToEnd({ name: 'test', command: { value }, container: containerWith(...volumes) }, 'TASK_FAILED');
    expect(framework.statesOf('test')).toEqual(FAILURE);
    expect(await suite.dvdcli.calls()).toEqual([mountOf('driver1', title), unmountOf('driver1', title)]);
    const data = join(suite.cluster.directory, 'driver-driver1', 'data', title);
    expect(await readdir(data)).toEqual([]);
  });

  it('NoRootfsWithUnmountVolumeFailure: a volume that could not be unmounted is mounted for the next task, and unmounted after it', async () => {
    await suite.drivers[0].useFaults('unmount[failing]: 1*error(Mock failure)');
    const id = await agentId(suite);
    const task = (name: string): Json & { name: string } => ({
      name,
      command: { value: 'test -d tmp/foo' },
      container: container(volume('driver1', 'failing', 'tmp/foo')),
    });
    await framework.subscribe();
    const resources = (await framework.next('OFFERS')).offers?.offers[0]?.resources;
    expect(resources?.length).toBeGreaterThan(0);
    const seen = framework.events.length;
    await framework.launchTasks(id, [task('first')]);
    await framework.status('first', 'TASK_FINISHED');
    await waitUntil(async () => (await suite.dvdcli.calls()).some(([verb]) => verb === 'unmount'), {
      what: 'the unmount that fails',
    });
    const reoffered = await waitUntil(
      () => framework.events.slice(seen).flatMap((event) => event.offers?.offers ?? []),
      {
        what: 'all resources to be offered again',
        until: (offers) => offers.some((offer) => isDeepStrictEqual(offer.resources, resources)),
      },
    );
    expect(reoffered.at(-1)?.agent_id).toEqual({ value: id });
    await framework.launchTasks(id, [task('second')]);
    await framework.status('second', 'TASK_FINISHED');
    await suite.cluster.waitUntilIdle();
    for (const name of ['first', 'second']) expect(framework.statesOf(name)).toEqual(SUCCESS);
    const verbs = (await suite.dvdcli.calls()).map(([verb]) => verb);
    expect(verbs.slice(0, 2)).toEqual(['mount', 'unmount']);
    // The agent may have tried the first one's unmount again meanwhile.
    expect(verbs.filter((verb) => verb === 'mount')).toHaveLength(2);
    expect(verbs.slice(verbs.lastIndexOf('mount'))).toEqual(['mount', 'unmount']);
  });
});

describe('DockerVolumeIsolatorTest with --docker_volume_chown', { tags }, () => {
  it('UNPRIVILEGED_USER_CommandTaskRootfs: the volume can be written by the user of the task', async () => {
    const own = await startSuite(['--docker_volume_chown']);
    await using _ = own.cluster;
    await using other = new LastingFramework(own.cluster.master);
    await other.subscribe();
    const command = { user: 'nobody', value: 'test "$(id -un)" = nobody && test -w /tmp/foo' };
    const volumes = [volume('driver1', 'owned', '/tmp/foo')];
    await other.launchTasks(await agentId(own), [{ name: 'test', command, container: imageContainer(...volumes) }]);
    await other.status('test', 'TASK_FINISHED');
    expect(other.statesOf('test')).toEqual(SUCCESS);
    await assertNothingLeft(own.cluster);
    expect(await own.dvdcli.calls()).toEqual([mountOf('driver1', 'owned'), unmountOf('driver1', 'owned')]);
    await other.call({ type: 'TEARDOWN' });
  });
});

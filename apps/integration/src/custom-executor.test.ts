import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '@drydock/base/wait-until';
import type { LocalCluster } from '@drydock/cluster';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findFreePort } from './crash-matrix/free-port.ts';
import { LastingFramework } from './testing/lasting-framework.ts';
import { assertNothingLeft, type TestDriver } from './testing/test-cluster.ts';
import { VolumeWorld } from './testing/volume-world.ts';

const PROGRAM = fileURLToPath(new URL('../../../fixtures/executors/volume-executor.mjs', import.meta.url));
const tags = ['root'];

let world: VolumeWorld;
let cluster: LocalCluster;
let driver: TestDriver;
let framework: LastingFramework;
let agentId: string;
beforeEach(async () => {
  // Executors know an agent by its address only, also the one that comes after it.
  world = await VolumeWorld.start({ agentFlags: [`--port=${await findFreePort()}`] });
  ({ cluster, driver } = world);
  framework = new LastingFramework(cluster.master);
  await framework.subscribe({ checkpoint: true });
  const { slaves } = (await (await fetch(`http://${cluster.master}/state`)).json()) as { slaves: { id: string }[] };
  agentId = slaves[0]?.id ?? '';
}, 60_000);
afterEach(async () => {
  await framework[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
}, 60_000);

type Json = Record<string, unknown>;
const scalar = (name: string, value: number): Json => ({ name, type: 'SCALAR', scalar: { value } });
const anExecutor = (fields: Json = {}): Json => ({
  executor_id: { value: 'e' },
  name: 'volume executor',
  command: { value: `exec ${process.execPath} ${PROGRAM}`, environment: { variables: [{ name: 'OWN', value: '1' }] } },
  container: { type: 'MESOS', volumes: [world.volumeAt('data')] },
  resources: [scalar('cpus', 0.1), scalar('mem', 256)],
  ...fields,
});
const launch = async (...ids: readonly string[]): Promise<void> =>
  await framework.launchTasks(
    agentId,
    ids.map((name) => ({ name, executor: anExecutor() })),
  );
const running = async (...ids: readonly string[]): Promise<void> => {
  for (const id of ids) await framework.status(id, 'TASK_RUNNING');
  await world.appeared(...ids.map((id) => `begun-${id}`));
};
const shutDown = async (): Promise<void> => {
  const shutdown = { executor_id: { value: 'e' }, agent_id: { value: agentId } };
  await framework.call({ type: 'SHUTDOWN', shutdown });
};
const executorStates = async (address: string): Promise<readonly Json[]> => {
  const state = (await (await fetch(`http://${address}/state`)).json()) as { frameworks: { executors: Json[] }[] };
  return state.frameworks.flatMap(({ executors }) => executors);
};
/** What the executor has written, and its environment. */
const sandboxOf = async (): Promise<string> => {
  const [executor] = await executorStates(world.agent.address);
  return String(executor?.['directory']);
};
/** Of the updates of a task. */
const uuidsOf = (id: string): ReadonlySet<string | undefined> =>
  new Set(framework.events.flatMap(({ update }) => (update?.status.task_id.value === id ? [update.status.uuid] : [])));
const messages = (): readonly string[] =>
  framework.events.flatMap(({ message }) =>
    message === undefined ? [] : [Buffer.from(message.data, 'base64').toString()],
  );

describe('a custom executor', { tags, timeout: 120_000 }, () => {
  it('runs several tasks in one container with a Docker volume, until it is shut down', async () => {
    await launch('a', 'b');
    await running('a', 'b');
    const [shown] = await executorStates(world.agent.address);
    expect(shown).toMatchObject({ id: 'e', name: 'volume executor', tasks: [{ id: 'a' }, { id: 'b' }] });
    expect(await executorStates(cluster.master)).toMatchObject([
      { executor_id: 'e', resources: { cpus: 0.1, mem: 256 } },
    ]);
    await world.touch('end-a');
    expect(await framework.status('a', 'TASK_FINISHED')).toMatchObject({ message: 'told to finish' });
    await launch('c');
    await running('c');
    await framework.kill('b');
    expect(await framework.status('b', 'TASK_KILLED')).toMatchObject({ message: 'killed' });
    const data = Buffer.from('you').toString('base64');
    const message = { agent_id: { value: agentId }, executor_id: { value: 'e' }, data };
    await framework.call({ type: 'MESSAGE', message });
    await waitUntil(() => messages().includes('heard you'), { what: 'the answer of the executor' });
    const sandbox = await sandboxOf();
    await shutDown();
    expect(await framework.status('c', 'TASK_KILLED')).toMatchObject({ message: 'shut down' });
    expect((await framework.next('FAILURE')).failure).toEqual({
      agent_id: { value: agentId },
      executor_id: { value: 'e' },
      status: 0,
    });
    expect((await readFile(join(sandbox, 'stdout'), 'utf8')).split('\n')[0]).toBe('Received SUBSCRIBED');
    await framework.call({ type: 'TEARDOWN' });
    await assertNothingLeft(cluster);
    const calls = await driver.stopAndListCalls();
    expect(calls.filter((method) => method === 'VolumeDriver.Mount')).toHaveLength(1);
    expect(calls.filter((method) => method === 'VolumeDriver.Unmount')).toHaveLength(1);
  });

  it('gets the tasks of a group at once', async () => {
    const resources = [scalar('cpus', 0.1), scalar('mem', 256), scalar('disk', 32)];
    const { command } = anExecutor();
    const container = { type: 'MESOS', volumes: [world.volumeAt('data')] };
    const executor = { id: 'e', container, fields: { type: 'CUSTOM', command, resources } };
    await framework.launchGroup(agentId, executor, [{ name: 'a' }, { name: 'b' }]);
    await running('a', 'b');
    expect(await readFile(join(await sandboxOf(), 'stdout'), 'utf8')).toContain('Received LAUNCH_GROUP\n');
    await world.touch('end-a');
    await framework.status('a', 'TASK_FINISHED');
    await framework.kill('b');
    await framework.status('b', 'TASK_KILLED');
    await framework.call({ type: 'TEARDOWN' });
    await assertNothingLeft(cluster);
  });

  it('goes on without its agent, and tells the next one what it could not tell', async () => {
    // What of the framework is over does not matter to what is not.
    await framework.launch(agentId, 'at-first', 'true');
    await framework.status('at-first', 'TASK_FINISHED');
    await launch('finished', 'going-on');
    await running('finished', 'going-on');
    const sandbox = await sandboxOf();
    await world.killAgent();
    await world.touch('end-finished');
    await waitUntil(
      async () => (await readFile(join(sandbox, 'stdout'), 'utf8')).includes('TASK_FINISHED: ECONNREFUSED'),
      {
        what: 'the executor to have something to tell',
      },
    );
    await cluster.restartAgent(world.agent);
    expect(await framework.status('finished', 'TASK_FINISHED')).toMatchObject({ message: 'told to finish' });
    await launch('later');
    await running('later');
    await world.touch('end-going-on');
    await framework.status('going-on', 'TASK_FINISHED');
    // Each is told at least once, and is the same one each time.
    for (const id of ['finished', 'going-on']) expect(uuidsOf(id).size).toBe(2);
    const stdout = await readFile(join(sandbox, 'stdout'), 'utf8');
    expect(stdout.match(/^Received SUBSCRIBED$/gm)).toHaveLength(2);
    await framework.call({ type: 'TEARDOWN' });
    await assertNothingLeft(cluster);
    const calls = await driver.stopAndListCalls();
    expect(calls.filter((method) => method === 'VolumeDriver.Mount')).toHaveLength(1);
    expect(calls.filter((method) => method === 'VolumeDriver.Unmount')).toHaveLength(1);
  });

  it('goes on over a SIGTERM of its agent, as what runs for frameworks with checkpoint does', async () => {
    await launch('a');
    await running('a');
    world.agent.daemon.kill('SIGTERM');
    await world.agent.daemon.exited;
    expect(world.agent.daemon.exitCode).toBe(0);
    await cluster.restartAgent(world.agent);
    await world.touch('end-a');
    await framework.status('a', 'TASK_FINISHED');
    await framework.call({ type: 'TEARDOWN' });
    await assertNothingLeft(cluster);
  });

  it('that does not come back to the next agent is ended, and its tasks with it', async () => {
    const silent = `touch data/begun; exec sleep 3600`;
    const executor = anExecutor({ command: { value: silent } });
    await framework.launchTasks(agentId, [{ name: 'silent', executor }]);
    await world.appeared('begun');
    await world.killAgent();
    await cluster.restartAgent(world.agent);
    expect(await framework.status('silent', 'TASK_FAILED')).toMatchObject({
      reason: 'REASON_EXECUTOR_REREGISTRATION_TIMEOUT',
      message: 'Executor did not reregister within 2secs',
    });
    expect((await framework.next('FAILURE')).failure).toMatchObject({ executor_id: { value: 'e' } });
    await framework.call({ type: 'TEARDOWN' });
    await assertNothingLeft(cluster);
  });

  it('takes its tasks with it when it exits, and may be launched again', async () => {
    const failing = anExecutor({ command: { value: 'exit 3' } });
    await framework.launchTasks(agentId, [{ name: 'failing', executor: failing }]);
    expect(await framework.status('failing', 'TASK_FAILED')).toMatchObject({
      reason: 'REASON_EXECUTOR_TERMINATED',
      message: 'Executor terminated',
    });
    expect((await framework.next('FAILURE')).failure).toMatchObject({ executor_id: { value: 'e' }, status: 768 });
    await launch('a');
    await running('a');
    await framework.call({ type: 'TEARDOWN' });
    await assertNothingLeft(cluster);
  });
});
